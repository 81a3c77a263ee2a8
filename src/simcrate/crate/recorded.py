"""What result files say of themselves, for crates of directories that nobody watched being written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simcrate.crate.provenance import RunRecord
from simcrate.errors import NoResults, ResultFormatError
from simcrate.results import Run, content_digest, open_results


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Runs and digest of results, as far as they can be read."""

    runs: tuple[RunRecord, ...] = ()
    """By configuration and number."""

    content_digest: str = ""
    """Empty where there are no results, or not all of them can be read."""

    problem: str = ""
    """Why there is no digest, in a sentence; empty where there is one, or nothing to digest."""


def read_recorded(files: Sequence[Path]) -> Recorded:
    """Read the result files among these, whole, in bounded memory."""
    runs: tuple[RunRecord, ...] = ()
    try:
        results = open_results(files)
        runs = _records(results.runs)
        return Recorded(runs=runs, content_digest=content_digest(results))
    except NoResults:
        return Recorded()
    except ResultFormatError as error:
        return Recorded(runs=runs, problem=f"there is no content digest: {error}")


def _records(runs: Sequence[Run]) -> tuple[RunRecord, ...]:
    numbered = [
        (run, number if run.number is None else run.number) for number, run in enumerate(runs)
    ]
    numbered.sort(key=lambda pair: (pair[0].config_name, pair[1], pair[0].id))
    return tuple(_record(run, number) for run, number in numbered)


def _record(run: Run, number: int) -> RunRecord:
    seed_set = run.attributes.get("seedset", "")
    return RunRecord(
        number=number,
        config=run.config_name,
        itervars=run.itervars,
        repetition=run.repetition,
        seeds=(int(seed_set),) if seed_set.isdecimal() else (),
    )
