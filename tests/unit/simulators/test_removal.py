"""Trees that simulators leave to be in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simcrate.simulators.removal import remove_tree

LEVELS = 1100  # more than Python recurses,
NAME = "deep"  # and longer together than a path may be


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One directory in a place of its own."""
    directory = tmp_path / "tree"
    directory.mkdir()
    return directory


def test_what_there_is_not_is_removed_already(tmp_path: Path) -> None:
    remove_tree(tmp_path / "none")


def test_files_directories_links_and_pipes_go_and_what_links_lead_to_stays(tree: Path) -> None:
    outside = tree.parent / "outside"
    outside.mkdir()
    (outside / "file").touch()
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").touch()
    (tree / "a" / "out").symlink_to(outside)
    (tree / "gone").symlink_to("nothing")
    os.mkfifo(tree / "a" / "pipe")
    remove_tree(tree)

    assert list(tree.parent.iterdir()) == [outside]
    assert (outside / "file").exists()


def test_a_link_or_a_file_in_the_place_of_the_tree_goes_and_what_it_leads_to_stays(
    tree: Path, tmp_path: Path
) -> None:
    (tree / "file").touch()
    (tmp_path / "link").symlink_to(tree)
    (tmp_path / "file").touch()
    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "file")

    assert list(tmp_path.iterdir()) == [tree]
    assert (tree / "file").exists()


def test_a_tree_that_is_deeper_than_any_path_goes(tree: Path) -> None:
    innermost = os.open(tree, os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir(NAME, dir_fd=innermost)
        deeper = os.open(NAME, os.O_RDONLY, dir_fd=innermost)
        os.close(innermost)
        innermost = deeper
    os.close(innermost)
    remove_tree(tree)

    assert not tree.exists()


def test_directories_that_nobody_may_enter_or_write_to_go(tree: Path) -> None:
    (tree / "closed" / "inside").mkdir(parents=True)
    (tree / "closed" / "inside" / "file").touch()
    (tree / "closed" / "inside").chmod(0o500)
    (tree / "closed").chmod(0)
    tree.chmod(0o500)
    remove_tree(tree)

    assert not tree.exists()


def test_names_of_any_bytes_go(tree: Path) -> None:
    Path(os.fsdecode(os.fsencode(tree) + b"/\xff\n")).mkdir()
    Path(os.fsdecode(os.fsencode(tree) + b"/\xff\n/\xfe")).touch()
    remove_tree(tree)

    assert not tree.exists()
