"""Real result sets, as checked out and as their simulator left them."""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

DATA = Path(__file__).parents[2] / "data" / "omnetpp"

FreshCopy = Callable[[str], Path]


@pytest.fixture
def fresh_copy(tmp_path: Path) -> FreshCopy:
    """Copies a set; modification times are those that the indexes name."""

    def copy(name: str) -> Path:
        target = tmp_path / name
        shutil.copytree(DATA / name, target)
        for index_path in target.glob("*.vci"):
            _, _, mtime = index_path.read_bytes().partition(b"\n")[0].split()
            os.utime(index_path.with_suffix(".vec"), (int(mtime), int(mtime)))
        return target

    return copy


HEADER = "version 3\nrun R-0\nattr configname C\nitervar n 3\n\n"


@dataclass(frozen=True, kw_only=True)
class WrittenVector:
    """A vector to write: `samples` are event, time, value."""

    samples: Sequence[tuple[int, str, float]]
    module: str = "Net.host"
    name: str = "x:vector"
    columns: str = "ETV"


def quote(text: str) -> str:
    """A token as OMNeT++ writes it."""
    if text and not re.search(r'[\s"\\\x00-\x1f\x7f]', text):
        return text
    body = re.sub(r'(["\\])', r"\\\1", text)
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", body) + '"'


def write_vec(path: Path, vectors: Sequence[WrittenVector], *, block: int = 3) -> Path:
    """Write a `.vec` file with blocks of so many samples in turn, and its fresh index."""
    declared = "".join(
        f"vector {n} {quote(vector.module)} {quote(vector.name)} {vector.columns}\nattr unit s\n"
        for n, vector in enumerate(vectors)
    )
    data = (HEADER + declared).encode()
    index = ""
    longest = max((len(vector.samples) for vector in vectors), default=0)
    for first in range(0, longest, block):
        for n, vector in enumerate(vectors):
            if part := vector.samples[first : first + block]:
                lines = "".join(_data_line(n, vector.columns, *sample) for sample in part).encode()
                index += _index_line(n, vector.columns, len(data), len(lines), part)
                data += lines
    path.write_bytes(data)
    fingerprint = f"file {len(data)} {int(path.stat().st_mtime)}".ljust(64)
    path.with_suffix(".vci").write_text(f"{fingerprint}\n{HEADER}{declared}{index}")
    return path


def _data_line(number: int, columns: str, event: int, time: str, value: float) -> str:
    events = f"{event}\t" if columns == "ETV" else ""
    return f"{number}\t{events}{time}\t{value!r}\n"


def _index_line(
    number: int, columns: str, offset: int, length: int, part: Sequence[tuple[int, str, float]]
) -> str:
    events = f"{part[0][0]} {part[-1][0]} " if columns == "ETV" else ""
    values = [value for _, _, value in part]
    known = [value for value in values if not math.isnan(value)]
    numbers = [min(known, default=math.inf), max(known, default=-math.inf)]
    with np.errstate(all="ignore"):
        numbers += [float(np.sum(values)), float(np.sum(np.square(values)))]
    texts = " ".join(map(repr, numbers))
    return f"{number}\t{offset} {length} {events}{part[0][1]} {part[-1][1]} {len(part)} {texts}\n"


def bytes_read() -> int:
    """How much this process has read from files so far, cached ones included."""
    return int(psutil.Process().io_counters().read_chars)
