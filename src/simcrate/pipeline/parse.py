"""Stage 3: result files become a lazy result set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from simcrate.pipeline.watch import Watch
from simcrate.results import ResultSet, open_results

STAGE = "parse"
SUFFIXES = (".sca", ".vec")
"""What is opened; a `.vci` belongs to its `.vec`, and logs are no results."""


def parse(paths: Sequence[Path], watch: Watch) -> ResultSet:
    """Open the result files; vectors are read only when asked for.

    Args:
        paths: the result files, as they were collected, and nothing that is none.
        watch: shows the stage.

    Raises:
        ResultFormatError: names file and line.
        NoResults: none of the files is a result file.
    """
    watch.show_stage(STAGE)
    opened = [path for path in paths if path.suffix in SUFFIXES]
    return open_results(opened, use_index=_are_collected(_indexes_of(opened), paths))


def _indexes_of(opened: Sequence[Path]) -> set[Path]:
    indexes = (path.with_suffix(".vci") for path in opened if path.suffix == ".vec")
    return {path for path in indexes if os.path.lexists(path)}


def _are_collected(indexes: set[Path], paths: Sequence[Path]) -> bool:
    """Else one of them is a link, a pipe, a device: opening it would leave the results, or never end."""
    return indexes <= set(paths)
