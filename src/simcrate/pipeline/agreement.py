"""Between parse and statistics: are these the results of the runs that were asked for?

What users chose from was our own reading of their ini.  A simulator that reads it otherwise simulates
something else under the same run number, and nothing of that is an error anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from simcrate.pipeline.jobs import RunOutcome
from simcrate.results import ResultSet, Run

MOST_TOLD = 5  # runs; one cause makes all of them differ
REPETITION = "repetition"


def disagreements(results: ResultSet, outcomes: Sequence[RunOutcome]) -> tuple[str, ...]:
    """One sentence for each run whose results carry other iteration variables than were asked for.

    Results that name no run number are believed; so are those of runs whose rules are not known, because only
    the simulator understands their settings, or because their worker died before it wrote an outcome.

    Raises:
        ResultFormatError: a header cannot be read.
    """
    if not any(outcome.generation for outcome in outcomes):
        return ()
    asked = {outcome.number: outcome for outcome in outcomes}
    numbered = ((run, run.number) for run in results.runs)
    told = [
        sentence
        for run, number in numbered
        if number is not None and (sentence := _sentence(number, run, asked.get(number)))
    ]
    left_out = len(told) - MOST_TOLD
    more = [f"… and so did {left_out:,} more runs."] if left_out > 0 else []
    return (*told[:MOST_TOLD], *more)


def _sentence(number: int, run: Run, outcome: RunOutcome | None) -> str:
    """Empty where nothing differs."""
    if outcome is None:
        return f"There are results of a run {number}, which was not asked for."
    if outcome.generation is None:
        return ""
    asked = {**outcome.itervars, REPETITION: str(outcome.repetition)}
    recorded = dict(run.itervars)
    if run.repetition is None:
        del asked[REPETITION]
    else:
        recorded[REPETITION] = str(run.repetition)
    names = [name for name in asked | recorded if asked.get(name) != recorded.get(name)]
    if not names:
        return ""
    return (
        f"Run {number} recorded {_values(recorded, names)} where the ini says "
        f"{_values(asked, names)}; the statistics go by what it recorded."
    )


def _values(values: Mapping[str, str], names: Iterable[str]) -> str:
    return ", ".join(
        f"${name}={values[name]}" if name in values else f"no ${name}" for name in names
    )
