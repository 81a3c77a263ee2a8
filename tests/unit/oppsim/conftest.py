"""Small networks with contacts and messages written down by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from simcrate.inifile import parse_ini
from simcrate.oppsim.contacts import Step
from simcrate.oppsim.kernel import Kernel
from simcrate.oppsim.network import Network
from simcrate.oppsim.parameters import NetworkParameters, ParameterReader
from simcrate.oppsim.recording import RunHeader, ScalarFile, VectorFile
from simcrate.oppsim.statistics import NetworkStatistics
from simcrate.oppsim.traffic import Demand

Scalars = dict[str, float]
Meetings = Sequence[tuple[float, float, int, int]]
Demands = Sequence[tuple[float, int, int]]
Simulate = Callable[..., Scalars]

EMPTY_HEADER = RunHeader(run_id="General-0", attributes={}, itervars={}, config=())


def make_parameters(ini: str = "") -> NetworkParameters:
    """The model's parameters as an ini file sets them."""
    return ParameterReader(parse_ini("network = OppNet\n" + ini).entries).read()


def steps_of(meetings: Meetings) -> list[Step]:
    """Contacts `(from, to, node, node)` as steps."""
    times = sorted({time for meeting in meetings for time in meeting[:2] if math.isfinite(time)})
    return [
        Step(
            time_s=time,
            down=tuple((a, b) for _, end, a, b in meetings if end == time),
            up=tuple((a, b) for start, _, a, b in meetings if start == time),
        )
        for time in times
    ]


def read_scalars(path: Path) -> Scalars:
    """`module.name` without the network's own name: value."""
    words = [line.split() for line in path.read_text().splitlines() if line.startswith("scalar ")]
    return {
        f"{module}.{name}".removeprefix("OppNet."): float(value) for _, module, name, value in words
    }


def run_network(
    directory: Path,
    meetings: Meetings,
    demands: Demands,
    *,
    until_s: float = 1000.0,
    ini: str = "",
    warmup_s: float = 0.0,
) -> Scalars:
    """Run a network of six nodes; leaves `x.vec`, `x.vci` and `x.sca`, and gives the scalars."""
    kernel = Kernel()
    vectors = VectorFile(directory / "x.vec", EMPTY_HEADER)
    parameters = make_parameters(f"OppNet.numNodes = 6\n{ini}")
    statistics = NetworkStatistics(kernel, parameters.node_count, vectors, warmup_s=warmup_s)
    network = Network(
        kernel,
        parameters,
        iter(steps_of(meetings)),
        iter([Demand(time_s=t, source=a, destination=b) for t, a, b in demands]),
        np.random.default_rng(1),
        statistics,
    )
    network.start()
    while kernel.advance(until_s):
        pass
    with ScalarFile(directory / "x.sca", EMPTY_HEADER) as scalars:
        statistics.finish(scalars, [])
    vectors.complete()
    return read_scalars(directory / "x.sca")


@pytest.fixture
def simulate(tmp_path: Path) -> Simulate:
    """Run a small network in a directory of its own."""
    return partial(run_network, tmp_path)
