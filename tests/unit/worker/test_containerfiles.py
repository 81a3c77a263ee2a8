"""Images are made of what a checkout publishes, never of what it holds besides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
CONTAINERFILES = sorted(CHECKOUT.glob("deploy/*/Containerfile"))
PUBLISHED = {"LICENSE", "README.md", "examples", "pyproject.toml", "requirements", "src"}


def test_whoever_builds_is_given_what_is_published_only() -> None:
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if not line.startswith("#")]

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == PUBLISHED


@pytest.mark.parametrize("containerfile", CONTAINERFILES, ids=lambda path: path.parent.name)
def test_an_image_names_what_it_takes(containerfile: Path) -> None:
    taken = re.findall(r"^COPY (?!--from)(.+) \S+$", containerfile.read_text(), re.MULTILINE)

    assert {source for line in taken for source in line.split()} == PUBLISHED
