from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest

from simcrate.errors import DiskFullError
from simcrate.simulators import (
    Followed,
    Limits,
    ProcessEnd,
    ProcessIdentity,
    follow,
    kill_leftover,
    kill_superseded,
    meter,
)
from simcrate.simulators.process import IDENTITY_FILE, LOG_ENDS_HERE, LONGEST_LINE, READ_BYTES

UNLIMITED = Limits()


def run(
    tmp_path: Path,
    script: str,
    *,
    stop: Event | None = None,
    grace_s: float = 5,
    limits: Limits = UNLIMITED,
    log_path: Path | None = None,
) -> tuple[ProcessEnd, list[str]]:
    lines: list[str] = []
    working_dir = tmp_path / "work"
    working_dir.mkdir()
    end = follow(
        Followed(
            command=(sys.executable, "-c", script),
            working_dir=working_dir,
            log_path=log_path or tmp_path / "program.log",
            identity_dir=tmp_path,
            limits=limits,
            stop_grace_s=grace_s,
        ),
        on_line=lines.append,
        stop=stop or Event(),
    )
    return end, lines


def test_a_program_is_followed_line_by_line_to_its_end(tmp_path: Path) -> None:
    end, lines = run(tmp_path, "print('one'); print('two', end=''); raise SystemExit(3)")

    assert (end.exit_code, lines) == (3, ["one", "two"])
    assert (tmp_path / "program.log").read_text() == "one\ntwo"


def test_what_it_used_is_measured(tmp_path: Path) -> None:
    end, _ = run(tmp_path, "x = bytearray(60_000_000); sum(range(2_000_000))")

    assert end.peak_memory_bytes > 60_000_000
    assert 0 < end.cpu_time_s < 60


def test_what_it_has_printed_is_in_its_log_at_once(tmp_path: Path) -> None:
    log_path = tmp_path / "program.log"
    logged: list[str] = []
    program = Followed(
        command=("echo", "one"),
        working_dir=tmp_path,
        log_path=log_path,
        identity_dir=tmp_path,
    )
    follow(program, on_line=lambda _: logged.append(log_path.read_text()), stop=Event())

    assert logged == ["one\n"]


def test_a_program_whose_log_finds_no_space_is_asked_to_end_and_heard_to_its_end(
    tmp_path: Path,
) -> None:
    script = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('saved')))
