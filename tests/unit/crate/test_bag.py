"""The crate as a BagIt bag, against RFC 8493."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from simcrate.crate import CrateContents, Provenance, gather, verify_crate, write_bag
from simcrate.crate.bag import name_from_bag

Files = dict[str, bytes]


@pytest.fixture
def files(contents: CrateContents, provenance: Provenance, tmp_path: Path) -> Files:
    packed = write_bag(contents, provenance, tmp_path / "epidemic.zip")
    with zipfile.ZipFile(packed.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def lines_of(manifest: bytes) -> dict[str, str]:
    lines = manifest.decode().splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def test_zip_holds_one_directory_with_its_own_name(files: Files) -> None:
    assert {name.split("/")[0] for name in files} == {"epidemic"}


def test_declaration_is_two_fixed_lines(files: Files) -> None:
    assert files["epidemic/bagit.txt"] == (
        b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    )


def test_manifest_lists_every_payload_file_with_its_digest(files: Files) -> None:
    listed = lines_of(files["epidemic/manifest-sha256.txt"])

    assert listed == {
        name.removeprefix("epidemic/"): hashlib.sha256(data).hexdigest()
        for name, data in files.items()
        if name.startswith("epidemic/data/")
    }


def test_tag_manifest_lists_every_other_file(files: Files) -> None:
    listed = lines_of(files["epidemic/tagmanifest-sha256.txt"])

    assert listed == {
        name: hashlib.sha256(files[f"epidemic/{name}"]).hexdigest()
        for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
    }


def test_payload_oxum_counts_bytes_and_files(files: Files) -> None:
    payload = [data for name, data in files.items() if name.startswith("epidemic/data/")]

    match = re.search(rb"^Payload-Oxum: (\d+)\.(\d+)$", files["epidemic/bag-info.txt"], re.M)

    assert match is not None
    assert (int(match[1]), int(match[2])) == (sum(map(len, payload)), len(payload))


def test_percent_signs_in_names_are_encoded_in_manifests_as_the_rfc_wants(
    provenance: Provenance, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("50%25 100%", "new\nline", "%0A"):
        (tree / name).write_text(name)

    packed = write_bag(gather(tree), provenance, tmp_path / "bag.zip")

    with zipfile.ZipFile(packed.path) as archive:
        listed = lines_of(archive.read("bag/manifest-sha256.txt"))
    assert "data/results/50%252525 100%25" in listed
    assert verify_crate(packed.path).faults == ()


@pytest.mark.parametrize(
    ("encoded", "name"),
    [("a%250Ab", "a%0Ab"), ("a%0ab%0D", "a\nb\r"), ("%2525", "%25"), ("%41", "%41")],
)
def test_names_in_manifests_are_decoded_once(encoded: str, name: str) -> None:
    assert name_from_bag(encoded) == name
