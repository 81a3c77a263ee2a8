"""Hostile ini files that slipped through the allow-list, obeyed by a simulator that does all they ask for.

What is left are the other two walls: the hardened command line, and the sandbox.  A binary that knows `little`
takes none of the command line's options, so that the sandbox stands alone.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Timer
from typing import Any

import psutil
import pytest

from simcrate.simulators import (
    Followed,
    ProcessEnd,
    RunArguments,
    Sandbox,
    SandboxKind,
    Simulator,
    SimulatorKind,
    command_of,
    find_sandbox,
    follow,
)

pytestmark = pytest.mark.services

STUB = Path(__file__).parents[2] / "data" / "obedient-simulator" / "obedient"
SECRET = "marked-secret-of-another-user"

Obey = Callable[..., tuple[ProcessEnd, str]]


@pytest.fixture
def machine() -> Iterator[Path]:
    """A directory of this machine that everybody may enter, with the simulator in it."""
    with tempfile.TemporaryDirectory(prefix="simcrate-machine-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        shutil.copy(STUB, directory / "obedient")
        (directory / "work").mkdir()
        yield directory


@pytest.fixture
def obey(machine: Path) -> Obey:
    def obey_ini(
        *lines: str, kind: SandboxKind, knows: str, stop: Event | None = None
    ) -> tuple[ProcessEnd, str]:
        sandbox = find_sandbox(kind)
        working_dir = machine / "work"
        (working_dir / "results").mkdir()
        (working_dir / "omnetpp.ini").write_text("\n".join(lines))
        sandbox.own(working_dir)
        printed: list[str] = []
        end = follow(
            Followed(
                command=_command(machine, sandbox, knows),
                working_dir=working_dir,
                log_path=machine / "log",
                identity_dir=machine,
                stop_grace_s=0.5,
            ),
            on_line=printed.append,
            stop=stop or Event(),
        )
        return end, "\n".join(printed)

    return obey_ini


def _command(machine: Path, sandbox: Sandbox, knows: str) -> tuple[str, ...]:
    simulator = Simulator(
        name="obedient",
        title="A simulator that obeys",
        kind=SimulatorKind.OMNETPP,
        command=(str(machine / "obedient"), knows),
    )
    run = RunArguments(ini_name="omnetpp.ini", config="General", number=0, result_dir="results")
    return sandbox.wrap(
        command_of(simulator, run, sandbox),
        working_dir=machine / "work",
        readable=simulator.readable_paths,
    )


@pytest.fixture
def victim(machine: Path) -> Path:
    """A file of somebody else that only its owner may read."""
    path = machine / "victim.ini"
    path.write_text(f"password = {SECRET}\n")
    path.chmod(0o600)
    return path


SANDBOXED = {"kind": SandboxKind.BUBBLEWRAP, "knows": "little"}
"""The sandbox alone."""
HARDENED = {"kind": SandboxKind.NONE, "knows": "all"}
"""The hardened command line alone: what SIMCRATE_SANDBOX=none promises."""


REACHING = (
    "debugger-attach-on-startup = true\ndebugger-attach-command = {command}",
    "debugger-attach-on-error = true\ndebugger-attach-command = {command}",
    "load-libs = {library}",
    "output-scalar-file = {planted}",
    "output-vector-file = {planted}",
    "eventlog-file = {planted}",
    "snapshot-file = {planted}",
    "cmdenv-output-file = {planted}",
    "parsim-filecommunications-prefix = {planted}",
    "parsim-namedpipecommunications-prefix = {planted}",
    "parsim-filecommunications-read-prefix = {victim}",
    "include {victim}",
    "ned-path = {victim}",
    "image-path = {victim}",
    "inifilereader-filename = {victim}",
    '**.x = xmldoc("{victim}")',
    '**.x = readFile("{victim}")',
    '**.x = readJSON("{victim}")',
    '**.x = readCSV("{victim}")',
    '**.x = readXML("{victim}")',
)
"""Lines that read a file of another user, or write beside it."""


@pytest.fixture
def reaches(obey: Obey, machine: Path, victim: Path) -> Callable[..., bool]:
    """Whether an ini reaches files of this machine that everybody may read, or a place where everybody may write."""
    victim.chmod(0o644)
    machine.chmod(0o777)
    planted, library = machine / "planted", machine / "library.so"
    command = f"cat {victim}; echo x > {planted}"
    library.write_text(command)
    library.chmod(0o755)
    places = {"victim": victim, "planted": planted, "library": library, "command": command}

    def reaches_outside(ini: str, **walls: Any) -> bool:  # noqa: ANN401 - as `obey` takes them
        _, printed = obey(ini.format(**places), **walls)
        return SECRET in printed or planted.exists()

    return reaches_outside


@pytest.mark.parametrize("ini", REACHING)
def test_in_the_sandbox_no_hostile_ini_reaches_anything_outside(
    reaches: Callable[..., bool], ini: str
) -> None:
    assert not reaches(ini, **SANDBOXED)


@pytest.mark.parametrize("ini", REACHING)
def test_without_any_wall_each_of_them_would(reaches: Callable[..., bool], ini: str) -> None:
    assert reaches(ini, kind=SandboxKind.NONE, knows="little")


def test_the_stub_does_what_it_is_asked(obey: Obey, machine: Path) -> None:
    lines = ("debugger-attach-on-startup = true", 'debugger-attach-command = "echo I ran"')
    _, printed = obey(*lines, **SANDBOXED)

    assert "I ran" in printed


def test_in_the_sandbox_a_debugger_command_reaches_nothing_outside(
    obey: Obey, machine: Path, victim: Path
) -> None:
    command = (
        f"cat {victim} /etc/shadow; echo x > {machine}/planted; kill -9 {os.getpid()}; kill -9 -1"
    )
    obey("debugger-attach-on-startup = true", f"debugger-attach-command = {command}", **SANDBOXED)

    assert SECRET not in (machine / "log").read_text()
    assert "root:" not in (machine / "log").read_text()
    assert not (machine / "planted").exists()


def test_in_the_sandbox_a_library_of_the_machine_is_not_there(obey: Obey, machine: Path) -> None:
    library = machine / "evil.so"
    library.write_text("echo loaded\n")
    library.chmod(0o755)
    _, printed = obey(f"load-libs = {library}", **SANDBOXED)

    assert "loaded" not in printed


@pytest.mark.parametrize("line", ["include {}", '**.x = xmldoc("{}")'])
def test_in_the_sandbox_files_of_others_cannot_be_read(obey: Obey, victim: Path, line: str) -> None:
    victim.chmod(0o644)
    _, printed = obey(line.format(victim), **SANDBOXED)

    assert "could not: No such file" in printed
    assert SECRET not in printed


def test_in_the_sandbox_outputs_elsewhere_go_nowhere(obey: Obey, machine: Path) -> None:
    machine.chmod(0o777)
    obey(f"output-scalar-file = {machine}/planted", "eventlog-file = /tmp/planted", **SANDBOXED)

    assert not (machine / "planted").exists()
    assert not Path("/tmp/planted").exists()


def test_in_the_sandbox_nobody_is_reached(obey: Obey) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        _, printed = obey(f"scheduler-class = 127.0.0.1:{server.getsockname()[1]}", **SANDBOXED)

        with pytest.raises(BlockingIOError):
            server.accept()
    assert "could not: " in printed


def test_in_the_sandbox_what_spins_and_ignores_sigterm_is_killed(obey: Obey, machine: Path) -> None:
    stop = Event()
    Timer(0.7, stop.set).start()
    end, printed = obey("cmdenv-interactive = true", stop=stop, **SANDBOXED)

    assert printed == "? "
    assert (end.exit_code, end.was_stopped) == (-9, True)
    assert _left_of(machine) == []


def test_without_a_sandbox_the_command_line_starts_no_debugger(obey: Obey) -> None:
    lines = ("debugger-attach-on-startup = true", 'debugger-attach-command = "echo I ran"')
    _, printed = obey(*lines, **HARDENED)

    assert "I ran" not in printed


def test_without_a_sandbox_the_command_line_keeps_outputs_in_the_run(
    obey: Obey, machine: Path
) -> None:
    machine.chmod(0o777)
    names = ("output-scalar-file", "output-vector-file", "eventlog-file", "snapshot-file")
    obey(*(f"{name} = {machine}/planted" for name in names), **HARDENED)

    assert not (machine / "planted").exists()
    assert len(list((machine / "work" / "results").iterdir())) == len(names)


def test_without_a_sandbox_the_command_line_keeps_it_from_waiting_for_a_person(obey: Obey) -> None:
    end, _ = obey("cmdenv-interactive = true", **HARDENED)

    assert end.exit_code == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give simulators another uid")
@pytest.mark.parametrize("line", ["include {}", '**.x = xmldoc("{}")', "load-libs = {}"])
def test_without_a_sandbox_private_files_of_others_are_still_private(
    obey: Obey, victim: Path, line: str
) -> None:
    _, printed = obey(line.format(victim), **HARDENED)

    assert "ermission denied" in printed
    assert SECRET not in printed


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give simulators another uid")
def test_without_a_sandbox_the_environment_of_the_worker_is_still_private(
    obey: Obey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMCRATE_SMTP_URL", f"smtp://user:{SECRET}@host")
    _, printed = obey(f"include /proc/{os.getpid()}/environ", **HARDENED)

    assert "could not: Permission denied" in printed


def test_without_a_sandbox_what_spins_and_ignores_sigterm_is_killed(
    obey: Obey, machine: Path
) -> None:
    stop = Event()
    Timer(0.7, stop.set).start()
    kind = SandboxKind.NONE
    end, _ = obey("cmdenv-interactive = true", stop=stop, kind=kind, knows="little")

    assert end.exit_code == -9
    assert _left_of(machine) == []


def _left_of(machine: Path) -> list[psutil.Process]:
    return [
        p
        for p in psutil.process_iter(["cmdline"])
        if str(machine) in " ".join(p.info["cmdline"] or ())
    ]