print('one', flush=True)
time.sleep(60)
"""
    end, lines = run(tmp_path, script, log_path=Path("/dev/full"))

    assert lines == ["one", "saved"]
    assert (end.log_failure, end.was_stopped) == ("No space left on device", False)


def test_a_program_that_there_is_no_space_to_start_is_ended(tmp_path: Path) -> None:
    (tmp_path / IDENTITY_FILE).symlink_to("/dev/full")
    children = psutil.Process().children()

    with pytest.raises(DiskFullError):
        run(tmp_path, "import time; time.sleep(60)")
    assert psutil.Process().children() == children


def test_the_last_words_of_a_program_that_has_ended_meanwhile_are_heard(tmp_path: Path) -> None:
    heard: list[str] = []

    def on_line(line: str) -> None:
        heard.append(line)
        if len(heard) == 1:
            (tmp_path / "go").touch()
            os.waitid(os.P_PID, int(line), os.WEXITED | os.WNOWAIT)

    script = "echo $$; until [ -e go ]; do :; done; echo farewell"
    program = Followed(
        command=("sh", "-c", script),
        working_dir=tmp_path,
        log_path=tmp_path / "program.log",
        identity_dir=tmp_path,
    )
    follow(program, on_line=on_line, stop=Event())

    assert heard[1:] == ["farewell"]


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    _, lines = run(tmp_path, f"print('y' * {3 * LONGEST_LINE})")

    assert [len(line) for line in lines] == [LONGEST_LINE]


def test_errors_come_through_the_same_pipe_in_order(tmp_path: Path) -> None:
    _, lines = run(
        tmp_path, "import os; os.write(1, b'a\\n'); os.write(2, b'b\\n'); os.write(1, b'c\\n')"
    )

    assert lines == ["a", "b", "c"]


def test_bytes_that_are_no_text_come_through_replaced(tmp_path: Path) -> None:
    _, lines = run(tmp_path, "import os; os.write(1, b'\\xff\\n')")

    assert lines == ["\ufffd"]


def test_a_program_sees_no_environment_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMCRATE_SMTP_URL", "smtp://user:password@host")
    _, lines = run(tmp_path, "import os; print(sorted(os.environ))")

    assert "SIMCRATE" not in lines[0]


@pytest.fixture
def typed() -> Iterator[None]:
    """Somebody has typed something where this process is started."""
    kept = os.dup(0)
    reading, writing = os.pipe()
    os.write(writing, b"for the shell")
    os.close(writing)
    os.dup2(reading, 0)
    yield
    os.dup2(kept, 0)
    os.close(reading)
    os.close(kept)


def test_standard_input_is_closed(tmp_path: Path, typed: None) -> None:
    _, lines = run(tmp_path, "import sys; print(repr(sys.stdin.read()))")

    assert lines == ["''"]


def test_stop_lets_the_program_finish(tmp_path: Path) -> None:
    stop = Event()
    script = (
        "import os, signal, sys, time\n"
        "def finish(*_):\n"
        "    os.write(1, b'finishing\\n')\n"
        "    time.sleep(0.3)\n"
        "    sys.exit(2)\n"
        "signal.signal(signal.SIGTERM, finish)\n"
        "print('ready', flush=True)\nsignal.pause()"
    )
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        if line == "ready":
            stop.set()

    end = follow(
        Followed(
            command=(sys.executable, "-c", script),
            working_dir=tmp_path,
            log_path=tmp_path / "program.log",
            identity_dir=tmp_path,
        ),
        on_line=on_line,
        stop=stop,
    )

    assert (end.exit_code, end.was_stopped) == (2, True)
    assert lines == ["ready", "finishing"]


@pytest.mark.parametrize("leaves", ["", "if not child: os.setsid()\n"])
def test_a_program_that_ignores_sigterm_is_killed_with_its_children(
    tmp_path: Path, leaves: str
) -> None:
    stop = Event()
    pids: list[int] = []

    def on_line(line: str) -> None:
        pids.append(int(line))
        stop.set()

    script = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = os.fork()\n"
        f"{leaves}"
        "if not child: print(os.getpid(), flush=True)\n"
        "time.sleep(60)"
    )
    end = follow(
        Followed(
            command=(sys.executable, "-c", script),
            working_dir=tmp_path,
            log_path=tmp_path / "program.log",
            identity_dir=tmp_path,
            stop_grace_s=0.3,
        ),
        on_line=on_line,
        stop=stop,
    )

    assert end.exit_code == -9
    assert _ends(pids[0])


def test_a_child_that_holds_the_pipe_open_delays_nothing(tmp_path: Path) -> None:
    end, lines = run(
        tmp_path, "import subprocess; subprocess.Popen(['sleep', '60']); print('done')"
    )

    assert (end.exit_code, lines) == (0, ["done"])
    assert end.wall_time_s < 30


def test_a_child_that_prints_for_ever_delays_nothing(tmp_path: Path) -> None:
    end, _ = run(tmp_path, "import subprocess; subprocess.Popen(['yes'])")

    assert end.exit_code == 0
    assert end.wall_time_s < 30


def test_a_child_that_would_outlive_the_program_is_ended(tmp_path: Path) -> None:
    script = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"
    end, lines = run(tmp_path, script)

    assert end.exit_code == 0
    assert _ends(int(lines[0]))


def test_an_error_of_whoever_listens_leaves_nothing_running(tmp_path: Path) -> None:
    heard: list[str] = []

    def on_line(line: str) -> None:
        heard.append(line)
        raise ValueError(line)

    script = "sleep 60 & echo $!; wait"
    program = Followed(
        command=("sh", "-c", script),
        working_dir=tmp_path,
        log_path=tmp_path / "program.log",
        identity_dir=tmp_path,
    )

    with pytest.raises(ValueError, match=r"\d"):
        follow(program, on_line=on_line, stop=Event())
    assert _ends(int(heard[0]))


def test_printing_for_ever_ends_at_the_disk_limit_and_no_byte_more_is_kept(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "while True: os.write(1, b'y\\n' * 1000)"
    )
    end, _ = run(tmp_path, script, limits=Limits(disk_bytes=2**20), grace_s=0.5)

    log = (tmp_path / "program.log").read_bytes()
    assert end.exceeded == "The disk limit of 1 MiB was reached."
    assert len(log) < 2**20 + 2 * READ_BYTES
    assert log.endswith(LOG_ENDS_HERE)


def test_what_goes_on_to_twice_a_limit_gets_no_time_to_finish(tmp_path: Path) -> None:
    script = (
        "import signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "with open('a.vec', 'wb') as file:\n"
        "    while True: file.write(bytes(100_000))"
    )
    end, _ = run(tmp_path, script, limits=Limits(disk_bytes=2**20), grace_s=100)

    assert end.exceeded == "The disk limit of 1 MiB was reached."
    assert not end.was_stopped
    assert end.wall_time_s < 30


def test_what_hides_its_files_gets_no_time_to_finish(tmp_path: Path) -> None:
    script = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "for i in range(30): os.mkdir('d' * 200); os.chdir('d' * 200)\n"
        "time.sleep(60)"
    )
    end, _ = run(tmp_path, script, limits=Limits(disk_bytes=2**20), grace_s=100)

    assert "cannot be watched over" in end.exceeded
    assert end.exit_code == -9


def test_the_log_counts_as_disk(tmp_path: Path) -> None:
    end, _ = run(tmp_path, "print('y' * 1_000_000)")

    assert end.peak_disk_bytes >= 1_000_000


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "import os; f = open('x', 'wb', 0); os.unlink('x'); f.write(bytes(2**21))",
            "The disk limit of 1 MiB was reached.",
        ),
        (
            "import os; f = os.memfd_create('x'); os.write(f, bytes(2**28))",
            "The memory limit of 128 MiB was reached.",
        ),
        (
            "import os\nfor i in range(30): os.mkdir('d' * 200); os.chdir('d' * 200)",
            "The disk limit of 1 MiB cannot be watched over: "
            "a directory cannot be looked into (File name too long).",
        ),
    ],
    ids=["a deleted file", "a file in memory", "a path that is too long"],
)
def test_what_is_hidden_from_a_walk_through_its_directory_counts(
    tmp_path: Path, script: str, reason: str
) -> None:
    limits = Limits(disk_bytes=2**20, memory_bytes=2**27)
    end, _ = run(tmp_path, f"{script}\nimport time; time.sleep(30)", limits=limits)

    assert end.exceeded == reason


def test_so_many_files_that_a_look_takes_long_end_at_the_disk_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "MOST_FILES", 1000)
    script = "for number in range(1001): open(str(number), 'x').close()"
    limits = Limits(disk_bytes=2**30)
    end, _ = run(tmp_path, f"{script}\nimport time; time.sleep(30)", limits=limits)

    expected = "cannot be watched over: there are more than 1,000 files."
    assert end.exceeded == f"The disk limit of 1 GiB {expected}"


def test_what_fails_over_a_limit_before_anybody_looked_has_reached_it(tmp_path: Path) -> None:
    script = "open('x', 'wb').write(bytes(2**21)); raise SystemExit(1)"
    end, _ = run(tmp_path, script, limits=Limits(disk_bytes=2**20))

    assert end.exceeded == "The disk limit of 1 MiB was reached."


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own that works where runs do."""
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path, start_new_session=True) as process:
        yield process
        process.kill()


