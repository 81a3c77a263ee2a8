"""The reference page has the options that the kinds declare."""

from __future__ import annotations

from pathlib import Path

from simcrate.storage import KINDS, TAGS
from simcrate.storage.reference import with_tables

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "storage-backends.md"


def test_the_page_is_current() -> None:
    page = PAGE.read_text()

    assert with_tables(page) == page, "run scripts/update-storage-reference.py"


def test_the_page_has_a_table_of_every_built_in_kind() -> None:
    page = PAGE.read_text()

    for kind in KINDS:
        assert f"## `{kind}`\n" in page
        assert f"<!-- {kind}: made by" in page


def test_the_page_has_every_tag_with_its_display_name() -> None:
    page = PAGE.read_text()

    for tag in TAGS:
        assert f"| `{tag.tag}` | {tag.label} |" in page
