"""The digests of Seafile and Dropbox, against known values and independent implementations."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcrate.errors import StorageIntegrityError
from simcrate.storage.contract import make_source
from simcrate.storage.crate_reader import hash_crate, read_crate
from simcrate.storage.dropboxops import load_sdk
from simcrate.storage.seafile_id import BLOCK_BYTES, SeafileId
from tests.servers.dropbox_state import content_hash
from tests.servers.exchanges import noise
from tests.servers.seafile_state import file_id_of

MIB = 1024 * 1024


def seafile_id(content: bytes, piece_bytes: int = 1000) -> str:
    hasher = SeafileId()
    for start in range(0, len(content), piece_bytes):
        hasher.update(content[start : start + piece_bytes])
    return hasher.hexdigest()


@pytest.mark.parametrize(
    ("content", "answered"),
    [
        (b"", "0" * 40),
        (b'"', "3fb23af3991288638f0eb1336ba90368f030c0a4"),
        (b"hello one\n", "749bd6f5da75e76f8b8efdb9aa1efcaecb087613"),
        (b"hello two, other content\n", "96c90fa696bea673b4e167dce198816fc5eedc10"),
    ],
)
def test_the_seafile_id_is_what_real_servers_answered(content: bytes, answered: str) -> None:
    assert seafile_id(content) == answered


@pytest.mark.parametrize("size", [BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES])
def test_the_seafile_id_around_block_borders_is_that_of_another_implementation(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "content"
    path.write_bytes(content := noise(size, seed=size))

    assert seafile_id(content, 3 * MIB + 7) == file_id_of(path, BLOCK_BYTES, b"")


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"hello world", "bc62d4b80d9e36da29c16c5d4d9f11731f36052c72401a76c23c0fb5a9b74423"),
        (bytes(4 * MIB), "c7e946d101855255d919ef0c70718633adf77d3dfb3adeeecf5d0cb4e951be58"),
        (bytes(4 * MIB + 1), "14a4d47f23a30177885d9820122f17d2d3a55fe63f7f5c27b95f689e0b2accd6"),
        (b"a" * 10 * MIB, "576f896dca27a476b9c9429b4cc02588f94d59603c16dfce30ae58066da2ad55"),
    ],
)
def test_sdk_and_double_agree_on_the_dropbox_content_hash(content: bytes, known: str) -> None:
    sdks = load_sdk().content_hash.DropboxContentHasher()
    sdks.update(content)

    assert sdks.hexdigest() == known
    assert content_hash(content) == known


def test_a_crate_is_hashed_once_though_a_part_of_it_is_read_twice(tmp_path: Path) -> None:
    source = make_source(tmp_path / "crate.zip", content := noise(5 * MIB, seed=1))
    hasher = SeafileId()
    with read_crate(source, hasher) as reader:
        reader.skip_to(2 * MIB)
        reader.read_to(4 * MIB)
        reader.go_back_to(MIB)
        again = reader.read_to(5 * MIB)
        reader.confirm()

    assert again == content[MIB:]
    assert hasher.hexdigest() == seafile_id(content)


def test_a_crate_with_the_same_size_and_time_and_other_bytes_is_found_out(tmp_path: Path) -> None:
    source = make_source(tmp_path / "crate.zip", b"as it was packed")
    source.path.write_bytes(b"as it is decayed")

    with pytest.raises(StorageIntegrityError, match="pack it again"):
        hash_crate(source, SeafileId())


def test_a_crate_that_was_not_read_to_its_end_is_not_confirmed(tmp_path: Path) -> None:
    source = make_source(tmp_path / "crate.zip", b"as it was packed")
    with read_crate(source, SeafileId()) as reader:
        reader.read_to(4)
        with pytest.raises(StorageIntegrityError):
            reader.confirm()
