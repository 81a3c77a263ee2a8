"""Gathering a hostile directory: what is taken, what is refused, and that nothing is lost silently."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from simcrate.crate import Choice, CrateContents, Member, Role, gather
from simcrate.errors import CrateError


def names(contents: CrateContents) -> list[str]:
    return [member.name for member in contents.members]


def refused(contents: CrateContents) -> dict[str, str]:
    return {one.name: one.why for one in contents.refused}


def test_files_come_sorted_with_the_role_of_their_place(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/c", "b/B", "a"):
        (tmp_path / name).touch()

    contents = gather(tmp_path, under="figures/")

    assert names(contents) == ["figures/a", "figures/b/B", "figures/b/c"]
    assert {member.role for member in contents.members} == {Role.FIGURE}


def test_names_that_differ_only_in_case_are_both_kept(tmp_path: Path) -> None:
    (tmp_path / "Run.vec").touch()
    (tmp_path / "run.vec").touch()

    assert names(gather(tmp_path)) == ["results/Run.vec", "results/run.vec"]


def test_renamed_member_knows_the_name_that_the_simulator_gave(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n")).touch()

    (member,) = gather(tmp_path).members

    assert member.name == "results/caf%E9%0A"
    assert member.renamed_from == r"results/caf\xe9\n"


def test_link_to_a_file_of_the_directory_is_packed_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    (tmp_path / "link").symlink_to("file")

    contents = gather(tmp_path)

    assert names(contents) == ["results/file", "results/link"]
    assert {member.source.name for member in contents.members} == {"file"}


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "."])
def test_link_that_leads_out_or_to_a_directory_is_refused(target: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(target)

    contents = gather(inside)

    assert contents.members == ()
    assert "a link" in refused(contents)["results/link"]


def test_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "loop").symlink_to("loop")

    assert set(refused(gather(tmp_path))) == {"results/dangling", "results/loop"}


def test_link_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to("real")

    contents = gather(tmp_path / "link")

    assert contents.members == ()
    assert refused(contents) == {"results/": "a link in the place of the directory"}


def test_directory_below_a_link_is_gathered(tmp_path: Path) -> None:
    (tmp_path / "real" / "inside").mkdir(parents=True)
    (tmp_path / "real" / "inside" / "file").touch()
    (tmp_path / "link").symlink_to("real")

    assert names(gather(tmp_path / "link" / "inside")) == ["results/file"]


def test_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert refused(gather(tmp_path / "file")) == {
        "results/": "something else in the place of the directory"
    }


def test_pipes_and_sockets_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))

        contents = gather(tmp_path)

    assert refused(contents) == {"results/pipe": "a pipe", "results/socket": "a socket"}


def test_devices_are_refused() -> None:
    assert refused(gather(Path("/dev")))["results/null"] == "a device"


def test_target_of_packing_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "crate.zip").touch()
    (tmp_path / "file").touch()

    assert names(gather(tmp_path, without=(tmp_path / "crate.zip",))) == ["results/file"]


def test_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CrateError, match="could not list the directory 'none'"):
        gather(tmp_path / "none")


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a\nb", "a\\b", "results/../../x"])
def test_member_with_a_name_that_no_crate_may_hold_cannot_exist(name: str) -> None:
    with pytest.raises(CrateError, match="could not name a member"):
        Member(source=Path("x"), name=name, role=Role.RESULT)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (["a", "a"], "two members are named 'a'"),
        (["a/b", "a"], "'a' is both a file and a directory"),
        (["run.json"], "'run.json' is written by packing itself"),
    ],
)
def test_contents_that_cannot_be_unpacked_cannot_exist(given: list[str], fault: str) -> None:
    members = [Member(source=Path("x"), name=name, role=Role.OTHER) for name in given]

    with pytest.raises(CrateError, match=fault):
        CrateContents(members=tuple(members))


def test_what_was_not_asked_for_is_left_out_and_listed() -> None:
    given = ["results/a.vec", "results/a.vci", "results/a.sca", "csv/x.vec", "figures/f.png", "run"]
    members = [Member(source=Path("x"), name=name, role=Role.OTHER) for name in given]

    contents = CrateContents(members=tuple(members)).without({Choice.VECTORS, Choice.FIGURES})

    assert names(contents) == ["results/a.sca", "csv/x.vec", "run"]
    assert refused(contents) == {
        "results/a.vec": "vectors were not asked for",
        "results/a.vci": "vectors were not asked for",
        "figures/f.png": "figures were not asked for",
    }
