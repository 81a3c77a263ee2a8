"""Zips that mean harm, or were harmed: each is called faulty, none can hurt whoever verifies it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcrate.crate import CrateContents, Provenance, pack_crate, verify_crate


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def faults_of(crate: Path) -> set[tuple[str, str]]:
    return {(fault.kind.value, fault.name) for fault in verify_crate(crate).faults}


@pytest.fixture(scope="module")
def small_crate(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    directory = tmp_path_factory.mktemp("small")
    provenance = Provenance(title="t", description="", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    return pack_crate(
        CrateContents(members=()), provenance, directory / "crate.zip"
    ).path.read_bytes()


def test_every_flipped_byte_that_changes_the_content_is_found(
    small_crate: bytes, tmp_path: Path
) -> None:
    crate = tmp_path / "crate.zip"
    missed = 0
    for position in range(len(small_crate)):
        harmed = bytearray(small_crate)
        harmed[position] ^= 0x41
        crate.write_bytes(harmed)
        if verify_crate(crate).is_good:
            missed += 1
            assert content_of(bytes(harmed)) == content_of(small_crate)

    assert missed < 80  # versions, permissions, and deflate's other ways to say the same


def content_of(crate: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(crate)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_crate_with_any_part_cut_out_is_faulty(
    data: st.DataObject, small_crate: bytes, tmp_path: Path
) -> None:
    start = data.draw(st.integers(0, len(small_crate) - 1))
    end = data.draw(st.integers(start + 1, len(small_crate)))
    crate = tmp_path / "crate.zip"
    crate.write_bytes(small_crate[:start] + small_crate[end:])

    assert not verify_crate(crate).is_good


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rubbish=st.binary(max_size=400))
def test_rubbish_is_faulty_and_nothing_else_happens(rubbish: bytes, tmp_path: Path) -> None:
    crate = tmp_path / "crate.zip"
    crate.write_bytes(b"PK\x03\x04" + rubbish + b"PK\x05\x06" + rubbish)

    assert not verify_crate(crate).is_good


@pytest.mark.parametrize("extra", [(b"junk", b""), (b"", b"junk")])
def test_bytes_before_or_behind_the_zip_are_found(
    extra: tuple[bytes, bytes], small_crate: bytes, tmp_path: Path
) -> None:
    crate = tmp_path / "crate.zip"
    crate.write_bytes(extra[0] + small_crate + extra[1])

    assert ("extra", "") in faults_of(crate)


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/../../b", "a\nb"])
def test_names_that_leave_the_directory_are_called_unsafe(name: str, tmp_path: Path) -> None:
    crate = write_zip(tmp_path / "crate.zip", {name: b""})

    assert ("unsafe", name) in faults_of(crate)


def test_name_that_ends_elsewhere_for_other_tools_is_called_unsafe(tmp_path: Path) -> None:
    crate = write_zip(tmp_path / "crate.zip", {"x.sca-.exe": b""})
    crate.write_bytes(crate.read_bytes().replace(b"x.sca-", b"x.sca\0"))

    assert ("unsafe", "x.sca\0.exe") in faults_of(crate)


def test_member_that_would_be_unpacked_as_a_link_is_called_unsafe(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.create_system = 3
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "crate.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")

    assert ("unsafe", "link") in faults_of(tmp_path / "crate.zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_name_that_stands_twice_is_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "crate.zip", "w") as archive:
        archive.writestr("twice", "one")
        archive.writestr("twice", "two")

    texts = [fault.text for fault in verify_crate(tmp_path / "crate.zip").faults]
    assert any(text.startswith("the zip holds it twice") for text in texts)


def test_member_that_unpacks_to_more_than_the_zip_says_is_stopped_there(tmp_path: Path) -> None:
    bomb = write_zip(tmp_path / "crate.zip", {"bomb": bytes(50_000_000)})
    true_size, lie = struct.pack("<I", 50_000_000), struct.pack("<I", 1000)
    bomb.write_bytes(bomb.read_bytes().replace(true_size, lie))

    (fault,) = [fault for fault in verify_crate(bomb).faults if fault.kind == "size"]

    assert (fault.name, fault.expected, fault.found) == ("bomb", "1000", "more than 1000")


def lying_zip(
    path: Path, *, crc: int = 0, size: int = 0, behind: bytes = b"", header_crc: int = 0
) -> Path:
    """One member, of which the zip says the same untruth everywhere; `header_crc` is its own header's alone."""
    data = b"hello"
    packed = zlib.compress(data, wbits=-15) + behind
    said = (len(packed), len(data) + size)
    true_crc = zlib.crc32(data) ^ crc
    local = struct.pack(
        "<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, true_crc ^ header_crc, *said, 1, 0
    )  # fmt: skip
    central = struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, true_crc, *said, 1, 0, 0, 0, 0, 0, 0
    )  # fmt: skip
    start = len(local) + 1 + len(packed)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(central) + 1, start, 0)
    path.write_bytes(local + b"x" + packed + central + b"x" + end)
    return path


def test_zip_that_says_what_is_true_is_only_no_crate(tmp_path: Path) -> None:
    kinds = {kind for kind, _ in faults_of(lying_zip(tmp_path / "crate.zip"))}

    assert kinds == {"missing", "extra"}


