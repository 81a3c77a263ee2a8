"""Hostile simulators in the sandbox, started as the pipeline starts them.

Each is a small program that tries one thing; what it could do is what it printed.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

import psutil
import pytest

from simcrate.pipeline.resultdir import gather_results
from simcrate.simulators import (
    Followed,
    Limits,
    ProcessEnd,
    Sandbox,
    SandboxKind,
    find_sandbox,
    follow,
)
from simcrate.simulators.sandbox import MOST_PROCESSES
from tests.servers.users import is_root, processes_of

pytestmark = pytest.mark.services

Run = Callable[..., tuple[ProcessEnd, list[str]]]
PYTHON = "/usr/bin/python3"
UNLIMITED = Limits()
BOMBER = 64_321  # who is nobody else


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return find_sandbox(SandboxKind.BUBBLEWRAP)


@pytest.fixture
def run(tmp_path: Path, sandbox: Sandbox) -> Run:
    (tmp_path / "work").mkdir()

    def run_in_sandbox(
        script: str,
        *,
        limits: Limits = UNLIMITED,
        stop: Event | None = None,
        grace_s: float = 5.0,
        sandbox: Sandbox = sandbox,
    ) -> tuple[ProcessEnd, list[str]]:
        working_dir = tmp_path / "work"
        (working_dir / "simulator.sh").write_text(textwrap.dedent(script))
        sandbox.own(working_dir)
        lines: list[str] = []
        end = follow(
            Followed(
                command=sandbox.wrap(
                    ("sh", "simulator.sh"), working_dir=working_dir, readable=(), limits=limits
                ),
                working_dir=working_dir,
                log_path=tmp_path / "simulator.log",
                identity_dir=tmp_path,
                limits=limits,
                stop_grace_s=grace_s,
            ),
            on_line=lines.append,
            stop=stop or Event(),
        )
        return end, lines

    return run_in_sandbox


def test_what_it_writes_in_its_directory_stays(run: Run, tmp_path: Path) -> None:
    end, _ = run("echo result > a.sca")

    assert end.exit_code == 0
    assert (tmp_path / "work" / "a.sca").read_text() == "result\n"


def test_it_is_nobody_and_gains_nothing(run: Run) -> None:
    _, lines = run("id -u; grep NoNewPrivs /proc/self/status; grep CapEff /proc/self/status")

    assert lines[0] != "0"
    assert lines[1].split() == ["NoNewPrivs:", "1"]
    assert int(lines[2].split()[1], 16) == 0


def test_it_has_no_capability_and_no_group_of_ours(run: Run) -> None:
    _, lines = run("grep -E '^(Cap(Inh|Prm|Eff|Amb)|Groups)' /proc/self/status")
    facts = dict(line.split(":") for line in lines)

    assert facts.pop("Groups").split() in ([], ["65534"])
    assert {int(value, 16) for value in facts.values()} == {0}


@pytest.fixture
def shared_memory() -> Iterator[None]:
    """A System V segment of ours."""
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0, 4096, 0o1666)
    assert segment >= 0
    yield
    libc.shmctl(segment, 0, None)


def test_it_does_not_see_shared_memory_of_the_machine(run: Run, shared_memory: None) -> None:
    _, lines = run("cat /proc/sysvipc/shm")

    assert len(Path("/proc/sysvipc/shm").read_text().splitlines()) > 1
    assert len(lines) == 1


def test_it_sees_no_environment_and_no_process_of_ours(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMCRATE_SMTP_URL", "smtp://user:marked-secret@host")
    _, lines = run("env; cat /proc/[0-9]*/environ; echo; ls /proc | grep -c '^[0-9]'")

    assert "marked-secret" not in "".join(lines)
    assert int(lines[-1]) < 10


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/shadow", "/root", "/home", "/var", "/work"])
def test_it_does_not_see_files_of_the_machine(run: Run, path: str) -> None:
    end, _ = run(f"ls {path}")

    assert end.exit_code != 0


def test_it_does_not_see_files_of_other_runs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("another user's results")
    end, _ = run(f"cat {tmp_path}/other ../other /simulation/../other")

    assert end.exit_code != 0


@pytest.mark.parametrize("path", ["/usr/x", "/bin/x", "/x", "/etc/x", "/simulation/../x"])
def test_it_writes_nowhere_else(run: Run, path: str) -> None:
    end, _ = run(f"echo x > {path}")

    assert end.exit_code != 0


def test_its_tmp_is_its_own(run: Run) -> None:
    end, _ = run("echo x > /tmp/simcrate-sandbox-test && test -s /tmp/simcrate-sandbox-test")

    assert end.exit_code == 0
    assert not Path("/tmp/simcrate-sandbox-test").exists()


def test_it_can_write_no_file_system_that_lies_in_memory(run: Run) -> None:
    _, lines = run("awk '$3 == \"tmpfs\" && $4 ~ /^rw/' /proc/self/mounts")

    assert lines == []


def test_its_processes_can_share_memory_and_semaphores(run: Run) -> None:
    statement = (
        "from multiprocessing import Lock, shared_memory as m; Lock();"
        " s = m.SharedMemory(create=True, size=100); s.close(); s.unlink()"
    )
    end, lines = run(f"exec {PYTHON} -c '{statement}'")

    assert (end.exit_code, lines) == (0, [])
    assert not list(Path("/dev/shm").glob("psm_*"))


@pytest.mark.parametrize("directory", ["/tmp", "/dev/shm"])
def test_what_it_writes_into_its_temporary_places_counts_as_disk(run: Run, directory: str) -> None:
    end, _ = run(
        f"while i=$((i+1)); do head -c 500000 /dev/zero > {directory}/$i; sleep 0.02; done",
        limits=Limits(disk_bytes=2**20),
        grace_s=1.0,
    )

    assert end.exceeded == "The disk limit of 1 MiB was reached."


def test_it_reaches_no_network(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        end, _ = run(
            f"""
            exec {PYTHON} -c 'import socket; socket.create_connection(("127.0.0.1", {port}), 2)'
            """
        )

    assert end.exit_code != 0


@pytest.mark.skipif(not is_root(), reason="only root can be a user without other processes")
def test_a_fork_bomb_ends_at_the_limit_and_leaves_nothing(run: Run, sandbox: Sandbox) -> None:
    stop = Event()
    Timer(2, stop.set).start()
    script = "bomb() { bomb | bomb & }; bomb; sleep 30"
    _, lines = run(script, stop=stop, grace_s=0.5, sandbox=replace(sandbox, uid=BOMBER))

    assert "Cannot fork" in "".join(lines)
    assert processes_of(BOMBER) == []


def test_it_may_have_so_many_processes_and_no_more(run: Run) -> None:
    _, lines = run("grep 'Max processes' /proc/self/limits")

    assert lines[0].split()[2:4] == [str(MOST_PROCESSES)] * 2


def test_children_that_leave_their_session_end_with_it(run: Run, tmp_path: Path) -> None:
    run("setsid sleep 987 & sleep 0.3; exit 0")

    assert not [p for p in psutil.process_iter(["cmdline"]) if "987" in (p.info["cmdline"] or [])]


def test_filling_the_disk_ends_at_the_limit(run: Run) -> None:
    end, _ = run(
        "i=0; while true; do head -c 5000000 /dev/zero > file$i; i=$((i+1)); sleep 0.2; done",
        limits=Limits(disk_bytes=20_000_000),
        grace_s=1.0,
    )

    assert end.exceeded == "The disk limit of 19.1 MiB was reached."


def test_one_file_ends_at_twice_the_disk_limit_however_fast_it_is_written(run: Run) -> None:
    end, _ = run("exec head -c 1000000000 /dev/zero > file", limits=Limits(disk_bytes=2**20))

    assert end.exceeded == "The disk limit of 1 MiB was reached."
    assert end.peak_disk_bytes < 3 * 2**20


@pytest.mark.parametrize(
    ("statement", "limit"),
    [
        ("import tempfile; f = tempfile.TemporaryFile(); f.write(bytes(2**27))", "disk"),
        ("import os; f = os.memfd_create('x'); os.write(f, bytes(2**28))", "memory"),
    ],
)
def test_files_without_a_name_count(run: Run, statement: str, limit: str) -> None:
    end, _ = run(
        f'exec {PYTHON} -c "{statement}; import time; time.sleep(30)"',
        limits=Limits(disk_bytes=100 * 2**20, memory_bytes=100 * 2**20),
        grace_s=1.0,
    )

    assert end.exceeded == f"The {limit} limit of 100 MiB was reached."


def test_eating_memory_ends_at_the_limit(run: Run) -> None:
    end, _ = run(
        f"exec {PYTHON} -c 'x = bytearray(150_000_000); import time; time.sleep(30)'",
        limits=Limits(memory_bytes=100 * 2**20),
        grace_s=1.0,
    )

    assert end.exceeded == "The memory limit of 100 MiB was reached."


def test_one_process_ends_at_twice_the_memory_limit_however_fast_it_eats(run: Run) -> None:
    end, lines = run(
        f"exec {PYTHON} -c 'x = [bytearray(2**20) for _ in range(4000)]'",
        limits=Limits(memory_bytes=50 * 2**20),
    )

    assert end.exceeded == "The memory limit of 50 MiB was reached."
    assert lines[-1] == "MemoryError"


def test_reserving_more_than_the_memory_limit_without_using_it_is_allowed(run: Run) -> None:
    end, _ = run(
        f"exec {PYTHON} -c 'import mmap; mmap.mmap(-1, 2**33, mmap.MAP_PRIVATE, 0)'",
        limits=Limits(memory_bytes=50 * 2**20),
    )

    assert (end.exit_code, end.exceeded) == (0, "")


def test_spinning_ends_at_the_cpu_limit_of_all_processes_together(run: Run) -> None:
    end, _ = run(
        "while :; do :; done & while :; do :; done", limits=Limits(cpu_time_s=2), grace_s=0.5
    )

    assert end.exceeded == "The CPU time limit of 2 s was reached."


def test_sleeping_ends_at_the_time_limit(run: Run) -> None:
    end, _ = run("sleep 60", limits=Limits(wall_time_s=1), grace_s=0.5)

    assert end.exceeded == "The time limit of 1 s was reached."
    assert not end.was_stopped


def test_stop_reaches_the_simulator_inside_and_lets_it_finish(run: Run) -> None:
    stop = Event()
    Timer(1, stop.set).start()
    end, lines = run(
        "trap 'echo finish; exit 2' TERM; echo ready; while :; do sleep 0.1; done", stop=stop
    )

    assert (end.exit_code, end.was_stopped) == (2, True)
    assert lines[-1] == "finish"


def test_a_death_by_signal_is_seen_through_the_sandbox(run: Run) -> None:
    end, _ = run("kill -SEGV $$")

    assert end.exit_code == -11


def test_links_that_it_leaves_lead_nowhere_when_collected(run: Run, tmp_path: Path) -> None:
    from simcrate.crate import gather

    run("ln -s /etc/shadow a.sca; mkfifo b.vec; echo x > c.sca")
    contents = gather(tmp_path / "work", "results/")

    assert "results/c.sca" in {member.name for member in contents.members}
    assert {one.name for one in contents.refused} == {"results/a.sca", "results/b.vec"}


def test_a_link_that_it_leaves_in_the_place_of_its_results_is_not_followed(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "field-keys").write_text("secret")
    run("mkdir results; echo x > results/a.sca; rm -r results; ln -s ../secrets results")
    contents = gather_results(tmp_path / "work" / "results")

    assert contents.members == ()
    assert [one.why for one in contents.refused] == ["a link in the place of the directory"]


def test_without_a_sandbox_its_identity_and_limits_still_hold(tmp_path: Path) -> None:
    sandbox = find_sandbox(SandboxKind.NONE)
    working_dir = tmp_path / "work"
    working_dir.mkdir()
    sandbox.own(working_dir)
    lines: list[str] = []
    follow(
        Followed(
            command=sandbox.wrap(
                ("sh", "-c", "id -u; ulimit -c"), working_dir=working_dir, readable=()
            ),
            working_dir=working_dir,
            log_path=tmp_path / "log",
            identity_dir=tmp_path,
        ),
        on_line=lines.append,
        stop=Event(),
    )

    assert lines == [str(sandbox.uid if sandbox.uid is not None else os.getuid()), "0"]


@pytest.fixture
def machine() -> Iterator[Path]:
    """A directory that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="simcrate-machine-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give simulators another uid")
def test_what_outlives_the_simulator_cannot_change_what_it_left(machine: Path) -> None:
    sandbox = find_sandbox(SandboxKind.NONE)
    results = machine / "work" / "results"
    results.mkdir(parents=True)
    (results / "a.sca").write_text("version 3\n")
    sandbox.own(machine / "work")
    script = "read x; touch planted; rm a.sca; cd ..; mv results old; ln -s /etc results"
    command = sandbox.wrap(("sh", "-c", script), working_dir=results, readable=())
    with subprocess.Popen(command, cwd=results, stdin=subprocess.PIPE) as runaway:
        sandbox.take_back(machine / "work")
        runaway.communicate(b"go on\n")

    assert not (machine / "work" / "results").is_symlink()
    assert [path.name for path in results.iterdir()] == ["a.sca"]
