"""Find result files and open them by what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from simcrate.errors import NoResults, ResultFormatError
from simcrate.results.database import is_database
from simcrate.results.resultfile import ResultFile
from simcrate.results.resultset import ResultSet
from simcrate.results.scalarfile import ScalarFile
from simcrate.results.sqlitefile import SqliteFile
from simcrate.results.timeseries import TimeSeriesFile, is_time_series
from simcrate.results.vectorfile import VectorFile

_SUFFIXES = (".sca", ".vec", ".csv")


def open_results(paths: Sequence[Path], *, use_index: bool = True) -> ResultSet:
    """Open result files, lazily.

    `.sca` and `.vec` files count, and `.csv` files that begin as time series do (see `timeseries`);
    others are passed over.

    Args:
        paths: files, and directories that are searched with all below them.
        use_index: False reads all vectors rather than believe an index (which is checked in any case).

    Returns:
        their results; files that are named twice count once.

    Raises:
        NoResults: a path does not exist, or there is no result file.
        ResultFormatError: a file cannot be opened, or a `.sca` file is not one; others are read later.
    """
    files = [_open(path, use_index=use_index) for path in _find(paths)]
    if not files:
        message = (
            f"could not find results in {_names(paths)}: there is no .sca, .vec or time series .csv"
        )
        raise NoResults(message)
    return ResultSet(files)


def _find(paths: Sequence[Path]) -> list[Path]:
    found = {path.resolve(): path for path in _candidates(paths) if _is_result(path)}
    return list(found.values())


def _candidates(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.is_file())
        elif path.is_file():
            yield path
        else:
            message = f"could not find results: there is no file or directory {path.name!r}"
            raise NoResults(message, detail=str(path))


def _is_result(path: Path) -> bool:
    return path.suffix in _SUFFIXES and (path.suffix != ".csv" or is_time_series(path))


def _open(path: Path, *, use_index: bool) -> ResultFile:
    try:
        is_sqlite = is_database(path)
    except OSError as error:
        message = f"it cannot be opened: {error.strerror}"
        raise ResultFormatError(message, file=path) from error
    if path.suffix == ".csv":
        return TimeSeriesFile(path)
    if is_sqlite:
        return SqliteFile(path)
    if path.suffix == ".vec":
        return VectorFile(path, use_index=use_index)
    return ScalarFile(path)


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(repr(path.name or str(path)) for path in paths) or "nothing"
