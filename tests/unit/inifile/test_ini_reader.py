"""Sections, entries and includes."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcrate.errors import IniError
from simcrate.inifile import IniFaultsError, parse_ini, read_ini


def test_config_before_a_section_name_may_be_left_out() -> None:
    ini = parse_ini("[General]\n[Config A]\n[ B ]\n")

    assert [info.name for info in ini.configs] == ["General", "A", "B"]


def test_entries_before_any_heading_belong_to_general() -> None:
    assert parse_ini("network = X\n[Config A]\n").config("A").value("network") == "X"


def test_a_key_ends_at_the_first_equals_sign() -> None:
    assert parse_ini("constraint = $a == 2\n").config("General").value("constraint") == "$a == 2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[General\n", 'must end with "]"'),
        ("[]\n", "needs a name"),
        ("[A]\n[Config A]\n", "stands twice"),
        ("; old comment\n", 'not with ";"'),
        ("what is this\n", "neither a section"),
        ("= 3\n", "neither a section"),
        ("key # = 3\n", "neither a section"),
        ("  network = X\n", "first column"),
        ("[A]\n\n  a = 1\n", "first column"),
        ("", "neither a section nor an entry"),
        ("# only a comment\n", "neither a section nor an entry"),
        ("\x7fELF\0\0\0", "no text file"),
        ("include\tother.ini\n", "no other files were given"),
        ("include \t# nothing\n", "neither a section"),
    ],
)
def test_a_fault_is_named_with_its_file(text: str, message: str) -> None:
    with pytest.raises(IniError, match=message) as raised:
        parse_ini(text, name="study.ini")

    assert raised.value.file == "study.ini"
    assert str(raised.value).startswith("study.ini")


def test_all_faults_are_reported_at_once_with_their_lines() -> None:
    with pytest.raises(IniFaultsError) as raised:
        parse_ini("[A\nnetwork = X\nnonsense\n; comment\n")

    assert [fault.line for fault in raised.value.faults] == [1, 3, 4]
    assert len(str(raised.value).splitlines()) == 3


def test_faults_of_a_file_that_is_no_ini_end_somewhere() -> None:
    with pytest.raises(IniFaultsError) as raised:
        parse_ini("nonsense\n" * 100_000)

    assert len(raised.value.faults) == 50


def test_a_fault_in_an_included_file_names_that_file() -> None:
    with pytest.raises(IniError) as raised:
        parse_ini("include sub/b.ini\n", includes={"sub/b.ini": "a = 1\nnonsense\n"})

    assert (raised.value.file, raised.value.line) == ("sub/b.ini", 2)


def test_an_included_file_continues_the_section_that_includes_it() -> None:
    ini = parse_ini("[A]\ninclude b.ini\nc = 3\n", includes={"b.ini": "b = 2\n[B]\nd = 4\n"})

    assert [(entry.section, entry.key) for entry in ini.entries] == [
        ("A", "b"),
        ("A", "c"),
        ("B", "d"),
    ]


def test_included_names_are_relative_to_the_file_that_includes_them() -> None:
    files = {"sub/b.ini": "include ../c.ini\n", "c.ini": "network = X\n"}

    assert (
        parse_ini("include sub/b.ini\n", includes=files).config("General").value("network") == "X"
    )


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../secret.ini", "sub/../../secret.ini", "..\\secret.ini"]
)
def test_an_include_cannot_leave_the_submitted_files(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret.ini").write_text("password = 1\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "omnetpp.ini").write_text(f"include {name}\n")

    with pytest.raises(IniError, match=r"outside|no such file|No such file"):
        read_ini(inside / "omnetpp.ini")


def test_an_include_cannot_leave_by_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "secret.ini").write_text("password = 1\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.ini").symlink_to(tmp_path / "secret.ini")
    (inside / "omnetpp.ini").write_text("include link.ini\n")

    with pytest.raises(IniError, match="symbolic link"):
        read_ini(inside / "omnetpp.ini")


def test_files_are_included_from_the_directory_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.ini").write_text("network = X\n")
    (tmp_path / "omnetpp.ini").write_text("include sub/b.ini\ninclude no.ini\n")

    with pytest.raises(IniError, match=r"omnetpp\.ini:2: include no\.ini: No such file"):
        read_ini(tmp_path / "omnetpp.ini")
    (tmp_path / "no.ini").write_text("")

    assert read_ini(tmp_path / "omnetpp.ini").config("General").value("network") == "X"


def test_a_file_that_was_not_submitted_cannot_be_included() -> None:
    with pytest.raises(IniError, match=r"no such file \(there is: b\.ini\)"):
        parse_ini("include c.ini\n", includes={"b.ini": ""})


def test_a_file_that_includes_itself_is_an_error() -> None:
    with pytest.raises(IniError, match="includes itself"):
        parse_ini("include b.ini\n", includes={"b.ini": "include omnetpp.ini\n", "omnetpp.ini": ""})


def test_files_that_include_others_many_times_are_stopped() -> None:
    files = {f"{n}.ini": f"include {n + 1}.ini\n" * 2 for n in range(15)} | {"15.ini": "a = 1\n"}

    with pytest.raises(IniError, match="more than 200 included files"):
        parse_ini("include 0.ini\n", includes=files)


def test_files_that_include_each_other_in_a_long_row_are_stopped() -> None:
    files = {f"{n}.ini": f"include {n + 1}.ini\n" for n in range(30)} | {"30.ini": "a = 1\n"}

    with pytest.raises(IniError, match="more than 20 files include each other"):
        parse_ini("include 0.ini\n", includes=files)


def test_several_files_are_merged_section_by_section(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text("[A]\nx = 1\n")
    (tmp_path / "b.ini").write_text("[A]\nx = 2\ny = 3\n")

    config = read_ini(tmp_path / "a.ini", tmp_path / "b.ini").config("A")

    assert (config.value("x"), config.value("y")) == ("1", "3")


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(IniError, match=r"cannot open ini file no\.ini"):
        read_ini(tmp_path / "no.ini")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_text_in_either_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "omnetpp.ini"
    path.write_bytes('description = "café"\n'.encode(encoding))

    assert read_ini(path).configs[0].description == "café"


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "omnetpp.ini"
    path.write_bytes(b"\xef\xbb\xbfnetwork = X\n")

    assert read_ini(path).config("General").value("network") == "X"


def test_options_of_the_command_line_win_over_every_section() -> None:
    ini = parse_ini("[A]\nrepeat = 2\n").override({"repeat": "5"})

    assert ini.config("A").run_count == 5
