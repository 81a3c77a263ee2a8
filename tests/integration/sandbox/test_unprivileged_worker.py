"""The sandbox of a worker that is not root: it keeps its own uid, and the simulator must still not reach it.

Where root tests, a child process gives its rights up before it looks for its sandbox.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event

import pytest

from simcrate.simulators import Followed, Limits, ProcessEnd, SandboxKind, find_sandbox, follow
from tests.servers.users import is_root, processes_of

pytestmark = pytest.mark.services

WORKER = 64_322 if is_root() else os.geteuid()  # whose processes nobody else counts
SECRET = "marked-secret-of-the-worker"
FORK = get_context("fork")  # the interpreter itself may be where only root can read it
UNLIMITED = Limits()

Said = tuple[ProcessEnd, list[str]]
Run = Callable[..., Said]


@pytest.fixture
def machine() -> Iterator[Path]:
    """The worker's directory, with a secret of its own."""
    with tempfile.TemporaryDirectory(prefix="simcrate-worker-") as name:
        directory = Path(name)
        (directory / "work").mkdir()
        (directory / "field-keys").write_text(SECRET)
        if is_root():
            for path in (directory, *directory.iterdir()):
                os.chown(path, WORKER, WORKER)
        yield directory


@pytest.fixture
def run(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SIMCRATE_SMTP_URL", f"smtp://user:{SECRET}@host")

    def run_by_worker(script: str, limits: Limits = UNLIMITED) -> Said:
        (machine / "work" / "simulator.sh").write_text(script)
        (machine / "work" / "simulator.sh").chmod(0o644)  # whatever the mask of the tests before
        ours, theirs = FORK.Pipe()
        worker = FORK.Process(target=_work, args=(machine, limits, theirs))
        worker.start()
        theirs.close()
        said: Said = ours.recv()
        worker.join()
        return said

    return run_by_worker


def _work(machine: Path, limits: Limits, answer: Connection) -> None:
    if is_root():
        os.setgroups([])
        os.setresgid(WORKER, WORKER, WORKER)
        os.setresuid(WORKER, WORKER, WORKER)
    find_sandbox.cache_clear()  # root's may have been found before
    sandbox = find_sandbox(SandboxKind.BUBBLEWRAP)
    assert sandbox.uid is None
    lines: list[str] = []
    command = sandbox.wrap(("sh", "simulator.sh"), working_dir=machine / "work", readable=())
    end = follow(
        Followed(
            command=command,
            working_dir=machine / "work",
            log_path=machine / "log",
            identity_dir=machine,
            limits=limits,
            stop_grace_s=0.5,
        ),
        on_line=lines.append,
        stop=Event(),
    )
    answer.send((end, lines))


def test_it_gains_nothing_and_sees_neither_files_nor_environment_nor_processes_of_the_worker(
    run: Run, machine: Path
) -> None:
    _, lines = run(
        f"grep -E 'NoNewPrivs|CapEff' /proc/self/status; cat {machine}/field-keys /proc/[0-9]*/environ;"
        "env; kill -9 -1; echo; ls /proc | grep -c '^[0-9]'"
    )

    assert [line.split()[1] for line in lines[:2]] == ["0000000000000000", "1"]
    assert SECRET not in "".join(lines)
    assert int(lines[-1]) < 10


@pytest.mark.parametrize("path", ["/usr/x", "/etc/x", "/simulation/../x", "/dev/x"])
def test_it_writes_nowhere_else(run: Run, path: str) -> None:
    end, _ = run(f"echo x > {path}")

    assert end.exit_code != 0


def test_it_reaches_no_network(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = f'socket.create_connection(("127.0.0.1", {port}), 2)'
        end, lines = run(f"exec /usr/bin/python3 -c 'import socket; {connect}'")

    assert end.exit_code != 0
    assert lines[-1].startswith(("ConnectionRefusedError", "OSError"))


@pytest.mark.skipif(not is_root(), reason="a user's own processes count, too")
def test_a_fork_bomb_ends_at_the_limit_of_processes_and_leaves_nothing(run: Run) -> None:
    _, lines = run("bomb() { bomb | bomb & }; bomb; sleep 30", Limits(wall_time_s=3))

    assert "Cannot fork" in "".join(lines)
    assert processes_of(WORKER) == []


def test_filling_the_disk_ends_at_the_limit(run: Run) -> None:
    script = "i=0; while true; do head -c 5000000 /dev/zero > $i; i=$((i+1)); sleep 0.2; done"
    end, _ = run(script, Limits(disk_bytes=20_000_000))

    assert end.exceeded == "The disk limit of 19.1 MiB was reached."
