from __future__ import annotations

import math
import os
from pathlib import Path

from simcrate.simulators.fileuse import FileUse, measure_files

MIB = 1 << 20
OURSELVES = (os.getpid(),)


def look(directory: Path, pids: tuple[int, ...] = (), most_entries: float = math.inf) -> FileUse:
    return measure_files(directory, pids, most_entries=most_entries)


def test_directories_and_links_take_disk_too_and_holes_do_not(tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "deep" / "file").write_bytes(bytes(100_000))
    (tmp_path / "out").symlink_to("/usr")
    with (tmp_path / "deep" / "holes").open("wb") as file:
        file.truncate(1 << 30)

    assert 100_000 <= look(tmp_path).disk_bytes < 1_000_000


def test_a_deleted_file_counts_once_while_a_process_has_it_open(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(bytes(MIB))
        (tmp_path / "file").unlink()
        again = os.dup(file.fileno())
        disk_bytes = look(tmp_path, OURSELVES).disk_bytes
        os.close(again)

    assert MIB <= disk_bytes < 2 * MIB
    assert look(tmp_path, OURSELVES).disk_bytes < MIB


def test_a_file_that_lies_in_memory_counts_as_memory(tmp_path: Path) -> None:
    descriptor = os.memfd_create("hidden")
    os.write(descriptor, bytes(MIB))
    use = look(tmp_path, OURSELVES)
    os.close(descriptor)

    assert use.memory_bytes == MIB
    assert use.disk_bytes < MIB


def test_a_look_at_too_many_files_ends_and_says_so(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).touch()

    assert look(tmp_path, most_entries=20).uncounted == ""
    assert look(tmp_path, most_entries=19).uncounted == "there are more than 19 files"


def test_a_look_at_too_many_descriptors_ends_and_says_so(tmp_path: Path) -> None:
    assert look(tmp_path, OURSELVES, most_entries=1).uncounted == "there are more than 1 files"


def test_a_directory_that_is_deeper_than_any_path_is_not_passed_over(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=here)
        deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)

    expected = "a directory cannot be looked into (File name too long)"
    assert look(tmp_path).uncounted == expected


def test_what_is_gone_takes_nothing(tmp_path: Path) -> None:
    use = look(tmp_path / "gone")

    assert (use.disk_bytes, use.uncounted) == (0, "")
