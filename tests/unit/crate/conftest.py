"""A small crate's ingredients."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from simcrate.crate import CrateContents, Provenance, RunRecord, gather


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A result directory with a scalar file and a vector file of several blocks."""
    directory = tmp_path / "tree"
    (directory / "General").mkdir(parents=True)
    (directory / "General" / "Net-#0.sca").write_text("version 3\nscalar Net delay 1.5\n")
    lines = "".join(f"0\t{i}\t{i * 0.25}\t{i % 7}\n" for i in range(70_000))
    (directory / "General" / "Net-#0.vec").write_text("version 3\n" + lines)
    (directory / "empty.log").touch()
    return directory


@pytest.fixture
def contents(tree: Path) -> CrateContents:
    return gather(tree)


@pytest.fixture
def provenance() -> Provenance:
    return Provenance(
        title="Epidemic routing",
        description="100 nodes for one hour.",
        created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        licence="CC-BY-4.0",
        submitter="Alice Example",
        keywords=("opportunistic networks", "epidemic"),
        simulator="oppsim",
        simulator_version="1.0",
        runs=(
            RunRecord(
                number=0,
                config="General",
                itervars={"n": "100"},
                seeds=(1,),
                command=("oppsim", "-c", "General", "-r", "0"),
                started_at=datetime(2026, 3, 1, 11, tzinfo=UTC),
                ended_at=datetime(2026, 3, 1, 11, 30, tzinfo=UTC),
                exit_code=0,
                state="completed",
                reason="it reached its time limit",
            ),
        ),
        content_digest="c0ffee",
    )
