"""What a zip's headers may say: all that other writers say by the rules, nothing that tools read differently."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipInfo

import pytest

from simcrate.crate import Provenance, gather, pack_crate, verify_crate, zipformat
from simcrate.crate.deflate import BLOCK_BYTES

SCA = "results/General/Net-#0.sca"
VEC = "results/General/Net-#0.vec"
CONTRADICTION = "the zip's directory and the member's own header disagree on its "


def packed_in(directory: Path, large: str = VEC) -> bytes:
    """A crate with a small file, and with one of several blocks, whose header leaves its sizes open."""
    for name, size in ((SCA, 9), (large, BLOCK_BYTES + 1)):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    provenance = Provenance(title="t", description="", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    contents = gather(directory / "results")
    return pack_crate(contents, provenance, directory / "crate.zip").path.read_bytes()


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return packed_in(tmp_path_factory.mktemp("packed"))


@pytest.fixture
def crate(packed: bytes, tmp_path: Path) -> Path:
    (tmp_path / "crate.zip").write_bytes(packed)
    return tmp_path / "crate.zip"


def faults_of(crate: Path) -> set[tuple[str, str]]:
    return {(fault.kind.value, fault.name) for fault in verify_crate(crate).faults}


def unchanged(_: ZipInfo) -> None:
    """The header that zipfile writes."""


def rewritten(
    crate: Path,
    change: Callable[[ZipInfo], object] = unchanged,
    *more: tuple[str, bytes],
    zip64: bool = False,
) -> Path:
    """The crate as another tool writes it, with another header of one file, and with more members."""
    with zipfile.ZipFile(crate) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(crate, "w") as archive:
        for name, data in [*files.items(), *more]:
            info = ZipInfo(name)
            if name == SCA:
                change(info)
            with archive.open(info, "w", force_zip64=zip64) as member:
                member.write(data)
    return crate


def saying(**fields: object) -> Callable[[ZipInfo], None]:
    def change(info: ZipInfo) -> None:
        for name, value in fields.items():
            setattr(info, name, value)

    return change


def patched(crate: Path, position: int, layout: str, *values: int) -> Path:
    data = bytearray(crate.read_bytes())
    struct.pack_into(layout, data, position, *values)
    crate.write_bytes(data)
    return crate


def central(crate: Path, name: str = SCA) -> int:
    """Where the directory's line of a member is."""
    return crate.read_bytes().rindex(name.encode()) - 46


@pytest.mark.parametrize("system", [0, 2, 3, 5, 10, 16, 19, 30])
def test_link_is_called_unsafe_whatever_system_it_says_it_comes_from(
    system: int, crate: Path
) -> None:
    link = saying(create_system=system, external_attr=0o120777 << 16)

    assert ("unsafe", SCA) in faults_of(rewritten(crate, link))


@pytest.mark.parametrize("attribute", [0x08, 0x40, 0x400], ids=["label", "device", "reparse point"])
def test_dos_attribute_of_what_is_no_file_is_called_unsafe(attribute: int, crate: Path) -> None:
    rewritten(crate, saying(external_attr=attribute))

    assert faults_of(crate) == {("unsafe", SCA)}


@pytest.mark.parametrize("attributes", [0o040755 << 16, 0x10, 0o100644 << 16 | 0x10])
def test_file_that_its_attributes_call_a_directory_is_called_unsafe(
    attributes: int, crate: Path
) -> None:
    rewritten(crate, saying(external_attr=attributes))

    assert faults_of(crate) == {("unsafe", SCA)}


def test_directory_that_its_attributes_call_a_file_is_called_unsafe(crate: Path) -> None:
    rewritten(crate, unchanged, ("results/", b""))
    patched(crate, central(crate, "results/") + 38, "<I", 0o100644 << 16)

    assert faults_of(crate) == {("unsafe", "results/")}


def test_directory_that_holds_bytes_is_called_extra(crate: Path) -> None:
    assert faults_of(rewritten(crate, unchanged, ("results/", b"hidden"))) == {
        ("extra", "results/")
    }


@pytest.mark.parametrize("below", [SCA + "/", SCA + "/x/y"])
def test_name_of_a_file_and_of_a_directory_is_called_unsafe(below: str, crate: Path) -> None:
    assert ("unsafe", SCA) in faults_of(rewritten(crate, unchanged, (below, b"")))


