"""Crates to be read by other tools and over the network."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simcrate.crate import PackedCrate, Provenance, RunRecord, gather, pack_crate


@pytest.fixture
def provenance() -> Provenance:
    return Provenance(
        title="Epidemic routing",
        description="100 nodes for one hour.",
        created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        licence="CC-BY-4.0",
        submitter="Alice Example",
        simulator="oppsim",
        simulator_version="1.0",
        runs=(RunRecord(number=0, config="General", state="completed"),),
    )


@pytest.fixture
def packed(provenance: Provenance, tmp_path: Path) -> PackedCrate:
    """A crate with text of several blocks, an incompressible file and small ones."""
    tree = tmp_path / "tree"
    (tree / "General").mkdir(parents=True)
    lines = "".join(f"0\t{i}\t{i * 0.25}\t{i % 7}\n" for i in range(70_000))
    (tree / "General" / "Net-#0.vec").write_text(lines)
    (tree / "General" / "noise.gz").write_bytes(b"\x1f\x8b\x08" + os.urandom(9_000_000))
    for number in range(20):
        (tree / f"{number}.sca").write_text(f"scalar Net n {number}\n")
    return pack_crate(gather(tree), provenance, tmp_path / "crate.zip")
