"""Stage 2: the run directories become the list of result files, with sizes and SHA-256.

The digests are taken as soon as the simulators have ended; packing compares what it reads with them, so
that a file that changes in between is noticed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from simcrate.errors import NoResults
from simcrate.pipeline.resultdir import gather_results
from simcrate.pipeline.watch import Watch

STAGE = "collect"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """One file that a run left in its result directory."""

    path: Path
    run_number: int
    name: str
    """Relative to the result directory, with `/`."""
    size_bytes: int
    sha256: str


def collect(result_dirs: Mapping[int, Path], watch: Watch) -> tuple[ResultFile, ...]:
    """List what the runs recorded.

    Args:
        result_dirs: by run number.
        watch: shows the percentage by bytes.

    Returns:
        regular files only: links and devices are not results.

    Raises:
        NoResults: there is none at all.
    """
    found = [
        (number, Path(os.path.realpath(directory)), path)
        for number, directory in sorted(result_dirs.items())
        for path in _regular_files(directory)
    ]
    if not found:
        message = "the runs left no result files; see their logs in the crate"
        raise NoResults(message)
    total_bytes = sum(path.stat().st_size for _, _, path in found) or 1
    done_bytes = 0
    files = []
    for number, directory, path in found:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size_bytes = file.tell()
        files.append(
            ResultFile(
                path=path,
                run_number=number,
                name=path.relative_to(directory).as_posix(),
                size_bytes=size_bytes,
                sha256=sha256,
            )
        )
        done_bytes += size_bytes
        watch.show_stage(STAGE, 100 * done_bytes / total_bytes)
    return tuple(files)


def _regular_files(directory: Path) -> list[Path]:
    """Below the directory's real path; a file that links stand for as well counts once."""
    return sorted({member.source for member in gather_results(directory).members})
