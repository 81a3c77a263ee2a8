"""Find the vectors and blocks of a `.vec` file by reading all of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from simcrate.errors import ResultFormatError
from simcrate.results.blocks import NO_BLOCKS, Blocks, summarise
from simcrate.results.chunks import Chunk, Range, format_error, read_chunks
from simcrate.results.datalines import FLOATS, FaultyLineError, Rows, SortedLines
from simcrate.results.declarations import Declarations, DeclaredVectors
from simcrate.results.samplecheck import SampleCheck
from simcrate.results.text import LineError
from simcrate.results.timeorder import Integers


class VectorScan:
    """Reads ranges of a `.vec` file, each completely: declarations, and blocks as an index has them.

    Where the samples of vectors are finely mixed, a block covers all those of a vector in one chunk of
    the file, and lines of other vectors with them; so readers of a block pick the vector's lines.
    """

    def __init__(self, path: Path) -> None:
        self.declared = DeclaredVectors((), ())
        """The vectors that the ranges declare."""

        self._path = path
        self._declarations = Declarations()
        self._check = SampleCheck(path)
        self._blocks = [NO_BLOCKS]

    @property
    def blocks(self) -> Blocks:
        """Where in the ranges samples are."""
        return Blocks.concatenate(self._blocks)

    def read_all(self, end: int) -> None:
        """Read the whole file up to the end of its last whole line.

        Raises:
            ResultFormatError: as `read`.
        """
        self.read([Range(0, end)] if end else [])
        if end:
            self.check_version()

    def check_version(self) -> None:
        """Make sure that the version was in what has been read.

        Raises:
            ResultFormatError: it was not.
        """
        try:
            self._declarations.check_version()
        except LineError as error:
            raise ResultFormatError(str(error), file=self._path, line=1) from error

    def read(self, ranges: Iterable[Range]) -> None:
        """Read ranges in the order of the file.

        Raises:
            ResultFormatError: a line is not what the format says; names the line.
        """
        for chunk in read_chunks(self._path, ranges):
            try:
                self._read_chunk(chunk)
            except FaultyLineError as error:
                raise format_error(self._path, str(error), chunk.offset(error.position)) from error

    def _read_chunk(self, chunk: Chunk) -> None:
        lines = SortedLines(chunk.data)
        self._read_declarations(chunk, lines)
        if len(lines.data_lines):
            parsed = lines.parse(FLOATS)
            rows = self._check.rows(chunk, parsed)
            self._append(self._summarise(chunk, lines, parsed, rows))

    def _append(self, blocks: Blocks) -> None:
        early = blocks.offset < self.declared.offsets[blocks.row]
        if early.any():
            message = "expected the declaration of a vector before its data"
            raise format_error(self._path, message, int(blocks.offset[early.argmax()]))
        self._blocks.append(blocks)

    def _read_declarations(self, chunk: Chunk, lines: SortedLines) -> None:
        positions, texts = lines.others()
        if not texts:
            return
        for text, offset in zip(texts, chunk.offsets(positions).tolist(), strict=True):
            try:
                self._declarations.read(text, offset)
            except LineError as error:
                raise format_error(self._path, str(error), offset) from error
        self.declared = self._declarations.freeze()
        self._check.declare(self.declared)

    def _summarise(self, chunk: Chunk, lines: SortedLines, parsed: Rows, rows: Integers) -> Blocks:
        data_lines = lines.data_lines
        return summarise(
            rows,
            parsed.table.column("time").to_numpy(),
            parsed.table.column("value").to_numpy(),
            offsets=chunk.offsets(lines.starts[data_lines]),
            lengths=(lines.ends - lines.starts + 1)[data_lines],
        )
