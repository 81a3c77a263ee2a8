"""The ini as one run used it: sections merged, `${…}` replaced, seeds fixed.

Given to the simulator as it stands, with the run number that its first line names, it repeats that run.  The launcher's options, which change no
result, stand in `run.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simcrate.errors import IniError
from simcrate.inifile import Config, Run, read_ini
from simcrate.pipeline.jobs import RunOutcome, Submission

_NOT_OF_A_RUN = frozenset({"extends", "repeat", "constraint", "seed-set"})
"""What makes runs out of a config, and has no meaning in one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsRun:
    """One run's own ini."""

    number: int
    text: str
    seed_set: int


def as_run(
    submission: Submission, outcomes: Sequence[RunOutcome], ini_path: Path
) -> Iterator[AsRun]:
    """Of every run, one at a time; none where only the simulator understands its settings.

    Args:
        submission: what was submitted.
        outcomes: of the runs that were started.  One without rules, whose worker died with it, follows those
            of the others.
        ini_path: as it was submitted.
    """
    generation = next((outcome.generation for outcome in outcomes if outcome.generation), None)
    if generation is None:
        return
    try:
        config = read_ini(ini_path, generation=generation).config(submission.config)
        for run in config.select(",".join(str(outcome.number) for outcome in outcomes)):
            yield _of(config, run)
    except IniError:
        return


def _of(config: Config, run: Run) -> AsRun:
    lines = [
        f"# Run {run.number} of the config {config.info.name}, as it was run; to repeat it: -r {run.repetition}",
        "",
        "[General]",
        f"seed-set = {run.seed_set}",
        f"repeat = {run.repetition + 1}",
        *(
            f"{entry.key} = {entry.value}"
            for entry in config.entries(run)
            if entry.key not in _NOT_OF_A_RUN
        ),
    ]
    return AsRun(number=run.number, text="\n".join(lines) + "\n", seed_set=run.seed_set)
