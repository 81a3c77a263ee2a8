"""Counting downloads by the bytes that were served.

Each byte that is served goes into the first *pass* over the object that lacks it.  A pass that covers the
whole object is one download, however many requests it took; bytes that a resumed download fetches twice
begin another pass and count for nothing until that one is whole.  So that nobody fetches all but the last
byte for ever, all passes together serve at most one size of the object more than the downloads allowed,
with what is being served just now.  An empty object has no byte to count: each answer is a download.
"""

from __future__ import annotations

import json
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
        passes, rest = [], [span]
        for covered in self.passes:
            passes.append(_union(covered, rest))
            rest = _common(rest, covered)
        if rest:
            passes.append(rest)
        while passes and passes[0] == [Span(0, self.size_bytes)]:
            self.downloads += 1
            passes.pop(0)
        self.passes = passes  # a new list: another thread may be writing the old one down

    def allows(self, max_downloads: int, *, under_way_bytes: int) -> bool:
        """Whether another request may be served."""
        most = (max_downloads + 1) * self.size_bytes
        has_bytes_left = self.size_bytes == 0 or self.served_bytes + under_way_bytes < most
        return self.downloads < max_downloads and has_bytes_left


@dataclass(slots=True, kw_only=True)
class _Active:
    """An object that is being served."""

    coverage: Coverage
    under_way_bytes: int = 0
    """Announced by requests and not sent yet."""
    requests: int = 0


class DownloadCounter:
    """Coverage of the objects with a limit; used on the event loop only.

    While an object is served its coverage is in memory, so that the next request sees every byte that
    was sent before it; the ledger has it when the request is over.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._active: dict[str, _Active] = {}

    def begin(self, stored: StoredObject, size_bytes: int) -> None:
        """Ask before serving so many bytes.

        Raises:
            Problem: `downloads-used`.
        """
        assert stored.max_downloads is not None
        active = self._active.get(stored.object_id)
        if active is None:
            active = _Active(coverage=read_coverage(self._ledger, stored))
        under_way = active.under_way_bytes
        if not active.coverage.allows(stored.max_downloads, under_way_bytes=under_way):
            message = f"all {stored.max_downloads} downloads of this link are used"
            raise Problem("downloads-used", message)
        active.under_way_bytes += size_bytes
        active.requests += 1
        self._active[stored.object_id] = active

    def add(self, stored: StoredObject, span: Span) -> None:
        """These bytes are being sent."""
        active = self._active[stored.object_id]
        active.coverage.add(span)
        active.under_way_bytes -= span.size_bytes

    def end(self, stored: StoredObject, unsent_bytes: int) -> None:
        """A request is over, and its bytes are in the ledger."""
        active = self._active[stored.object_id]
        active.under_way_bytes -= unsent_bytes
        active.requests -= 1
        if active.requests == 0:
            del self._active[stored.object_id]

    def enter(self, stored: StoredObject) -> None:
        """Write what was served into the ledger; blocks, in any thread."""
        coverage = self._active[stored.object_id].coverage
        with self._ledger.transaction(durable=True) as connection:
            passes = [[[span.start, span.end] for span in spans] for spans in coverage.passes]
            connection.execute(
                "INSERT OR REPLACE INTO coverage VALUES (?, ?, ?, ?)",
                [
                    *(stored.object_id, coverage.served_bytes, coverage.downloads),
                    json.dumps(passes),
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


def _common(wanted: Spans, covered: Spans) -> Spans:
    """What both have."""
    return [
        Span(max(first.start, second.start), min(first.end, second.end))
        for first in wanted
        for second in covered
        if first.start < second.end and second.start < first.end
    ]
