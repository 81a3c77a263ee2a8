"""Small result sets, written as OMNeT++ writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from simcrate.results import ResultSet, open_results

Scalar = tuple[str, str, float | str]
"""Module, name, value."""

Vector = tuple[str, str, str, Sequence[tuple[float, float | str]]]
"""Module, name, interpolation mode, samples."""


class Study:
    """A directory of runs that a test adds to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.count = 0

    def results(self) -> ResultSet:
        return open_results([self.directory])

    def run(
        self,
        *,
        config: str = "Study",
        repetition: int = 0,
        itervars: Mapping[str, str] | None = None,
        seed_set: str | None = None,
        options: Mapping[str, str] | None = None,
        scalars: Sequence[Scalar] = (),
        vectors: Sequence[Vector] = (),
        extra: str = "",
    ) -> str:
        """Add a run; returns its ID."""
        number, self.count = self.count, self.count + 1
        run_id = f"{config}-{number}-20260101-00:00:00-1"
        lines = ["version 3", f"run {run_id}", f"attr configname {config}", "attr network Net"]
        lines += [f"attr repetition {repetition}", f"attr runnumber {number}"]
        lines += [f"attr seedset {number if seed_set is None else seed_set}"]
        lines += [f"itervar {name} {value}" for name, value in (itervars or {}).items()]
        lines += [f"config {key} {value}" for key, value in (options or {}).items()]
        head = "\n".join(lines) + "\n"
        body = "".join(f"scalar {m} {n} {v}\n" for m, n, v in scalars)
        (self.directory / f"{number}.sca").write_text(head + body + extra)
        if vectors:
            (self.directory / f"{number}.vec").write_text(head + _vectors(vectors))
        return run_id


@pytest.fixture
def study(tmp_path: Path) -> Study:
    directory = tmp_path / "results"
    directory.mkdir()
    return Study(directory)


def _vectors(vectors: Sequence[Vector]) -> str:
    text = ""
    for number, (module, name, mode, samples) in enumerate(vectors):
        text += f"vector {number} {module} {name} TV\n"
        text += f"attr interpolationmode {mode}\n" if mode else ""
        text += "".join(f"{number}\t{time}\t{value}\n" for time, value in samples)
    return text
