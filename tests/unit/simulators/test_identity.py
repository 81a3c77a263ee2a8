"""Who a process is, whatever the clock on the wall says."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from simcrate.simulators import ProcessIdentity


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_process_that_runs_has_not_ended(child: subprocess.Popen[bytes]) -> None:
    assert not ProcessIdentity.of(child.pid).has_ended()


def test_it_is_the_same_however_often_one_asks(child: subprocess.Popen[bytes]) -> None:
    assert ProcessIdentity.of(child.pid) == ProcessIdentity.of(child.pid)


def test_the_clock_on_the_wall_takes_no_part(child: subprocess.Popen[bytes]) -> None:
    ticks = ProcessIdentity.of(child.pid).started_ticks

    # the wall clock has run since 1970, the ticks since this machine was started
    assert ticks / os.sysconf("SC_CLK_TCK") < psutil.Process(child.pid).create_time() / 2


def test_a_process_that_is_gone_has_ended(child: subprocess.Popen[bytes]) -> None:
    identity = ProcessIdentity.of(child.pid)
    child.kill()
    child.wait()

    assert identity.has_ended()


def test_a_dead_process_that_nobody_has_buried_has_ended(child: subprocess.Popen[bytes]) -> None:
    identity = ProcessIdentity.of(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert identity.has_ended()


def test_a_process_that_was_stopped_has_not_ended(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGSTOP)

    assert not ProcessIdentity.of(child.pid).has_ended()


def test_a_stranger_with_the_same_pid_is_not_it(child: subprocess.Popen[bytes]) -> None:
    identity = ProcessIdentity.of(child.pid)

    assert replace(identity, started_ticks=identity.started_ticks - 1).has_ended()


def test_what_ran_before_the_machine_was_started_again_has_ended(
    child: subprocess.Popen[bytes],
) -> None:
    assert replace(ProcessIdentity.of(child.pid), boot="00000000").has_ended()


def test_what_runs_in_another_container_has_not_ended_for_all_that_one_can_see_from_here() -> None:
    own = ProcessIdentity.of(os.getpid())

    assert not replace(own, pid=2**22, pid_namespace=1).has_ended()


def test_its_text_starts_with_the_pid_and_reads_back(child: subprocess.Popen[bytes]) -> None:
    identity = ProcessIdentity.of(child.pid)

    assert str(identity).startswith(f"{child.pid}/")
    assert ProcessIdentity.from_text(str(identity)) == identity


@pytest.mark.parametrize(
    "text", ["", "17", "17/1795624638.12", "17/1-2", "x/1-a0a69451-4026531836"]
)
def test_a_text_that_names_no_process_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unpack|literal"):
        ProcessIdentity.from_text(text)


def test_there_is_nobody_at_a_pid_that_is_free() -> None:
    with pytest.raises(ProcessLookupError):
        ProcessIdentity.of(2**22)
