"""The pages about results: their examples run, their tables are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simcrate.results import Kind, open_results
from simcrate.results.tables import ALL_SAMPLES, ATTRIBUTES, SAMPLES
from tests.unit.results.conftest import DATA

DOCS = Path(__file__).parents[3] / "docs"


def test_the_session_of_the_how_to_runs_and_says_the_truth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(DOCS.parent)
    text = (DOCS / "how-to" / "read-results.md").read_text()
    session: dict[str, object] = {}
    stated = 0

    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, session)
        for code, expected in re.findall(r"^(\S.*?)  +# ([\d('{\[].*)$", block, re.MULTILINE):
            assert _fits(repr(eval(code, session)), expected), code
            stated += 1

    assert stated >= 6
    assert session["busy"] == 23


def test_the_reference_names_every_column() -> None:
    text = (DOCS / "reference" / "results.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)\(.*?` \| (.*) \|$", text, re.MULTILINE))

    for kind in Kind:
        if kind is not Kind.HISTOGRAMS:
            stated = re.sub(r" \(\w+\)", "", rows[kind]).split(", ")
            assert stated == kind.schema.names
    assert rows["samples"] == ", ".join(SAMPLES.names)
    assert rows["all_samples"].startswith(", ".join(ALL_SAMPLES.names))
    assert rows["attributes"] == ", ".join(ATTRIBUTES.names)


def test_every_filter_of_the_reference_compiles() -> None:
    text = (DOCS / "reference" / "results.md").read_text()
    block = text.split("## Filters")[1].split("```")[1]
    results = open_results([DATA / "tictoc16"])

    for expression in block.strip().splitlines():
        results.where(expression).scalars()


def _fits(result: str, expected: str) -> bool:
    """Whether a result is what the page says, as far as that goes before `...` or `: `."""
    stated = re.split(r" \.\.\.|: (?=no )", expected)[0]
    return result.startswith(stated)
