"""Names of members: kept, encoded reversibly, or refused."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.crate import crate_name, original_name
from simcrate.crate.names import clashes, name_fault
from simcrate.errors import CrateError


@pytest.mark.parametrize(
    "name",
    [
        "results/Net-#0.vec",
        "results/\"quoted\" 'twice' $HOME `id` *?<>|:;&.sca",
        "results/ leading and trailing ",
        "results/naïve/结果.csv",
        "100%/50% of it",
        "...",
        "..a/b..",
        "-rf",
    ],
)
def test_name_that_a_zip_can_hold_is_kept(name: str) -> None:
    assert crate_name(name) == name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"a\nb", "a%0Ab"),
        (b"a\x1b[31mb", "a%1B[31mb"),
        (b"a\\b", "a%5Cb"),
        (b"caf\xe9", "caf%E9"),
        ("a\x85b".encode(), "a%C2%85b"),
        (b"100%41", "100%2541"),
        (b"%0a", "%250a"),
    ],
)
def test_name_that_a_zip_cannot_hold_is_encoded_byte_by_byte(raw: bytes, name: str) -> None:
    assert crate_name(raw) == name
    assert original_name(name) == raw


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", ".", ".."]
)
def test_name_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(CrateError, match="could not name a member"):
        crate_name(name)


steps = st.binary(min_size=1, max_size=20).filter(
    lambda step: step not in {b".", b".."} and b"/" not in step and b"\0" not in step
)


@settings(deadline=None)
@given(st.lists(steps, min_size=1, max_size=4).map(b"/".join))
def test_every_path_of_a_file_system_comes_back_from_its_encoded_name(path: bytes) -> None:
    name = crate_name(os.fsdecode(path))

    assert original_name(name) == path
    assert name_fault(name) == ""


def test_names_that_differ_in_case_or_unicode_form_only_are_reported_as_alike() -> None:
    names = ["a/B", "a/b", "\u00e9", "e\u0301", "c"]

    assert clashes(names) == [("a/B", "a/b"), ("\u00e9", "e\u0301")]
