"""The reference page names every public name, every option and why it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import simcrate.inifile
from simcrate.inifile.options import (
    ALLOWED_PER_OBJECT,
    ALLOWED_PLAIN,
    REFUSED_PER_OBJECT,
    REFUSED_PLAIN,
)
from simcrate.inifile.variables import PREDEFINED

PAGE = (Path(__file__).parents[3] / "docs/reference/ini.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", simcrate.inifile.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert f"`{name}" in PAGE


def test_every_allowed_option_is_listed() -> None:
    assert [
        option for option in ALLOWED_PLAIN | ALLOWED_PER_OBJECT if f"`{option}`" not in PAGE
    ] == []


def test_every_refused_option_is_listed_with_its_reason() -> None:
    reasons = {**REFUSED_PLAIN, **REFUSED_PER_OBJECT}

    assert [o for o, why in reasons.items() if f"| `{o}` | {why} |" not in PAGE] == []


def test_no_option_is_both_allowed_and_refused() -> None:
    assert not (ALLOWED_PLAIN | ALLOWED_PER_OBJECT) & {*REFUSED_PLAIN, *REFUSED_PER_OBJECT}


def test_every_predefined_variable_is_listed() -> None:
    assert [name for name in PREDEFINED if f"`${{{name}}}`" not in PAGE] == []
