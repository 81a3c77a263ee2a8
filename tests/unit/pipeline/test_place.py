"""Submitted files come, are copied, and go, while others look at them."""

from __future__ import annotations

import uuid
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest

from simcrate.pipeline.place import Place

FILES = {f"{number}.csv": str(number) for number in range(40)}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, uuid.uuid4())


def provide(place: Place) -> None:
    """As a worker does it: whole, or not at all."""
    arriving = place.fresh(place.simulation_dir / "input.partial")
    for name, content in FILES.items():
        (arriving / name).write_text(content)
    arriving.rename(place.input_dir)


def files_in(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_submitted_files_are_copied(place: Place, tmp_path: Path) -> None:
    provide(place)

    assert place.copy_inputs(tmp_path / "copy")
    assert files_in(tmp_path / "copy") == FILES


def test_files_that_are_gone_are_not_copied(place: Place, tmp_path: Path) -> None:
    provide(place)
    place.remove_inputs()

    assert not place.copy_inputs(tmp_path / "copy")
    assert list(place.simulation_dir.iterdir()) == []


def test_removing_what_is_not_there_does_nothing(place: Place) -> None:
    place.remove_inputs()


def test_a_disk_that_fails_is_not_taken_for_files_that_are_gone(
    place: Place, tmp_path: Path
) -> None:
    provide(place)
    (tmp_path / "copy").write_text("a file where the copy should be")

    with pytest.raises(FileExistsError):
        place.copy_inputs(tmp_path / "copy")


def test_a_copy_is_whole_or_none_while_files_come_and_go(place: Place, tmp_path: Path) -> None:
    is_over = Event()

    def come_and_go() -> None:
        while not is_over.is_set():
            provide(place)
            place.remove_inputs()

    thread = Thread(target=come_and_go)
    thread.start()
    try:
        whole = 0
        for number in count():
            if place.copy_inputs(tmp_path / str(number)):
                assert files_in(tmp_path / str(number)) == FILES
                whole += 1
            if whole == 3 or number == 2000:
                break
    finally:
        is_over.set()
        thread.join()
