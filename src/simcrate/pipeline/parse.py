"""Stage 3: result files become a lazy result set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simcrate.pipeline.watch import Watch
from simcrate.results import ResultSet, open_results

STAGE = "parse"
SUFFIXES = (".sca", ".vec")
"""What is opened; a `.vci` belongs to its `.vec`, and logs are no results."""


def parse(paths: Sequence[Path], watch: Watch) -> ResultSet:
    """Open the result files; vectors are read only when asked for.

    Raises:
        ResultFormatError: names file and line.
        NoResults: none of the files is a result file.
    """
    watch.show_stage(STAGE)
    return open_results([path for path in paths if path.suffix in SUFFIXES])
