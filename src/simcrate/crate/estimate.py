"""Estimate the size of a crate from samples of its files, in a moment."""

from __future__ import annotations

from pathlib import Path

from simcrate.crate.contents import CrateContents
from simcrate.crate.deflate import is_compressed, squeeze

SAMPLE_BYTES = 128 << 10
SAMPLES_PER_KIND = 6  # of files with one suffix; enough for 10 % on result files
OVERHEAD_BYTES = 120  # of headers of a member, beside its name, which the records repeat
RECORDS_BYTES = 4096


def estimate_size(contents: CrateContents) -> int:
    """About how many bytes the crate of these files would have.

    Reads a few samples of each kind of file.  Files that vanished count nothing.
    """
    by_kind: dict[str, list[tuple[Path, int]]] = {}
    total = RECORDS_BYTES
    for member in contents.members:
        size = _size_of(member.source)
        by_kind.setdefault(member.source.suffix.lower(), []).append((member.source, size))
        total += OVERHEAD_BYTES + 3 * len(member.name)
    for files in by_kind.values():
        total += round(sum(size for _, size in files) * _ratio(files))
    return total


def _ratio(files: list[tuple[Path, int]]) -> float:
    """Packed by unpacked bytes of the largest files of a kind; 1 where none could be read."""
    largest = sorted(files, key=lambda file: (-file[1], file[0]))[:SAMPLES_PER_KIND]
    unpacked = packed = 0
    for path, size in largest:
        for sample in _samples(path, size):
            unpacked += len(sample)
            packed += len(sample) if is_compressed(sample) else len(squeeze(sample).data)
    return packed / unpacked if unpacked else 1.0


def _samples(path: Path, size: int) -> list[bytes]:
    """The start of a file, which tells its kind, and its middle, which is typical."""
    try:
        with path.open("rb") as file:
            head = file.read(SAMPLE_BYTES)
            if is_compressed(head) or size <= 2 * SAMPLE_BYTES:
                return [head]
            file.seek(size // 2)
            return [file.read(SAMPLE_BYTES)]
    except OSError:  # packing reports it; an estimate goes on
        return []


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
