"""Each defence that the threat pages claim has its test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "explanation"
CLAIM = re.compile(r"`(?:(\w+)/)?(test_\w+\.py|…)::(test_\w+)`")


def claims(page: str, area: str) -> list[tuple[str, str, str]]:
    """Area, file and name of each test; `…` is the file of the claim before."""
    found: list[tuple[str, str, str]] = []
    for where, file, name in CLAIM.findall((PAGES / page).read_text()):
        found.append(
            (found[-1][0], found[-1][1], name) if file == "…" else (where or area, file, name)
        )
    return found


@pytest.mark.parametrize(
    ("area", "file", "name"),
    [*claims("portal-threats.md", "portal"), *claims("sandbox.md", "sandbox")],
)
def test_a_claimed_test_exists(area: str, file: str, name: str) -> None:
    [path] = (ROOT / "tests").glob(f"*/{area}/{file}")

    assert f"def {name}(" in path.read_text()
