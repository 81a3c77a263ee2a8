"""Continuation lines, comments and strings, by the rules of OMNeT++ 5.x and 6.x."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.errors import IniError
from simcrate.inifile.lines import Generation, content_end, join_lines


def texts(text: str, generation: Generation = 6) -> list[str]:
    return [line.text for line in join_lines(text, file="a.ini", generation=generation)]


def test_blank_lines_and_comments_are_no_lines() -> None:
    assert texts("\n  \n# a comment\n   # another\nnetwork = X\n") == ["network = X"]


def test_a_comment_ends_the_content_but_not_inside_a_string() -> None:
    assert texts('a = "x # y" # z') == ['a = "x # y"']


@pytest.mark.parametrize("generation", [5, 6])
def test_a_backslash_at_the_end_joins_the_next_line_as_it_is(generation: Generation) -> None:
    assert texts("a = 1, \\\n  2,\\\n3\nb = 4", generation) == ["a = 1,   2,3", "b = 4"]


def test_a_backslash_before_trailing_blanks_joins_for_5_and_not_for_6() -> None:
    assert texts("a = 1 \\ \nb = 2", 5) == ["a = 1 b = 2"]
    assert texts("a = 1 \\ \nb = 2", 6) == ["a = 1 \\", "b = 2"]


def test_an_indented_line_continues_the_one_above_for_6_and_stands_alone_for_5() -> None:
    assert texts("a = 1,\n  2", 6) == ["a = 1,\n  2"]
    assert texts("a = 1,\n  2", 5) == ["a = 1,", "  2"]


def test_comments_inside_a_continued_line_are_dropped() -> None:
    assert texts("a = 1, # one\n  # nothing\n  2 # two") == ["a = 1,\n\n  2"]


@pytest.mark.parametrize("separator", ["\n\n", "\n# comment\n"])
def test_nothing_continues_a_blank_line_or_a_comment(separator: str) -> None:
    assert texts(f"a = 1{separator}  b = 2") == ["a = 1", "  b = 2"]


def test_windows_line_ends_are_dropped_before_looking_for_the_backslash() -> None:
    assert texts("a = 1 \\\r\n2\r\nb = 3\r\n") == ["a = 1 2", "b = 3"]


def test_a_backslash_at_the_end_of_the_file_is_dropped() -> None:
    assert texts("a = 1\\") == ["a = 1"]


def test_a_line_knows_the_physical_lines_it_was_made_of() -> None:
    (line,) = join_lines("\na = 1,\n  2", file="a.ini")

    assert line.line == 2
    assert [(piece.line, piece.text) for piece in line.pieces] == [(2, "a = 1,"), (3, "  2")]


def test_a_string_without_an_end_is_an_error_with_its_own_line() -> None:
    with pytest.raises(IniError, match="string constant without an end") as raised:
        texts('a = "x"\n  + "y')

    assert (raised.value.file, raised.value.line) == ("a.ini", 2)


@settings(deadline=None)
@given(st.text(alphabet=string.printable, max_size=200), st.sampled_from([5, 6]))
def test_any_text_gives_lines_or_an_ini_error(text: str, generation: Generation) -> None:
    try:
        lines = list(join_lines(text, file="a.ini", generation=generation))
    except IniError:
        return

    assert all(line.text.strip() or len(line.pieces) > 1 for line in lines)
    numbers = [piece.line for line in lines for piece in line.pieces]
    assert numbers == sorted(numbers)


@settings(deadline=None)
@given(st.text(alphabet='a "\\#', max_size=30))
def test_a_comment_never_begins_inside_a_string(text: str) -> None:
    try:
        end = content_end(text)
    except IniError:
        return

    assert end == len(text) or text[end] == "#"
    assert content_end(text[:end]) == end


@settings(deadline=None)
@given(
    st.lists(
        st.text(alphabet=string.ascii_letters + string.digits, min_size=1), min_size=1, max_size=5
    )
)
def test_pieces_joined_by_backslashes_are_their_concatenation(pieces: list[str]) -> None:
    assert texts("\\\n".join(pieces)) == ["".join(pieces)]
