"""The estimated size is near the true one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simcrate.crate import CrateContents, Provenance, estimate_size, gather, pack_crate


def test_estimate_of_result_files_is_within_a_tenth(
    contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    packed = pack_crate(contents, provenance, tmp_path / "crate.zip")

    assert estimate_size(contents) == pytest.approx(packed.size_bytes, rel=0.1)


def test_estimate_of_compressed_files_is_their_size(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"\x1f\x8b\x08" + os.urandom(1_000_000))

    assert estimate_size(gather(tmp_path)) == pytest.approx(1_000_000, rel=0.01)


def test_vanished_file_counts_nothing(tree: Path, contents: CrateContents) -> None:
    for file in tree.rglob("Net*"):
        file.unlink()

    assert estimate_size(contents) < 10_000
