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

    Results that name no run number, and simulators that alone understand their settings, are believed.

    Raises:
        ResultFormatError: a header cannot be read.
    """
    asked = {outcome.number: outcome for outcome in outcomes if outcome.generation}
    if not asked:
        return ()
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
