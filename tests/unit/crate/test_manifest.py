"""The manifest's format."""

from __future__ import annotations

from simcrate.crate.manifest import format_manifest, parse_manifest

A, B = "a" * 64, "b" * 64


def test_manifest_is_sorted_by_the_bytes_of_names() -> None:
    assert format_manifest({"é": A, "b": A, "B": B}) == f"{B}  B\n{A}  b\n{A}  é\n"


def test_manifest_is_read_back() -> None:
    digests = {" leading": A, "with  two": B, "*star": A}

    assert parse_manifest(format_manifest(digests)) == (digests, [])


def test_lines_that_are_not_of_the_format_are_numbered() -> None:
    text = f"{A}  good\n{A} bad\nrubbish\n{B}  good\n"

    assert parse_manifest(text) == ({"good": A}, [2, 3, 4])
