"""Byte ranges (RFC 9110, section 14): which bytes of a representation a request wants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_RANGES = 16  # more is an attack or a mistake; such a header is ignored, as the RFC allows
SPEC = re.compile(r"(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end`, `end` exclusive; never empty."""

    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        """How many bytes."""
        return self.end - self.start

    def content_range(self, total_bytes: int) -> str:
        """The value of a `Content-Range` header."""
        return f"bytes {self.start}-{self.end - 1}/{total_bytes}"


def parse_range(value: str | None, total_bytes: int) -> list[Span] | None:
    """The wanted spans, in order and without overlap.

    Returns:
        None: the whole (no header, another unit, malformed, or too many ranges); an empty list: the
        header is well formed and no range is within the content (416).
    """
    unit, _, specs = (value or "").partition("=")
    parts = specs.split(",")
    if unit.strip().lower() != "bytes" or len(parts) > MAX_RANGES:
        return None
    spans: list[Span] = []
    for part in parts:
        match = SPEC.fullmatch(part.strip())
        if match is None or match[0] == "-":
            return None
        first, last = match[1], match[2]
        if first and last and int(first) > int(last):
            return None
        spans.append(_span(first, last, total_bytes))
    return _merged([span for span in spans if span.size_bytes > 0])


def _span(first: str, last: str, total_bytes: int) -> Span:
    if not first:
        return Span(max(0, total_bytes - int(last)), total_bytes)
    end = int(last) + 1 if last else total_bytes
    return Span(int(first), min(end, total_bytes))


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged
