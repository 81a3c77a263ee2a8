"""The script of the page on comparing two configurations, as somebody copies it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from tests.unit.statistics.conftest import Study

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "compare-two-configurations.md"


def test_its_script_names_modules_and_says_no_share_of_a_mean_of_zero(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for routing, least in (("Epidemic", 0), ("Prophet", 10)):
        for repetition in range(4):
            sent = least + repetition % 2 * (least > 0)
            study.run(
                repetition=repetition,
                itervars={"routing": routing},
                seed_set=str(repetition),
                scalars=[
                    ("Net", "sent", sent),
                    ("Net.host[0]", "sent", 5 + sent),
                ],
            )
    script = study.directory.parent / "compare.py"
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script.write_text(code)
    monkeypatch.chdir(study.directory.parent)

    runpy.run_path(str(script))

    printed = capsys.readouterr().out
    of_nodes, of_network = sorted(printed.splitlines())
    assert ", Net: +10.5" in of_network
    assert "%" not in of_network
    assert ", Net.host[*]: +10.5 ± " in of_nodes
    assert "(+210%), paired, n = 4" in of_nodes
    assert "nan" not in printed
