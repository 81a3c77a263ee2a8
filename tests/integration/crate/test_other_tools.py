"""Other people's tools accept our crates: unzip, bsdtar, 7-Zip's rules by bsdtar, zipfile, sha256sum."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from simcrate.crate import (
    CrateContents,
    Member,
    PackedCrate,
    Provenance,
    Role,
    gather,
    pack_crate,
    verify_crate,
    write_bag,
)

pytestmark = pytest.mark.services  # unzip and bsdtar are Debian packages

HOSTILE_NAMES = (
    b"#", b"'quote'", b'"double"', b"a\nb", b"\x1b[31m", b"back\\slash", b"caf\xe9", b"%41", b"100%",
    b" lead", b"trail ", b"-rf", b"..dots..", b"C:colon", b"*?[x]", b"$HOME `id`;&|", b"Case", b"case",
    "naïve 结果".encode(),
)  # fmt: skip


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def check_with_every_tool(crate: Path, scratch: Path, root: str = ".") -> None:
    """Test with unzip, zipfile and bsdtar, unpack with two of them, check with sha256sum."""
    run("unzip", "-tqq", crate)
    with zipfile.ZipFile(crate) as archive:
        assert archive.testzip() is None
    for name, command in (
        ("unzip", ("unzip", "-qq", crate, "-d")),
        ("bsdtar", ("bsdtar", "-xf", crate, "-C")),
    ):
        target = scratch / name
        target.mkdir()
        run(*command, target)
        run("sha256sum", "-c", "--quiet", "--strict", "manifest-sha256.txt", cwd=target / root)


def test_ordinary_crate_is_accepted(packed: PackedCrate, tmp_path: Path) -> None:
    check_with_every_tool(packed.path, tmp_path)


def test_crate_with_hostile_names_is_accepted(provenance: Provenance, tmp_path: Path) -> None:
    tree = tmp_path / "hostile"
    tree.mkdir()
    for name in HOSTILE_NAMES:
        Path(f"{tree}/".encode().decode() + name.decode("utf-8", "surrogateescape")).write_bytes(
            name
        )

    packed = pack_crate(gather(tree), provenance, tmp_path / "crate.zip")

    check_with_every_tool(packed.path, tmp_path)
    unpacked = {path.read_bytes() for path in (tmp_path / "unzip" / "results").iterdir()}
    assert unpacked == set(HOSTILE_NAMES)


def test_empty_crate_is_accepted(provenance: Provenance, tmp_path: Path) -> None:
    packed = pack_crate(CrateContents(members=()), provenance, tmp_path / "crate.zip")

    check_with_every_tool(packed.path, tmp_path)


def test_bag_is_accepted_and_both_its_manifests_hold(
    packed: PackedCrate, provenance: Provenance, tmp_path: Path
) -> None:
    bag = write_bag(gather(tmp_path / "tree"), provenance, tmp_path / "bag.zip")

    check_with_every_tool(bag.path, tmp_path, root="bag")
    run("sha256sum", "-c", "--quiet", "tagmanifest-sha256.txt", cwd=tmp_path / "unzip" / "bag")
    run(
        "sha256sum", "-c", "--quiet", "manifest-sha256.txt", cwd=tmp_path / "unzip" / "bag" / "data"
    )


def test_crate_packed_again_by_zip_has_no_fault(packed: PackedCrate, tmp_path: Path) -> None:
    unpacked = tmp_path / "unpacked"
    run("unzip", "-qq", packed.path, "-d", unpacked)

    run("zip", "-qr", tmp_path / "again.zip", ".", cwd=unpacked)

    assert verify_crate(tmp_path / "again.zip").faults == ()


def pack_70000(provenance: Provenance, directory: Path) -> Path:
    source = directory / "source"
    source.write_text("1")
    members = tuple(
        Member(source=source, name=f"results/{number:05}", role=Role.RESULT)
        for number in range(70_000)
    )
    return pack_crate(CrateContents(members=members), provenance, directory / "crate.zip").path


def test_crate_of_70000_members_is_accepted(provenance: Provenance, tmp_path: Path) -> None:
    crate = pack_70000(provenance, tmp_path)

    run("unzip", "-tqq", crate)
    assert run("bsdtar", "-tf", crate).count("\n") == 70_004
    with zipfile.ZipFile(crate) as archive:
        assert len(archive.namelist()) == 70_004
        assert archive.read("results/69999") == b"1"
    assert verify_crate(crate).is_good


@pytest.mark.slow
def test_crate_of_70000_members_unpacks_to_what_its_manifest_says(
    provenance: Provenance, tmp_path: Path
) -> None:
    check_with_every_tool(pack_70000(provenance, tmp_path), tmp_path)
