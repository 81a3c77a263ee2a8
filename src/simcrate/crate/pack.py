"""Pack a crate: one pass over the files, one zip that proves itself, and nothing half-done."""

from __future__ import annotations

import fcntl
import glob
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from isal.isal_zlib import crc32

from simcrate.crate.contents import CrateContents, Member
from simcrate.crate.deflate import BLOCK_BYTES
from simcrate.crate.layout import MANIFEST, METADATA, README, RUN
from simcrate.crate.manifest import format_manifest
from simcrate.crate.original import OriginalFile
from simcrate.crate.provenance import Provenance, run_json
from simcrate.crate.readme import readme_text
from simcrate.crate.rocrate import metadata_json
from simcrate.crate.zipwriter import ZipWriter
from simcrate.durable import flush
from simcrate.errors import CrateError, DiskFullError

THREADS = 2

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, before compression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedCrate:
    """A crate that was packed."""

    path: Path
    size_bytes: int
    sha256: str
    """Of the whole zip, lower-case hexadecimal."""

    members: int
    """How many files it holds, records included."""

    manifest_sha256: str
    content_digest: str


def pack_crate(
    contents: CrateContents,
    provenance: Provenance,
    target: Path,
    *,
    progress: Progress | None = None,
    threads: int = THREADS,
) -> PackedCrate:
    """Pack a crate.

    Written beside the target and renamed when it is whole and on disk.  May be called again: equal files
    and equal provenance give equal bytes on machines of one type.  Memory does not grow with file sizes.

    Raises:
        DiskFullError: the disk is full; as always, the target is then what it was before.
        CrateError: a file changed or vanished, or the target cannot be written.
    """
    with writing_zip(contents, target, progress=progress, threads=threads) as archive:
        added = add_crate(archive, "", contents, provenance)
        archive.finish()
    return packed_crate(target, archive, added.digests[MANIFEST], provenance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What was added to a zip for one crate, records included."""

    digests: Mapping[str, str]
    """SHA-256 by name in the crate."""

    size_bytes: int
    """Together, before compression."""


@contextmanager
def writing_zip(
    contents: CrateContents, target: Path, *, progress: Progress | None, threads: int
) -> Iterator[ZipWriter]:
    """A zip that appears at the target when the block ends well, or never."""
    counter = _counter(contents, progress)
    with (
        _whole_file(target) as file,
        ZipWriter(file, threads=threads, written=counter) as archive,
    ):
        yield archive


def add_crate(
    archive: ZipWriter, prefix: str, contents: CrateContents, provenance: Provenance
) -> Added:
    """Add the members and records of a crate to a zip, each name with the prefix before it."""
    digests: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for member in contents.in_order():
        digests[member.name], sizes[member.name] = _add_file(archive, prefix, member)
    records: tuple[tuple[str, Callable[[], str]], ...] = (
        (README, lambda: readme_text(provenance, contents)),
        (RUN, lambda: run_json(provenance, contents)),
        (METADATA, lambda: metadata_json(provenance, contents, sizes)),
        (MANIFEST, lambda: format_manifest(digests)),
    )
    for name, text in records:
        data = text().encode(errors="backslashreplace")  # which JSON reads back
        digests[name] = add_bytes(archive, prefix + name, data)
        sizes[name] = len(data)
    return Added(digests=digests, size_bytes=sum(sizes.values()))


def packed_crate(
    target: Path, archive: ZipWriter, manifest_sha256: str, provenance: Provenance
) -> PackedCrate:
    """What is known of a crate that was written."""
    return PackedCrate(
        path=target,
        size_bytes=archive.size_bytes,
        sha256=archive.sha256,
        members=archive.members,
        manifest_sha256=manifest_sha256,
        content_digest=provenance.content_digest,
    )


def add_bytes(archive: ZipWriter, name: str, data: bytes) -> str:
    """Add a member from memory; returns its SHA-256."""
    blocks = (data[start : start + BLOCK_BYTES] for start in range(0, len(data), BLOCK_BYTES))
    return archive.add(name, len(data), blocks, lambda: crc32(data))


def _add_file(archive: ZipWriter, prefix: str, member: Member) -> tuple[str, int]:
    """Digest and size of a member that was added."""
    with OriginalFile(member) as file:
        digest = archive.add(prefix + member.name, file.size_bytes, file.blocks(), file.crc)
        if member.sha256 not in {"", digest}:
            message = f"could not pack {member.name!r}: it is not what it was when it was recorded"
            raise CrateError(message, detail=f"SHA-256 {digest} instead of {member.sha256}")
        return digest, file.size_bytes


def _counter(contents: CrateContents, progress: Progress | None) -> Callable[[int], None]:
    if progress is None:
        return lambda _: None
    report, total, done = progress, total_bytes(contents), 0

    def count(size_bytes: int) -> None:
        nonlocal done
        done += size_bytes
        report(min(done, total), total)

    return count


def total_bytes(contents: CrateContents) -> int:
    """Bytes of all members before compression; one that vanished counts 0."""
    total = 0
    for member in contents.members:
        with suppress(OSError):  # packing it reports it
            total += member.source.stat().st_size
    return total


@contextmanager
def _whole_file(target: Path) -> Iterator[BinaryIO]:
    """A file that appears at the target, whole and on disk, when the block ends well, or never."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    what = f"write the crate {target.name!r}"
    try:
        with DiskFullError.told_for(what):
            _remove_abandoned(target)
            with partial.open("xb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
            flush(target.parent)
    except OSError as error:
        raise CrateError(f"could not {what}: {error.strerror}", detail=str(error)) from error
    finally:
        partial.unlink(missing_ok=True)


def _remove_abandoned(target: Path) -> None:
    """Remove what killed packers of this target left: parts that nobody holds a lock on."""
    for partial in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        with suppress(FileNotFoundError), partial.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            partial.unlink()
