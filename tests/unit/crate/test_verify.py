"""Verifying: a good crate has no fault; every kind of fault is found and named."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from simcrate.crate import CrateContents, FaultKind, Provenance, pack_crate, verify_crate, write_bag
from simcrate.errors import BadInputError

SCA = "results/General/Net-#0.sca"


@pytest.fixture
def crate(contents: CrateContents, provenance: Provenance, tmp_path: Path) -> Path:
    return pack_crate(contents, provenance, tmp_path / "crate.zip").path


def faults_of(crate: Path) -> set[tuple[str, str]]:
    return {(fault.kind.value, fault.name) for fault in verify_crate(crate).faults}


def rezip(crate: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """The crate with other content, made by another zip tool."""
    with zipfile.ZipFile(crate) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(crate, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return crate


def test_good_crate_has_no_fault_and_states_its_digests(crate: Path) -> None:
    verification = verify_crate(crate)

    assert verification.is_good
    assert verification.members == 7
    assert verification.content_digest == "c0ffee"


def test_crate_packed_again_by_another_tool_has_no_fault(crate: Path) -> None:
    assert faults_of(rezip(crate, lambda files: None)) == set()


def test_bag_has_no_fault(contents: CrateContents, provenance: Provenance, tmp_path: Path) -> None:
    assert faults_of(write_bag(contents, provenance, tmp_path / "bag.zip").path) == set()


def test_missing_file_is_named(crate: Path) -> None:
    assert faults_of(rezip(crate, lambda files: files.pop(SCA))) == {("missing", SCA)}


def test_extra_file_is_named(crate: Path) -> None:
    assert faults_of(rezip(crate, lambda files: files.update(x=b"?"))) == {("extra", "x")}


def test_changed_file_is_named_with_both_digests_and_sizes(crate: Path) -> None:
    rezip(crate, lambda files: files.update({SCA: files[SCA] + b"!"}))

    by_kind = {fault.kind: fault for fault in verify_crate(crate).faults}

    assert set(by_kind) == {FaultKind.CHANGED, FaultKind.SIZE}
    assert by_kind[FaultKind.CHANGED].name == SCA
    assert by_kind[FaultKind.CHANGED].expected != by_kind[FaultKind.CHANGED].found != ""
    assert by_kind[FaultKind.SIZE].found == "32"


def test_all_faults_are_listed_not_only_the_first(crate: Path) -> None:
    def harm(files: dict[str, bytes]) -> None:
        del files["README.txt"]
        files["extra"] = b""
        files[SCA] = bytes(len(files[SCA]))

    assert faults_of(rezip(crate, harm)) == {
        ("missing", "README.txt"),
        ("extra", "extra"),
        ("changed", SCA),
    }


def test_truncated_zip_is_one_fault(crate: Path) -> None:
    crate.write_bytes(crate.read_bytes()[:-100])

    assert faults_of(crate) == {("truncated", "")}


def test_file_that_is_no_zip_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")

    assert faults_of(tmp_path / "text") == {("damaged", "")}


def test_no_such_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"could not open 'none\.zip'"):
        verify_crate(tmp_path / "none.zip")


def test_progress_grows_within_a_large_member_and_never_past_the_total(crate: Path) -> None:
    reports: list[tuple[int, int]] = []

    verify_crate(crate, progress=lambda done, total: reports.append((done, total)))

    done = [done for done, _ in reports]
    assert done == sorted(done)
    assert len(reports) > 6  # members that are not empty
    assert 0.9 * reports[-1][1] < done[-1] <= reports[-1][1]