@pytest.mark.parametrize("content", [b"", b"\x03\x00"], ids=["stored", "deflated, as Java does it"])
def test_empty_directory_is_good(content: bytes, crate: Path) -> None:
    rewritten(crate, unchanged, ("results/", content))
    if content:
        line = central(crate, "results/")
        (local,) = struct.unpack_from("<I", crate.read_bytes(), line + 42)
        for crc_at in (line + 16, local + 14):
            patched(crate, crc_at - 6, "<H", zipfile.ZIP_DEFLATED)
            patched(crate, crc_at, "<3I", 0, len(content), 0)

    assert faults_of(crate) == set()


def field(tag: int, content: bytes) -> bytes:
    return struct.pack("<2H", tag, len(content)) + content


TIMES = field(0x5455, b"\3" + bytes(8))
OTHER_NAME = field(0x7075, b"\1" + struct.pack("<I", zlib.crc32(SCA.encode())) + b"results/other")


@pytest.mark.parametrize(
    "extra",
    [OTHER_NAME, field(0x756E, bytes(14)), TIMES * 2, b"\0"],
    ids=["another name", "link", "twice the same", "no field"],
)
def test_extra_field_that_crates_do_not_use_is_called_unsafe(extra: bytes, crate: Path) -> None:
    assert faults_of(rewritten(crate, saying(extra=extra))) == {("unsafe", SCA)}


@pytest.mark.parametrize("content", [OTHER_NAME[:12], TIMES[:2] + b"\xff\0" + TIMES[4:]])
def test_extra_field_of_the_members_own_header_alone_is_called_unsafe(
    content: bytes, crate: Path
) -> None:
    rewritten(crate, saying(extra=TIMES))
    data = crate.read_bytes()
    crate.write_bytes(data.replace(TIMES[: len(content)], content, 1))

    assert faults_of(crate) == {("unsafe", SCA)}


@pytest.mark.parametrize(
    "extra",
    [
        TIMES + field(0x7875, b"\1\4" + bytes(4) + b"\4" + bytes(4)),
        field(0x000A, bytes(32)),
        field(0xCAFE, b""),
    ],
    ids=["Info-ZIP and bsdtar", "7-Zip", "jar"],
)
def test_extra_fields_of_other_writers_are_good(extra: bytes, crate: Path) -> None:
    assert faults_of(rewritten(crate, saying(extra=extra))) == set()


