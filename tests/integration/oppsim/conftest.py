"""oppsim as the program that it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "simcrate.oppsim"]
STUDY = """\
[General]
network = OppNet
sim-time-limit = 300s
OppNet.numNodes = 12
OppNet.areaX = 200m
OppNet.areaY = 200m
OppNet.messageInterval = 10s
OppNet.ttl = 2min

[Config Study]
repeat = 2
OppNet.maxPause = ${pause=0, 30}s

[Config Endless]
sim-time-limit = 1000000s
OppNet.numNodes = 30

[Config Plain]
"""

Oppsim = Callable[..., "subprocess.CompletedProcess[str]"]


def clean_environment() -> dict[str, str]:
    """What a launcher gives to a simulator: next to nothing."""
    return {
        name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "LANG")
    }


@pytest.fixture
def study_dir(tmp_path: Path) -> Path:
    """A directory with a small study."""
    (tmp_path / "omnetpp.ini").write_text(STUDY)
    return tmp_path


@pytest.fixture
def oppsim(study_dir: Path) -> Oppsim:
    """Run the program in that directory to its end."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            cwd=study_dir,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
