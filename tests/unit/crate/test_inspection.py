"""Inspecting: what a crate says of itself, and patience with crates that say nothing sensible."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from simcrate.crate import CrateContents, Provenance, inspect_crate, pack_crate, write_bag
from simcrate.errors import BadInputError


def test_inspection_lists_files_and_provenance(
    contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    packed = pack_crate(contents, provenance, tmp_path / "crate.zip")

    inspection = inspect_crate(packed.path)

    sizes = {file.name: file.size_bytes for file in inspection.files}
    assert inspection.size_bytes == packed.size_bytes
    assert len(sizes) == packed.members
    assert sizes["results/General/Net-#0.sca"] == 31
    assert inspection.run_record["runs"][0]["config"] == "General"
    assert inspection.statistics == ()


def test_bag_is_inspected_like_any_crate(
    contents: CrateContents, provenance: Provenance, tmp_path: Path
) -> None:
    packed = write_bag(contents, provenance, tmp_path / "bag.zip")

    assert inspect_crate(packed.path).run_record["title"] == "Epidemic routing"


@pytest.mark.parametrize("statistics", ["", "[1]", '{"rows": 1}', '{"rows": [1]}', "\\ud800", "{"])
def test_statistics_that_make_no_sense_are_left_aside(statistics: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        archive.writestr("statistics.json", statistics)
        archive.writestr("run.json", json.dumps(["no", "object"]))

    inspection = inspect_crate(tmp_path / "odd.zip")

    assert inspection.statistics == ()
    assert inspection.run_record == {}


def test_file_that_is_no_zip_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")

    with pytest.raises(BadInputError, match="could not inspect 'text'"):
        inspect_crate(tmp_path / "text")