def test_zip64_sizes_as_crates_have_them_are_good(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(zipformat, "ZIP64_FROM_BYTES", 1)

    packed_in(tmp_path)

    assert faults_of(tmp_path / "crate.zip") == set()


def test_name_that_is_longer_than_what_is_read_at_once_is_good(tmp_path: Path) -> None:
    packed_in(tmp_path, VEC + "x" * 230)

    assert faults_of(tmp_path / "crate.zip") == set()


def test_zip64_sizes_of_a_small_member_are_good(crate: Path) -> None:
    assert faults_of(rewritten(crate, zip64=True)) == set()


@pytest.mark.parametrize(("position", "what"), [(4, "size"), (12, "packed size")])
def test_zip64_size_that_the_directory_contradicts_is_found(
    position: int, what: str, crate: Path
) -> None:
    rewritten(crate, zip64=True)
    patched(crate, crate.read_bytes().index(SCA.encode()) + len(SCA) + position, "<Q", 5)

    assert [fault.text for fault in verify_crate(crate).faults] == [CONTRADICTION + what]


@pytest.mark.parametrize("position", [14, 18, 22], ids=["CRC", "packed size", "size"])
def test_header_before_a_record_that_follows_the_member_says_nothing_or_what_is_so(
    position: int, crate: Path
) -> None:
    data = crate.read_bytes()
    local, line = data.index(VEC.encode()) - 30, data.rindex(VEC.encode()) - 46
    (true,) = struct.unpack_from("<I", data, line + position + 2)

    assert faults_of(patched(crate, local + position, "<I", true)) == set()
    assert faults_of(patched(crate, local + position, "<I", 5)) == {("damaged", VEC)}


@pytest.mark.parametrize(
    ("position", "layout", "value"),
    [
        (5, "<B", 7),
        (6, "<H", 46),
        (6, "<H", 20 + (3 << 8)),
        (34, "<H", 1),
        (36, "<H", 2),
    ],
    ids=["system", "version", "system of the version", "disk", "internal attributes"],
)
def test_line_of_the_directory_that_crates_do_not_use_is_called_damaged(
    position: int, layout: str, value: int, crate: Path
) -> None:
    patched(crate, central(crate) + position, layout, value)

    assert faults_of(crate) == {("damaged", SCA)}


def test_version_of_the_members_own_header_that_crates_do_not_use_is_called_damaged(
    crate: Path,
) -> None:
    patched(crate, crate.read_bytes().index(SCA.encode()) - 30 + 4, "<H", 63)

    assert faults_of(crate) == {("damaged", SCA)}


def test_name_that_is_not_marked_as_utf_8_is_called_unsafe(crate: Path) -> None:
    rewritten(crate, unchanged, ("é", b""))
    patched(crate, central(crate, "é") + 8, "<H", 0)
    patched(crate, crate.read_bytes().index("é".encode()) - 30 + 6, "<H", 0)

    assert ("unsafe", "├⌐") in faults_of(crate)


END = {"disk": 4, "first disk": 6, "members here": 8, "members": 10, "size": 12, "place": 16}


@pytest.mark.parametrize("position", END.values(), ids=END)
@pytest.mark.parametrize("value", [1, 0xFFFF])
def test_end_record_that_says_what_is_not_so_is_called_damaged(
    position: int, value: int, crate: Path
) -> None:
    patched(crate, crate.stat().st_size - 22 + position, "<H", value)

    assert ("damaged", "") in faults_of(crate)


@pytest.fixture
def zip64_crate(crate: Path) -> Path:
    """The crate with ZIP64 end records, which it does not need."""
    data = crate.read_bytes()
    _, _, _, members, _, size, start, _ = struct.unpack("<4s4H2IH", data[-22:])
    record = (b"PK\6\6", 44, 45, 45, 0, 0, members, members, size, start)
    locator = (b"PK\6\7", 0, len(data) - 22, 1)
    wide = struct.pack("<4sQ2H2I4Q", *record) + struct.pack("<4sIQI", *locator)
    crate.write_bytes(data[:-22] + wide + data[-22:])
    return crate


def test_zip64_end_records_that_are_true_are_good(zip64_crate: Path) -> None:
    assert faults_of(zip64_crate) == set()

    patched(
        zip64_crate, zip64_crate.stat().st_size - 18, "<4H2I", *(0xFFFF,) * 4, *(0xFFFF_FFFF,) * 2
    )
    assert faults_of(zip64_crate) == set()


@pytest.mark.parametrize("position", END.values(), ids=END)
def test_end_record_that_contradicts_true_zip64_records_is_called_damaged(
    position: int, zip64_crate: Path
) -> None:
    """Some tools unpack what this record says: a second directory, which hides in a member."""
    patched(zip64_crate, zip64_crate.stat().st_size - 22 + position, "<H", 1)

    assert faults_of(zip64_crate) == {("damaged", "")}


ZIP64_END = {"signature": 0, "length": 4, "version": 14, "disk": 16, "first disk": 20,
             "members here": 24, "members": 32, "size": 40, "place": 48,
             "locator's disk": 60, "record's place": 64, "disks": 72}  # fmt: skip


@pytest.mark.parametrize("position", ZIP64_END.values(), ids=ZIP64_END)
def test_zip64_end_record_that_says_what_is_not_so_is_called_damaged(
    position: int, zip64_crate: Path
) -> None:
    patched(zip64_crate, zip64_crate.stat().st_size - 98 + position, "<B", 9)

    assert ("damaged", "") in faults_of(zip64_crate)


@pytest.mark.parametrize("position", [28, 30, 32], ids=["name", "extra fields", "comment"])
def test_last_line_of_the_directory_that_claims_to_be_longer_is_called_damaged(
    position: int, crate: Path
) -> None:
    patched(crate, central(crate, "manifest-sha256.txt") + position, "<H", 0x200)

    assert ("damaged", "") in faults_of(crate)
