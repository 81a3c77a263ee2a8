"""Counting downloads by the bytes that were served.

Each byte that is served goes into the first *pass* over the object that lacks it.  A pass that covers the
whole object is one download, however many requests it took; bytes that a resumed download fetches twice
begin another pass and count for nothing until that one is whole.  So that nobody fetches all but the last
byte for ever, all passes together serve at most one size of the object more than the downloads allowed,
with what is being served just now.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from simcrate.localcloud.ledger import Ledger
from simcrate.localcloud.objects import StoredObject
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.ranges import Span

Spans = list[Span]


@dataclass(slots=True, kw_only=True)
class Coverage:
    """What was served of one object."""

    size_bytes: int
    served_bytes: int = 0
    downloads: int = 0
    """Whole passes."""
    passes: list[Spans] = field(default_factory=list)
    """Passes that are not whole; spans in order, apart from each other."""

    def add(self, span: Span) -> None:
        """Count bytes that were served."""
        self.served_bytes += span.size_bytes
        rest = [span]
        for index, covered in enumerate(self.passes):
            if not rest:
                break
            self.passes[index] = _union(covered, rest)
            rest = [piece for wanted in rest for piece in _minus(wanted, covered)]
        if rest:
            self.passes.append(rest)
        while self.passes and self.passes[0] == [Span(0, self.size_bytes)]:
            self.downloads += 1
            self.passes.pop(0)

    def allows(self, max_downloads: int, *, under_way_bytes: int) -> bool:
        """Whether another request may be served."""
        most = (max_downloads + 1) * self.size_bytes
        return self.downloads < max_downloads and self.served_bytes + under_way_bytes < most


class DownloadCounter:
    """Coverage of the objects with a limit, and what is being served of them just now."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._under_way_bytes: dict[str, int] = {}

    @contextmanager
    def under_way(self, stored: StoredObject, size_bytes: int) -> Iterator[None]:
        """Around serving so many bytes of an object with a limit; event loop only.

        Raises:
            Problem: `downloads-used`.
        """
        assert stored.max_downloads is not None
        others = self._under_way_bytes.get(stored.object_id, 0)
        coverage = read_coverage(self._ledger, stored)
        if not coverage.allows(stored.max_downloads, under_way_bytes=others):
            message = f"all {stored.max_downloads} downloads of this link are used"
            raise Problem("downloads-used", message)
        self._under_way_bytes[stored.object_id] = others + size_bytes
        try:
            yield
        finally:
            left = self._under_way_bytes.pop(stored.object_id) - size_bytes
            if left:
                self._under_way_bytes[stored.object_id] = left

    def count(self, stored: StoredObject, spans: Sequence[Span]) -> None:
        """Enter what was served; blocks."""
        with self._ledger.transaction(durable=True) as connection:
            coverage = read_coverage(self._ledger, stored)
            for span in spans:
                coverage.add(span)
            connection.execute(
                "INSERT OR REPLACE INTO coverage VALUES (?, ?, ?, ?)",
                [
                    *(stored.object_id, coverage.served_bytes, coverage.downloads),
                    json.dumps([[[s.start, s.end] for s in spans] for spans in coverage.passes]),
                ],
            )


def read_coverage(ledger: Ledger, stored: StoredObject) -> Coverage:
    """What was served of an object so far."""
    row = ledger.row("SELECT * FROM coverage WHERE object_id = ?", [stored.object_id])
    if row is None:
        return Coverage(size_bytes=stored.size_bytes)
    return Coverage(
        size_bytes=stored.size_bytes,
        served_bytes=row["served_bytes"],
        downloads=row["downloads"],
        passes=[[Span(*span) for span in spans] for spans in json.loads(row["passes"])],
    )


def _union(covered: Spans, more: Spans) -> Spans:
    united: Spans = []
    for span in sorted([*covered, *more], key=lambda span: span.start):
        if united and span.start <= united[-1].end:
            united[-1] = Span(united[-1].start, max(united[-1].end, span.end))
        else:
            united.append(span)
    return united


def _minus(wanted: Span, covered: Spans) -> Spans:
    """The pieces of a span that no covered span has."""
    pieces, start = [], wanted.start
    for span in covered:
        if span.end <= start or span.start >= wanted.end:
            continue
        if span.start > start:
            pieces.append(Span(start, span.start))
        start = max(start, span.end)
    if start < wanted.end:
        pieces.append(Span(start, wanted.end))
    return pieces
