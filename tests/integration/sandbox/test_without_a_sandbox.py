"""`SIMCRATE_SANDBOX=none`: what is still promised of processes and of the limits of groups."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from simcrate.simulators import (
    Followed,
    Limits,
    ProcessEnd,
    Sandbox,
    SandboxKind,
    find_sandbox,
    follow,
)
from tests.servers.users import is_root, processes_of

pytestmark = pytest.mark.services  # Debian's prlimit and setpriv

BOMBER = 64_323  # who is nobody else

Run = Callable[..., tuple[ProcessEnd, str]]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts a script where everybody may enter: the simulator is another user where the worker is root."""
    with tempfile.TemporaryDirectory(prefix="simcrate-unfenced-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        working_dir = directory / "work"
        working_dir.mkdir()
        found = find_sandbox(SandboxKind.NONE)

        def run_unfenced(
            script: str, limits: Limits, sandbox: Sandbox = found
        ) -> tuple[ProcessEnd, str]:
            (working_dir / "simulator.sh").write_text(script)
            sandbox.own(working_dir)
            lines: list[str] = []
            end = follow(
                Followed(
                    command=sandbox.wrap(
                        ("sh", "simulator.sh"), working_dir=working_dir, readable=(), limits=limits
                    ),
                    working_dir=working_dir,
                    log_path=directory / "log",
                    identity_dir=directory,
                    limits=limits,
                    stop_grace_s=0.5,
                ),
                on_line=lines.append,
                stop=Event(),
            )
            return end, "\n".join(lines)

        yield run_unfenced


@pytest.mark.skipif(not is_root(), reason="a user's own processes count, too")
def test_a_fork_bomb_ends_at_the_limit_of_processes_and_leaves_nothing(run: Run) -> None:
    alone = replace(find_sandbox(SandboxKind.NONE), uid=BOMBER)
    _, printed = run("bomb() { bomb | bomb & }; bomb; sleep 30", Limits(wall_time_s=3), alone)

    assert "Cannot fork" in printed
    assert processes_of(BOMBER) == []


def test_filling_the_disk_ends_at_the_limit(run: Run) -> None:
    script = "i=0; while true; do head -c 5000000 /dev/zero > $i; i=$((i+1)); sleep 0.2; done"
    end, _ = run(script, Limits(disk_bytes=20_000_000))

    assert end.exceeded == "The disk limit of 19.1 MiB was reached."


def test_eating_memory_in_a_child_ends_at_the_limit(run: Run) -> None:
    eat = "x = bytearray(150_000_000); import time; time.sleep(30)"
    end, _ = run(f"/usr/bin/python3 -c '{eat}' & wait", Limits(memory_bytes=100 * 2**20))

    assert end.exceeded == "The memory limit of 100 MiB was reached."


def test_eating_fast_ends_at_twice_the_memory_limit(run: Run) -> None:
    script = """exec /usr/bin/python3 -uc '
eaten = []
while len(eaten) < 4000:
    eaten.append(bytearray(2**20))
    print(len(eaten))
'"""
    end, printed = run(script, Limits(memory_bytes=50 * 2**20))

    assert end.exceeded == "The memory limit of 50 MiB was reached."
    assert max(int(line) for line in printed.splitlines() if line.isdecimal()) < 100


def test_spinning_ends_at_the_cpu_limit_of_all_processes_together(run: Run) -> None:
    end, _ = run("while :; do :; done & while :; do :; done", Limits(cpu_time_s=1))

    assert end.exceeded == "The CPU time limit of 1 s was reached."


def test_it_gains_no_privileges_and_leaves_no_core(run: Run) -> None:
    _, printed = run(
        "grep NoNewPrivs /proc/self/status; ulimit -c; ls -l /proc/self/fd/0", Limits()
    )

    assert printed.splitlines()[0].split() == ["NoNewPrivs:", "1"]
    assert printed.splitlines()[1] == "0"
    assert printed.endswith("-> /dev/null")
