"""Apply a match expression to the items of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from simcrate.results.match import Expression
from simcrate.results.resultfile import ResultFile
from simcrate.results.runs import Run
from simcrate.results.tables import Items, Kind

_TYPES = {
    Kind.SCALARS: "scalar",
    Kind.STATISTICS: "statistic",
    Kind.HISTOGRAMS: "histogram",
    Kind.PARAMETERS: "param",
    Kind.VECTORS: "vector",
}


def select(
    items: Items, expression: Expression, kind: Kind, file: ResultFile, runs: Mapping[str, Run]
) -> Items:
    """The items that match.

    Args:
        items: all items of one kind in a file.
        expression: what to match.
        kind: their kind.
        file: the file.
        runs: every run by its ID.
    """
    columns: dict[str, Sequence[str]] = {}

    def texts(field: str) -> Sequence[str]:
        if field not in columns:
            columns[field] = _texts(field, items, kind, file, runs)
        return columns[field]

    mask = expression.mask(texts)
    chosen = np.flatnonzero(mask)
    return Items(
        table=items.table.take(chosen),
        attributes=[items.attributes[row] for row in chosen.tolist()],
    )


def _texts(
    field: str, items: Items, kind: Kind, file: ResultFile, runs: Mapping[str, Run]
) -> Sequence[str]:
    if field == "type":
        return [_TYPES[kind]] * items.table.num_rows
    if field == "file":
        return [str(file.path)] * items.table.num_rows
    if field in ("unit", "title"):
        return [attributes.get(field, "") for attributes in items.attributes]
    if field in ("run", "module", "name"):
        texts: list[str] = items.table.column(field).to_pylist()
        return texts
    prefix, _, key = field.partition(":")
    of_run = {run_id: _of_run(run, prefix, key) for run_id, run in runs.items()}
    own = items.attributes if prefix == "attr" else [{}] * items.table.num_rows
    run_ids = items.table.column("run").to_pylist()
    return [
        attributes.get(key, of_run[run_id]) for attributes, run_id in zip(own, run_ids, strict=True)
    ]


def _of_run(run: Run, prefix: str, key: str) -> str:
    if prefix == "itervar":
        return run.itervars.get(key, "")
    if prefix in ("config", "param"):
        return dict(reversed(run.config)).get(key, "")  # the first of several counts
    return run.attributes.get(key, "")
