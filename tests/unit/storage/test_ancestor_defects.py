"""Every defect of the ancestor is listed with a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "ancestor-defects.md"
ROW = re.compile(r"^\| (\d+) \| .* \| `([^`]+)::(test_\w+)` \|$", re.MULTILINE)


def test_all_forty_are_listed() -> None:
    numbers = [int(number) for number, _, _ in ROW.findall(PAGE.read_text())]

    assert numbers == list(range(1, 41))


@pytest.mark.parametrize(
    ("file", "name"), [(file, name) for _, file, name in ROW.findall(PAGE.read_text())]
)
def test_the_test_that_is_named_exists(file: str, name: str) -> None:
    path = ROOT / file if file.startswith("src/") else ROOT / "tests" / file

    assert f"def {name}(" in path.read_text()
