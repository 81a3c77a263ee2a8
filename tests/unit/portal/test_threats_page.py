"""Each defence that the threat page claims has its test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "portal-threats.md"
CLAIMS = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE.read_text())


@pytest.mark.parametrize(("file", "name"), CLAIMS)
def test_a_claimed_test_exists(file: str, name: str) -> None:
    [path] = (ROOT / "tests").glob(f"*/portal/{file}")

    assert f"def {name}(" in path.read_text()
