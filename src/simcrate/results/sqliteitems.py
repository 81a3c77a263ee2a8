"""Runs, scalars, statistics and parameters in OMNeT++'s SQLite result files.

NULL stands for NaN, which SQLite cannot store.

Source: the schemas that OMNeT++ 5.1, 5.6 and 6.1 create; no version of the schema is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simcrate.results.database import Cell, Database
from simcrate.results.recorded import Item, RecordedItems, StatisticFields
from simcrate.results.runs import RunHeader
from simcrate.results.tables import Attributes
from simcrate.results.text import LineError

_FIELDS = {
    "statCount": "count",
    "statMean": "mean",
    "statStddev": "stddev",
    "statMin": "min",
    "statMax": "max",
    "statSum": "sum",
    "statSqrsum": "sqrsum",
    "statWeights": "weights",
    "statWeightedSum": "weightedSum",
    "statSqrSumWeights": "sqrSumWeights",
    "statWeightedSqrSum": "weightedSqrSum",
}


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One row of the table of runs, and what belongs to it."""

    header: RunHeader
    time_exponent: int
    """Times are in units of 10^this seconds, from -18 to 0."""


def read_runs(database: Database) -> dict[int, StoredRun]:
    """The runs, by their number in the file.

    Raises:
        ResultFormatError: there is none, or something in them is not what it should be.
    """
    runs = {}
    for number, name, exponent in database.rows(("run", ("runId", "runName", "simtimeExp"))):
        if database.whole(exponent) not in range(-18, 1):
            raise database.error(f"expected a time exponent from -18 to 0, found {exponent!r}")
        header = RunHeader(database.text(name))
        runs[database.whole(number)] = StoredRun(header, database.whole(exponent))
    if not runs:
        raise database.error("expected OMNeT++ results, found no table `run` with runs in it")
    for number, name, value in database.rows(("runAttr", ("runId", "attrName", "attrValue"))):
        run_of(database, runs, number).attributes[database.text(name)] = database.text(value)
    for number, name, value in database.rows(
        ("runItervar", ("runId", "itervarName", "itervarValue"))
    ):
        run_of(database, runs, number).itervars[database.text(name)] = database.text(value)
    for number, name, value in database.rows(
        ("runConfig", ("runId", "configKey", "configValue")),
        ("runParam", ("runId", "paramKey", "paramValue")),
        ("runParam", ("runId", "parName", "parValue")),
    ):
        run_of(database, runs, number).config.append((database.text(name), database.text(value)))
    return runs


def run_of(database: Database, runs: Mapping[int, StoredRun], number: Cell) -> RunHeader:
    """The run of a row.

    Raises:
        ResultFormatError: there is no such run.
    """
    found = runs.get(database.whole(number))
    if found is None:
        raise database.error(f"expected a row of a known run, found run {number!r}")
    return found.header


def read_items(database: Database, runs: Mapping[int, StoredRun]) -> RecordedItems:
    """All items that are not vectors.

    Raises:
        ResultFormatError: something in them is not what it should be.
    """
    recorded = RecordedItems()
    attributes = read_attributes(database, "scalar", "scalarId")
    columns = ("scalarId", "runId", "moduleName", "scalarName", "scalarValue")
    for number, run, module, name, value in database.rows(("scalar", columns)):
        labels = _labels(database, runs, (run, module, name))
        own = attributes.get(database.whole(number), {})
        recorded.scalars.append(Item(*labels, database.number(value), own))
    attributes = read_attributes(database, "param", "paramId")
    columns = ("paramId", "runId", "moduleName", "paramName", "paramValue")
    for number, run, module, name, value in database.rows(("parameter", columns)):
        labels = _labels(database, runs, (run, module, name))
        own = attributes.get(database.whole(number), {})
        recorded.parameters.append(Item(*labels, database.text(value), own))
    for statistic in _statistics(database, runs):
        recorded.statistics.append(statistic)
    return recorded


def read_attributes(database: Database, kind: str, key: str) -> dict[int, Attributes]:
    """Attributes of the items of a kind, by the number of the item."""
    attributes: dict[int, dict[str, str]] = defaultdict(dict)
    for number, name, value in database.rows((f"{kind}Attr", (key, "attrName", "attrValue"))):
        attributes[database.whole(number)][database.text(name)] = database.text(value)
    return dict(attributes)


def _statistics(
    database: Database, runs: Mapping[int, StoredRun]
) -> Iterator[Item[StatisticFields]]:
    attributes = read_attributes(database, "statistic", "statId")
    bins = _bins(database)
    unweighted = {
        number
        for number, is_weighted in database.rows(("statistic", ("statId", "isWeighted")))
        if not is_weighted
    }
    columns = ("statId", "runId", "moduleName", "statName", *_FIELDS)
    for number, run, module, name, *cells in database.rows(("statistic", columns)):
        key = database.whole(number)
        found = bins.get(key, StatisticFields())
        for field, cell in zip(_FIELDS.values(), cells, strict=True):
            if cell is not None and not (field == "weights" and key in unweighted):
                _set(database, found, field, cell)
        yield Item(*_labels(database, runs, (run, module, name)), found, attributes.get(key, {}))


def _set(database: Database, found: StatisticFields, field: str, cell: Cell) -> None:
    try:
        found.set_field(field, database.number(cell))
    except LineError as error:
        raise database.error(str(error)) from error


def _bins(database: Database) -> dict[int, StatisticFields]:
    bins: dict[int, StatisticFields] = defaultdict(StatisticFields)
    for number, edge, value in database.rows(
        ("histogramBin", ("statId", "lowerEdge", "binValue")),
        ("histBin", ("statId", "baseValue", "cellValue")),
    ):
        try:
            bins[database.whole(number)].add_bin(database.number(edge), database.number(value))
        except LineError as error:
            raise database.error(str(error)) from error
    return dict(bins)


def _labels(
    database: Database, runs: Mapping[int, StoredRun], cells: tuple[Cell, Cell, Cell]
) -> tuple[str, str, str]:
    run, module, name = cells
    return run_of(database, runs, run).id, database.text(module), database.text(name)
