"""Names and sizes of submitted files."""

from __future__ import annotations

import pytest

from simcrate.portal.simulations.files import file_faults

LIMIT = 1000


def faults(*names: str, content: bytes = b"x") -> str:
    files = dict.fromkeys(names, content)
    return " | ".join(fault.message for fault in file_faults(files, max_bytes=LIMIT))


@pytest.mark.parametrize(
    "name", ["omnetpp.ini", "trace 1.csv", "größe.txt", "a.b.c", "x", "データ.csv", "~x", "n" * 200]
)
def test_a_plain_name_passes(name: str) -> None:
    assert faults(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "", " ", ".", "..", "...", "../x", "a/b", "/etc/passwd", "a\\b", "C:x", "a:b", "x\0y", "a\nb",
        "a\x1b[31m", "a\u202eb", "a\u200bb", "a\u2028b", "\ud800", ".hidden", "-rf", "x.", " x", "x ", "a*",
        "a?", "a|b", 'a"b', "<a>", "con", "NUL.txt", "Com1.csv", "n" * 201, "ü" * 101,
    ],
)  # fmt: skip
def test_a_hostile_name_is_refused_by_name(name: str) -> None:
    assert "cannot be used" in faults(name)


def test_the_name_of_the_directory_for_results_is_refused() -> None:
    assert "the directory for the results has that name" in faults("results")
    assert faults("results.csv", "old results") == ""


def test_names_that_are_one_on_some_systems_are_refused() -> None:
    assert "are one name on some systems" in faults("Trace.csv", "trace.CSV")
    assert "are one name on some systems" in faults("caf\u00e9", "cafe\u0301")


def test_files_above_the_limit_together_are_refused() -> None:
    assert faults("a", "b", content=b"x" * 500) == ""
    assert "at most" in faults("a", "b", content=b"x" * 501)


def test_more_files_than_anybody_needs_are_refused() -> None:
    assert "at most 1000" in faults(*(f"f{n}" for n in range(1001)), content=b"")
