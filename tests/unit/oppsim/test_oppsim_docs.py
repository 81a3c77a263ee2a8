"""The reference page names every parameter with its default, every routing and every result."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simcrate.oppsim.parameters import NETWORK_PARAMETERS, NODE_PARAMETERS, ROUTINGS, Parameter
from simcrate.oppsim.routing import ROUTERS
from tests.unit.oppsim.conftest import Simulate

PAGE = (Path(__file__).parents[3] / "docs/reference/oppsim.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("parameter", [*NETWORK_PARAMETERS, *NODE_PARAMETERS], ids=lambda p: p.name)
def test_every_parameter_is_documented_with_its_default(parameter: Parameter) -> None:
    assert f"| `{parameter.name}` | `{parameter.default}` |" in PAGE


def test_every_routing_is_documented_and_there() -> None:
    assert set(ROUTINGS) == set(ROUTERS)
    assert all(f"| `{routing}` |" in PAGE for routing in ROUTINGS)


def test_every_scalar_and_vector_is_documented(simulate: Simulate, tmp_path: Path) -> None:
    scalars = simulate([(1, 2, 0, 1)], [(0, 0, 1)])
    vectors = re.findall(
        r"^vector \d+ \S+ (\w+):vector", (tmp_path / "x.vec").read_text(), re.MULTILINE
    )

    names = {name.rpartition(".")[2].partition(":")[0] for name in scalars} | set(vectors)

    assert {name for name in names if f"| `{name}` |" not in PAGE} == set()
