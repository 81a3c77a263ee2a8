"""Every link between our pages leads somewhere, and every page is linked from the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("index", ["docs/README.md", "docs/decisions/README.md"])
def test_every_page_is_linked_from_its_index(index: str) -> None:
    path = ROOT / index
    linked = {(path.parent / target).resolve() for target in LINK.findall(path.read_text())}
    below = {page.resolve() for page in path.parent.glob("**/*.md")} - {path.resolve()}
    if index == "docs/README.md":
        below = {page for page in below if "decisions" not in page.parts}

    assert below - linked == set()