def test_what_a_dead_worker_left_running_is_ended(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    _write_identities(tmp_path, program=ProcessIdentity.of(sleeper.pid), parent=_ended())

    assert kill_leftover(tmp_path)
    assert sleeper.wait() == -9


def test_what_a_killed_program_of_a_dead_worker_left_running_is_ended(tmp_path: Path) -> None:
    child, program = _orphan(tmp_path)
    _write_identities(tmp_path, program=program, parent=_ended())

    assert kill_leftover(tmp_path)
    assert _ends(child)


def test_orphans_that_work_elsewhere_are_left_alone(tmp_path: Path) -> None:
    child, program = _orphan(Path("/"))
    _write_identities(tmp_path, program=program, parent=_ended())

    assert not kill_leftover(tmp_path)
    assert psutil.Process(child).is_running()
    os.kill(child, signal.SIGKILL)


def test_the_program_of_a_living_worker_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    own = ProcessIdentity.of(os.getpid())
    _write_identities(tmp_path, program=ProcessIdentity.of(sleeper.pid), parent=own)

    assert not kill_leftover(tmp_path)
    assert sleeper.poll() is None


def test_the_program_of_a_living_worker_is_ended_by_who_takes_its_directory_over(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    own = ProcessIdentity.of(os.getpid())
    _write_identities(tmp_path, program=ProcessIdentity.of(sleeper.pid), parent=own)

    assert kill_superseded(tmp_path)
    assert sleeper.wait() == -9


@pytest.mark.parametrize("of", [{"pid_namespace": 1}, {"boot": "another"}, {"started_ticks": 1}])
def test_who_takes_a_directory_over_leaves_strangers_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], of: dict[str, Any]
) -> None:
    stranger = replace(ProcessIdentity.of(sleeper.pid), **of)
    _write_identities(tmp_path, program=stranger, parent=ProcessIdentity.of(os.getpid()))

    assert not kill_superseded(tmp_path)
    assert sleeper.poll() is None