@pytest.mark.parametrize(
    ("lie", "kind"),
    [
        ({"crc": 1}, "crc"),
        ({"header_crc": 1}, "damaged"),
        ({"size": 1}, "size"),
        ({"behind": b"junk"}, "damaged"),
    ],
)
def test_zip_that_lies_about_a_member_in_all_places_alike_is_found_out(
    lie: dict[str, Any], kind: str, tmp_path: Path
) -> None:
    assert (kind, "x") in faults_of(lying_zip(tmp_path / "crate.zip", **lie))


def streamed(target: Path, data: bytes) -> Path:
    """A zip of one stored member whose size follows it, as Python writes one to a pipe."""

    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        archive.writestr("x", data)
    target.write_bytes(pipe.getvalue())
    return target


def test_record_behind_a_member_that_contradicts_the_directory_is_found(tmp_path: Path) -> None:
    crate = streamed(tmp_path / "crate.zip", b"hello")
    data = bytearray(crate.read_bytes())
    data[data.find(b"PK\x07\x08") + 4] ^= 1
    crate.write_bytes(data)

    assert ("damaged", "x") in faults_of(crate)


@pytest.mark.parametrize("place", [0, 5, (256 << 10) - 3, (256 << 10) - 20, 300_000])
@pytest.mark.parametrize("layout", ["<4s3I", "<4sI2Q"])
def test_a_stored_member_that_states_its_end_within_itself_is_unsafe(
    layout: str, place: int, tmp_path: Path
) -> None:
    early_end = struct.pack(layout, b"PK\x07\x08", zlib.crc32(bytes(place)), place, place)
    crate = streamed(tmp_path / "crate.zip", bytes(place) + early_end + bytes(100))

    assert ("unsafe", "x") in faults_of(crate)


def test_a_stored_member_with_descriptors_of_other_members_in_it_is_good(tmp_path: Path) -> None:
    inner = b"x" * 40 + struct.pack("<4s3I", b"PK\x07\x08", 1, 17, 17)
    crate = streamed(tmp_path / "crate.zip", inner * 20_000)

    assert not [fault for fault in faults_of(crate) if fault[1] == "x" and fault[0] != "extra"]


def test_directory_larger_than_any_is_not_read(tmp_path: Path) -> None:
    size = 300 << 20
    with (tmp_path / "crate.zip").open("wb") as file:
        file.seek(size)
        file.write(struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, size, 0, 0))

    (fault,) = verify_crate(tmp_path / "crate.zip").faults

    assert f"its directory claims {size} bytes" in fault.text


def test_members_that_share_bytes_are_not_unpacked(tmp_path: Path) -> None:
    crate = overlapping_zip(tmp_path / "crate.zip", copies=50)

    faults = faults_of(crate)

    assert {("damaged", f"f{number:02}") for number in range(49)} <= faults


def overlapping_zip(path: Path, copies: int) -> Path:
    """Many members whose data is one and the same kernel, as zip bombs have it."""
    kernel = zlib.compress(bytes(1 << 20), wbits=-15)
    crc = zlib.crc32(bytes(1 << 20))
    sizes = (crc, len(kernel), 1 << 20)
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, *sizes, 3, 0) + b"f00"
    directory = b"".join(
        struct.pack(
            "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, *sizes, 3, 0, 0, 0, 0, 0, 0
        ) + f"f{number:02}".encode()
        for number in range(copies)
    )  # fmt: skip
    start = len(local) + len(kernel)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, copies, copies, len(directory), start, 0)
    path.write_bytes(local + kernel + directory + end)
    return path


def test_encrypted_member_is_called_damaged(tmp_path: Path) -> None:
    crate = write_zip(tmp_path / "crate.zip", {"x": b"x"})
    data = bytearray(crate.read_bytes())
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    crate.write_bytes(data)

    assert ("damaged", "x") in faults_of(crate)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"@graph": [1]}', '{"@graph": [{"@id": "ro-crate-metadata.json"}]}']
)
def test_metadata_that_is_no_ro_crate_is_a_fault(text: str, tmp_path: Path) -> None:
    crate = write_zip(tmp_path / "crate.zip", {"ro-crate-metadata.json": text.encode()})

    assert ("metadata", "ro-crate-metadata.json") in faults_of(crate)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 99}'])
def test_run_record_that_is_none_is_a_fault(text: str, tmp_path: Path) -> None:
    crate = write_zip(tmp_path / "crate.zip", {"run.json": text.encode()})

    assert ("metadata", "run.json") in faults_of(crate)


def test_manifest_with_lines_that_are_none_is_a_fault(tmp_path: Path) -> None:
    crate = write_zip(tmp_path / "crate.zip", {"manifest-sha256.txt": b"rubbish\n"})

    assert ("metadata", "manifest-sha256.txt") in faults_of(crate)


def test_file_that_only_the_manifest_knows_is_missing(tmp_path: Path) -> None:
    line = f"{'ab' * 32}  results/gone.sca\n"
    crate = write_zip(tmp_path / "crate.zip", {"manifest-sha256.txt": line.encode()})

    assert ("missing", "results/gone.sca") in faults_of(crate)


def test_zip_that_is_no_crate_lacks_every_record(tmp_path: Path) -> None:
    crate = write_zip(tmp_path / "crate.zip", {"x": b"x"})

    assert faults_of(crate) == {
        ("missing", "manifest-sha256.txt"),
        ("missing", "ro-crate-metadata.json"),
        ("missing", "run.json"),
        ("extra", "x"),
    }
