"""A run as one zip, from one machine to another."""

from __future__ import annotations

import uuid
import zipfile
from pathlib import Path

import pytest

from simcrate.errors import CrateError
from simcrate.pipeline.part import pack_part, unpack_part
from simcrate.pipeline.place import Place

FILES = {"General-#0.sca": b"version 3\n", "deep/trace.bin": bytes(range(256)), "100%25.txt": b"x"}


@pytest.fixture
def there(tmp_path: Path) -> Place:
    """A machine that has done run 3."""
    place = Place(tmp_path / "there", uuid.uuid4())
    for name, content in FILES.items():
        path = place.result_dir(3) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    place.log_path(3).write_text("End.\n")
    return place


@pytest.fixture
def here(tmp_path: Path, there: Place) -> Place:
    """The machine that packs."""
    return Place(tmp_path / "here", there.simulation_id)


def carry(there: Place, here: Place) -> Path:
    """Pack it there, and have the zip here."""
    path = here.part_path(3)
    path.parent.mkdir(parents=True)
    path.write_bytes(pack_part(there, 3).path.read_bytes())
    return path


def files_below(directory: Path) -> dict[str, bytes]:
    paths = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def test_a_part_becomes_the_run_directory_that_it_was(there: Place, here: Place) -> None:
    path = carry(there, here)
    unpack_part(here, 3)

    assert files_below(here.result_dir(3)) == FILES
    assert here.log_path(3).read_text() == "End.\n"
    assert not path.exists()


def test_what_an_earlier_attempt_left_here_does_not_mix_with_it(there: Place, here: Place) -> None:
    here.result_dir(3).mkdir(parents=True)
    (here.result_dir(3) / "stale.sca").write_text("stale")
    carry(there, here)
    unpack_part(here, 3)

    assert files_below(here.result_dir(3)) == FILES


def test_a_run_that_left_nothing_is_a_part_too(tmp_path: Path, here: Place) -> None:
    there = Place(tmp_path / "there", here.simulation_id)
    there.run_dir(3).mkdir(parents=True, exist_ok=True)
    there.log_path(3).unlink(missing_ok=True)
    carry(there, here)
    unpack_part(here, 3)

    assert here.run_dir(3).is_dir()


def test_a_damaged_part_is_refused_and_changes_nothing(there: Place, here: Place) -> None:
    path = carry(there, here)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(CrateError, match="the part of run 3 is damaged"):
        unpack_part(here, 3)
    assert not here.run_dir(3).exists()


@pytest.mark.parametrize("name", ["results/%2e%2e/%2e%2e/evil", "results/%2fetc%2fevil"])
def test_a_part_that_would_leave_its_directory_is_refused(
    there: Place, here: Place, name: str
) -> None:
    path = carry(there, here)
    with zipfile.ZipFile(path, "a") as part:
        part.writestr(name, "evil")

    with pytest.raises(CrateError):
        unpack_part(here, 3)
    assert not list(here.var_dir.rglob("*evil*"))