def test_the_program_of_a_worker_in_another_container_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    elsewhere = replace(_ended(), pid_namespace=1)
    _write_identities(tmp_path, program=ProcessIdentity.of(sleeper.pid), parent=elsewhere)

    assert not kill_leftover(tmp_path)
    assert sleeper.poll() is None


def test_a_stranger_with_the_same_pid_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    earlier = replace(ProcessIdentity.of(sleeper.pid), started_ticks=1)
    _write_identities(tmp_path, program=earlier, parent=_ended())

    assert not kill_leftover(tmp_path)
    assert sleeper.poll() is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"program": {"pid": 1,',
        '{"program": {"pid": 1, "started": 1.0}, "parent": {"pid": 2, "started": 1.0}}',
    ],
)
def test_what_cannot_be_identified_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / IDENTITY_FILE).write_text(text)

    assert not kill_leftover(tmp_path)


def test_a_program_that_is_followed_can_be_identified(tmp_path: Path) -> None:
    script = f"print(open('{tmp_path / IDENTITY_FILE}').read())"
    _, lines = run(tmp_path, f"import time; time.sleep(0.2); {script}")

    assert json.loads(lines[0])["parent"] == asdict(ProcessIdentity.of(os.getpid()))


def test_a_program_that_has_ended_is_noted_no_more(tmp_path: Path) -> None:
    run(tmp_path, "")

    assert not (tmp_path / IDENTITY_FILE).exists()


def test_the_note_of_whoever_has_taken_the_directory_over_stays(tmp_path: Path) -> None:
    note = tmp_path / IDENTITY_FILE
    run(
        tmp_path,
        "import pathlib, time\n"
        f"note = pathlib.Path({str(note)!r})\n"
        "while not (note.exists() and note.read_text()): time.sleep(0.01)\n"
        "note.write_text('another')",
    )

    assert note.read_text() == "another"


def _orphan(directory: Path) -> tuple[int, ProcessIdentity]:
    """A process and the one that started it, which is dead."""
    script = "sleep 60 >&- & echo $!; read wait"
    with subprocess.Popen(
        ["sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=directory,
        start_new_session=True,
    ) as program:
        assert program.stdout is not None
        child = int(program.stdout.readline())
        identity = ProcessIdentity.of(program.pid)
        program.kill()
    return child, identity


def _ended() -> ProcessIdentity:
    """A worker that was killed."""
    return replace(ProcessIdentity.of(os.getpid()), started_ticks=1)


def _write_identities(
    directory: Path, *, program: ProcessIdentity, parent: ProcessIdentity
) -> None:
    identities = {"program": asdict(program), "parent": asdict(parent)}
    (directory / IDENTITY_FILE).write_text(json.dumps(identities))


def _ends(pid: int) -> bool:
    """Whether a process that was killed is gone, once the kernel got round to it."""
    try:
        psutil.Process(pid).wait(timeout=30)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True
