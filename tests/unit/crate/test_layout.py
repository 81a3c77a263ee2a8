"""The layout: one table, and the README of every crate says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcrate.crate import LAYOUT, CrateContents, Member, Provenance, Refused, Role
from simcrate.crate.layout import RECORDS, role_of
from simcrate.crate.readme import readme_text

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "crate.md"


def full_contents() -> CrateContents:
    files = [f"{part.name}x" if part.name.endswith("/") else part.name for part in LAYOUT]
    members = [
        Member(source=Path("x"), name=name, role=role_of(name))
        for name in files
        if name not in RECORDS
    ]
    return CrateContents(members=tuple(members))


def test_readme_describes_every_part_of_a_full_crate(provenance: Provenance) -> None:
    text = readme_text(provenance, full_contents())

    for part in LAYOUT:
        assert f"    {part.name:<24} {part.text}\n" in text


def test_readme_leaves_out_parts_that_the_crate_has_not(provenance: Provenance) -> None:
    text = readme_text(provenance, CrateContents(members=()))

    assert "csv/" not in text
    assert "manifest-sha256.txt" in text


def test_readme_names_what_was_renamed_left_out_or_alike(provenance: Provenance) -> None:
    members = tuple(
        Member(source=Path("x"), name=name, role=Role.RESULT)
        for name in ("results/a%0Ab", "results/x", "results/X")
    )
    refused = (Refused(name="results/pipe", why="a pipe"),)

    text = readme_text(provenance, CrateContents(members=members, refused=refused))

    assert "    results/a%0Ab\n" in text
    assert "    results/X  and  results/x\n" in text
    assert "    results/pipe: a pipe\n" in text


def test_reference_page_describes_every_part() -> None:
    page = REFERENCE.read_text()

    for part in LAYOUT:
        assert f"| `{part.name}` | {part.text} |" in page


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("results/a/b.vec", Role.RESULT),
        ("input/omnetpp.ini", Role.INPUT),
        ("report.html", Role.REPORT),
        ("elsewhere/x", Role.OTHER),
    ],
)
def test_role_follows_from_the_place(name: str, role: Role) -> None:
    assert role_of(name) is role
