"""Packing: whole or not at all, the same bytes twice, nothing lost."""

from __future__ import annotations

import fcntl
import hashlib
import os
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from simcrate.crate import (
    CrateContents,
    Member,
    Provenance,
    Role,
    gather,
    pack_crate,
    verify_crate,
)
from simcrate.crate.deflate import BLOCK_BYTES
from simcrate.crate.zipwriter import ZipWriter
from simcrate.errors import CrateError, DiskFullError


def test_crate_holds_every_file_as_it_was(
    tree: Path, contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    packed = pack_crate(contents, provenance, tmp_path / "crate.zip")

    with zipfile.ZipFile(packed.path) as archive:
        assert archive.testzip() is None
        for file in (path for path in tree.rglob("*") if path.is_file()):
            assert archive.read(f"results/{file.relative_to(tree)}") == file.read_bytes()


def test_packed_crate_states_size_and_digests_of_what_was_written(
    contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    packed = pack_crate(contents, provenance, tmp_path / "crate.zip")

    data = packed.path.read_bytes()
    with zipfile.ZipFile(packed.path) as archive:
        manifest = archive.read("manifest-sha256.txt")
        assert packed.members == len(archive.namelist())
    assert packed.size_bytes == len(data)
    assert packed.sha256 == hashlib.sha256(data).hexdigest()
    assert packed.manifest_sha256 == hashlib.sha256(manifest).hexdigest()
    assert packed.content_digest == "c0ffee"


def test_two_packings_give_equal_bytes_whatever_the_dates_order_and_threads(
    tree: Path, contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    first = pack_crate(contents, provenance, tmp_path / "first.zip", threads=1)
    for file in tree.rglob("*"):
        os.utime(file, (0, 0))
    shuffled = CrateContents(members=contents.members[::-1])

    second = pack_crate(shuffled, provenance, tmp_path / "second.zip", threads=4)

    assert first.path.read_bytes() == second.path.read_bytes()


def test_compressed_members_are_stored_and_others_deflated(
    provenance: Provenance, tmp_path: Path
) -> None:
    directory = tmp_path / "mixed"
    directory.mkdir()
    (directory / "picture").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(3 * BLOCK_BYTES))
    (directory / "noise").write_bytes(os.urandom(1000))
    (directory / "text").write_bytes(b"text " * 1000)

    packed = pack_crate(gather(directory), provenance, tmp_path / "crate.zip")

    with zipfile.ZipFile(packed.path) as archive:
        method = {info.filename: info.compress_type for info in archive.infolist()}
        assert archive.testzip() is None
    assert method["results/picture"] == zipfile.ZIP_STORED
    assert method["results/noise"] == zipfile.ZIP_STORED
    assert method["results/text"] == zipfile.ZIP_DEFLATED


def test_a_long_file_that_is_stored_has_its_size_before_it(
    provenance: Provenance, tmp_path: Path
) -> None:
    (tmp_path / "mixed").mkdir()
    for name, head in (("picture", b"\x89PNG\r\n\x1a\n"), ("text", b"text")):
        (tmp_path / "mixed" / name).write_bytes(head + bytes(2 * BLOCK_BYTES))

    packed = pack_crate(gather(tmp_path / "mixed"), provenance, tmp_path / "crate.zip")

    with zipfile.ZipFile(packed.path) as archive:
        flags = {info.filename: info.flag_bits & 1 << 3 for info in archive.infolist()}
    assert not flags["results/picture"]
    assert flags["results/text"]
    assert verify_crate(packed.path).is_good


def test_a_long_file_that_is_stored_and_changes_is_not_packed() -> None:
    data = b"\x89PNG\r\n\x1a\n" + bytes(BLOCK_BYTES)
    blocks = (data[:BLOCK_BYTES], data[BLOCK_BYTES:])

    with ZipWriter(BytesIO(), threads=1, written=lambda _: None) as archive:
        archive.add("a", len(data), blocks, lambda: 7)
        with pytest.raises(CrateError, match="it changed while it was packed"):
            archive.finish()


@pytest.mark.parametrize(
    "size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES]
)
def test_file_of_any_size_around_a_block_is_packed_whole(
    size: int, provenance: Provenance, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"a" * size)
    member = Member(source=source, name="results/a", role=Role.RESULT)

    packed = pack_crate(CrateContents(members=(member,)), provenance, tmp_path / "crate.zip")

    with zipfile.ZipFile(packed.path) as archive:
        assert archive.read("results/a") == b"a" * size


def test_progress_counts_all_bytes_and_ends_with_the_total(
    contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    reports: list[tuple[int, int]] = []

    pack_crate(
        contents,
        provenance,
        tmp_path / "crate.zip",
        progress=lambda done, total: reports.append((done, total)),
    )

    total = sum(member.source.stat().st_size for member in contents.members)
    assert reports[-1] == (total, total)
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)


def test_crate_of_nothing_is_still_a_crate(provenance: Provenance, tmp_path: Path) -> None:
    packed = pack_crate(CrateContents(members=()), provenance, tmp_path / "crate.zip")

    assert packed.members == 4


def test_vanished_file_is_named_and_nothing_is_left_behind(
    tree: Path, contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    (tree / "empty.log").unlink()
    spool = tmp_path / "spool"
    spool.mkdir()

    with pytest.raises(CrateError, match=r"could not pack 'results/empty\.log'"):
        pack_crate(contents, provenance, spool / "crate.zip")

    assert list(spool.iterdir()) == []


def test_file_that_changes_while_it_is_packed_is_named_and_the_old_crate_stays(
    tree: Path, contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    target = tmp_path / "crate.zip"
    before = pack_crate(contents, provenance, target)
    vector_file = tree / "General" / "Net-#0.vec"

    def append_in_the_middle(done: int, total: int) -> None:
        if 0 < done < total:
            with vector_file.open("a") as file:
                file.write("1")

    big = replace(contents, members=tuple(m for m in contents.members if m.name.endswith(".vec")))
    vector_file.write_bytes(os.urandom(30 * BLOCK_BYTES))
    with pytest.raises(CrateError, match=r"Net-#0\.vec.*changed while it was packed"):
        pack_crate(big, provenance, target, progress=append_in_the_middle)

    assert hashlib.sha256(target.read_bytes()).hexdigest() == before.sha256
    assert [path for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_link_put_in_the_place_of_a_file_is_not_followed(
    tree: Path, contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    (tree / "empty.log").unlink()
    (tree / "empty.log").symlink_to("/etc/passwd")

    with pytest.raises(CrateError, match="empty"):
        pack_crate(contents, provenance, tmp_path / "crate.zip")


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow above 100 kB: the kernel refuses the write as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_is_said_plainly_and_nothing_is_left_behind(
    contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()

    with (
        full_disk(),
        pytest.raises(DiskFullError, match=r"could not write the crate 'crate\.zip'.*make room"),
    ):
        pack_crate(contents, provenance, spool / "crate.zip")

    assert list(spool.iterdir()) == []


def test_part_that_a_killed_packer_left_is_removed_and_one_being_written_is_not(
    contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    abandoned, busy = tmp_path / ".crate.zip.1.part", tmp_path / ".crate.zip.2.part"
    abandoned.touch()
    with busy.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        pack_crate(contents, provenance, tmp_path / "crate.zip")

    assert not abandoned.exists()
    assert busy.exists()


def test_target_in_a_directory_that_is_not_there_is_an_error(
    contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    with pytest.raises(CrateError, match="No such file or directory"):
        pack_crate(contents, provenance, tmp_path / "nowhere" / "crate.zip")
