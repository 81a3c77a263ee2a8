"""The results of one or many runs, read when they are asked for.

Knows nothing of formats: that is the business of the files.  Filters are OMNeT++'s match expressions
(`match`), tables are those of `tables`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from simcrate.results.datalines import FLOATS, FLOATS_AND_EVENTS, Layout
from simcrate.results.itemfilter import select
from simcrate.results.match import compile_expression
from simcrate.results.resultfile import ResultFile
from simcrate.results.runs import Incomplete, Run, merge_runs
from simcrate.results.tables import ALL_SAMPLES, ATTRIBUTES, SAMPLES, Attributes, Items, Kind

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]


class ResultSet:
    """Runs and their results, from any number of files.

    Opening reads next to nothing; each table is read at its first use and kept, samples never are.
    Methods raise ResultFormatError when a file is not what its format says, and BadInputError when a
    filter is not one.
    """

    def __init__(self, files: Sequence[ResultFile], *, restrictions: Sequence[str] = ()) -> None:
        """Put files together; `open_results` finds and opens them.

        Args:
            files: the files.
            restrictions: match expressions that every item must fulfil.
        """
        self._files = tuple(files)
        self._restrictions = tuple(restrictions)

    def where(self, filter: str) -> ResultSet:  # noqa: A002 - the field's word
        """The same runs with only the items that match; vectors keep their keys.

        Args:
            filter: a match expression; a blank one takes all.
        """
        compile_expression(filter)
        return ResultSet(self._files, restrictions=[*self._restrictions, filter])

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs, each once, in the order of the files."""
        runs: dict[str, Run] = {}
        for file in self._files:
            for run in file.runs:
                runs[run.id] = merge_runs(runs[run.id], run) if run.id in runs else run
        return tuple(runs.values())

    @property
    def incomplete(self) -> tuple[Incomplete, ...]:
        """Files that hold less than their simulator meant to write."""
        return tuple(reason for file in self._files for reason in file.incomplete)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know before believing the numbers; one sentence each."""
        names: dict[str, list[str]] = {}
        for file in self._files:
            for warning in file.warnings:
                names.setdefault(warning, []).append(file.path.name)
        read = [f"{_counted(files)}: {warning}" for warning, files in names.items()]
        return (*read, *self._doubled)

    def scalars(self, filter: str = "") -> pa.Table:  # noqa: A002
        """Scalars, columns as in `tables.SCALARS`."""
        return self.table(Kind.SCALARS, filter)

    def statistics(self, filter: str = "") -> pa.Table:  # noqa: A002
        """Statistics without bins, columns as in `tables.STATISTICS`."""
        return self.table(Kind.STATISTICS, filter)

    def histograms(self, filter: str = "") -> pa.Table:  # noqa: A002
        """Histograms, columns as in `tables.HISTOGRAMS`."""
        return self.table(Kind.HISTOGRAMS, filter)

    def parameters(self, filter: str = "") -> pa.Table:  # noqa: A002
        """Module parameters, columns as in `tables.PARAMETERS`."""
        return self.table(Kind.PARAMETERS, filter)

    def vectors(self, filter: str = "") -> pa.Table:  # noqa: A002
        """Vectors and summaries of their samples, from the index; columns as in `tables.VECTORS`."""
        return self.table(Kind.VECTORS, filter)

    def table(self, kind: Kind, filter: str = "") -> pa.Table:  # noqa: A002
        """The items of one kind, columns as in its schema.

        Args:
            kind: which kind.
            filter: a match expression; a blank one takes all.
        """
        return pa.concat_tables(
            [kind.schema.empty_table(), *(part.table for part in self._items(kind, filter))]
        )

    def rows(
        self,
        kind: Kind,
        filter: str = "",  # noqa: A002
    ) -> Iterator[tuple[dict[str, object], Attributes]]:
        """The items of one kind, one at a time: the columns of its schema, and all attributes."""
        for part in self._items(kind, filter):
            yield from zip(part.table.to_pylist(), part.attributes, strict=True)

    def attributes(self, kind: Kind, filter: str = "") -> pa.Table:  # noqa: A002
        """All attributes of the items of one kind, columns as in `tables.ATTRIBUTES`.

        Args:
            kind: which kind.
            filter: a match expression that takes items.
        """
        rows = [
            (run, module, name, attribute, value)
            for part in self._items(kind, filter)
            for run, module, name, found in zip(
                *(part.table.column(column).to_pylist() for column in ("run", "module", "name")),
                part.attributes,
                strict=True,
            )
            for attribute, value in found.items()
        ]
        columns = zip(*rows, strict=True) if rows else ([] for _ in ATTRIBUTES)
        return pa.table([pa.array(column, pa.string()) for column in columns], schema=ATTRIBUTES)

    def samples(
        self, vector: int, *, start_s: float | None = None, end_s: float | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Samples of one vector in [start_s, end_s), block-wise and in bounded memory.

        Args:
            vector: its key, from the table of vectors.
            start_s: simulated seconds; None: from the first sample.
            end_s: simulated seconds; None: to the last sample.

        Yields:
            batches with the columns of `tables.SAMPLES`.

        Raises:
            KeyError: there is no such vector.
        """
        for table in self.vector_tables(vector, FLOATS_AND_EVENTS, start_s=start_s, end_s=end_s):
            yield from table.rename_columns(SAMPLES.names).to_batches()

    def read_vector(self, vector: int) -> pa.Table:
        """All samples of one vector at once, columns as in `tables.SAMPLES`.

        Raises:
            KeyError: there is no such vector.
        """
        return pa.Table.from_batches(self.samples(vector), schema=SAMPLES)

    def all_samples(self, filter: str = "", *, events: bool = False) -> Iterator[pa.RecordBatch]:  # noqa: A002
        """Samples of all vectors in the order of their files: the fastest way to see everything once.

        Args:
            filter: a match expression that takes vectors.
            events: whether to add the column `event`, null where not recorded, as the last one.

        Yields:
            batches with the columns of `tables.ALL_SAMPLES`; times never decrease within a vector.
        """
        for table in self.sample_tables(FLOATS_AND_EVENTS if events else FLOATS, filter):
            columns = [*ALL_SAMPLES.names, *(["event"] if events else [])]
            named = table.rename_columns({"time": "time_s"})
            yield from named.select(columns).to_batches()

    def sample_tables(self, layout: Layout, filter: str = "") -> Iterator[pa.Table]:  # noqa: A002
        """As `all_samples`, with times and values in another form: exact decimals, or the file's text.

        Yields:
            columns vector int64, event (if wanted), time, value.
        """
        for position, file in enumerate(self._files):
            matching = self._matching(file, Kind.VECTORS, filter)
            rows = matching.table.column("vector").to_pylist()
            for table in file.samples(rows, layout) if rows else ():
                keys = pa.array(table.column("vector").to_numpy() + self._first_keys[position])
                yield table.set_column(0, "vector", keys)

    def vector_tables(
        self,
        vector: int,
        layout: Layout,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> Iterator[pa.Table]:
        """As `samples`, with times and values in another form: exact decimals, or the file's text.

        Yields:
            columns event (if wanted), time, value.
        """
        if not 0 <= vector < self._first_keys[-1]:
            message = f"there is no vector {vector}; keys are those of the table of vectors"
            raise KeyError(message)
        position = int(np.searchsorted(self._first_keys, vector, side="right")) - 1
        yield from self._files[position].vector_samples(
            vector - self._first_keys[position],
            layout,
            start_s=-math.inf if start_s is None else start_s,
            end_s=math.inf if end_s is None else end_s,
        )

    def to_pandas(self, kind: Kind | str, filter: str = "") -> pd.DataFrame:  # noqa: A002
        """The items of one kind as a data frame, with a column of text for each iteration variable.

        Args:
            kind: which kind, as `"scalars"`.
            filter: a match expression.

        Raises:
            ImportError: pandas is not installed.
        """
        table = self.table(Kind(kind), filter)
        values = {run.id: run.itervars for run in self.runs}
        names = dict.fromkeys(name for itervars in values.values() for name in itervars)
        run_ids = table.column("run").to_pylist()
        for name in names:
            column = pa.array([values[run_id].get(name) for run_id in run_ids], pa.string())
            taken = name in table.column_names
            table = table.append_column(f"itervar:{name}" if taken else name, column)
        return table.to_pandas()

    def _items(self, kind: Kind, filter: str) -> Iterator[Items]:  # noqa: A002
        """Items of each file, vectors with their keys."""
        for position, file in enumerate(self._files):
            items = self._matching(file, kind, filter)
            if kind is Kind.VECTORS:
                keys = items.table.column("vector").to_numpy() + self._first_keys[position]
                table = items.table.set_column(0, "vector", pa.array(keys))
                items = Items(table=table, attributes=items.attributes)
            yield items

    def _matching(self, file: ResultFile, kind: Kind, filter: str) -> Items:  # noqa: A002
        items = file.items(kind)
        for text in (*self._restrictions, filter):
            if text.strip():
                items = select(items, compile_expression(text), kind, file, self._runs_by_id)
        return items

    @cached_property
    def _runs_by_id(self) -> dict[str, Run]:
        return {run.id: run for run in self.runs}

    @cached_property
    def _first_keys(self) -> list[int]:
        """The first vector's key of each file, and one past the last key."""
        counts = [file.items(Kind.VECTORS).table.num_rows for file in self._files]
        return list(accumulate(counts, initial=0))

    @property
    def _doubled(self) -> Iterator[str]:
        """Runs that stand in several files of one kind: copies, most likely."""
        seen: dict[tuple[str, str], Path] = {}
        for file in self._files:
            for run in file.runs:
                first = seen.setdefault((file.path.suffix, run.id), file.path)
                if first != file.path:
                    places = [f"{path.parent.name}/{path.name}" for path in (first, file.path)]
                    yield f"run {run.id} stands in {' and in '.join(places)}; its results count twice"


def _counted(names: Sequence[str]) -> str:
    """The first name, and how many there are besides."""
    more = len(names) - 1
    return names[0] + (f" and {more} more file{'s' * (more > 1)}" if more else "")
