"""Signals, kills and what they leave behind."""

from __future__ import annotations

import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.oppsim.conftest import COMMAND, clean_environment

PATIENCE_S = 30


@pytest.fixture
def endless(study_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that has written its first blocks and would go on for hours."""
    process = subprocess.Popen(
        [*COMMAND, "-m", "-c", "Endless", "--cmdenv-status-frequency=100ms"],
        cwd=study_dir,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for_block(study_dir / "results/Endless-#0.vci", process)
    yield process
    process.kill()
    process.communicate()


def wait_for_block(index: Path, process: subprocess.Popen[str]) -> None:
    """Until the index has entries; its lines are read as a live reader would."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None
        if index.exists() and any(line[:1].isdigit() for line in index.read_text().splitlines()):
            return
        time.sleep(0.02)
    pytest.fail("no block was written")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_run_with_complete_files_and_exit_2(
    endless: subprocess.Popen[str], study_dir: Path, number: signal.Signals
) -> None:
    endless.send_signal(number)
    output, _ = endless.communicate(timeout=PATIENCE_S)

    assert endless.returncode == 2
    assert "\n<!> SIGINT or SIGTERM received, exiting -- at t=" in output
    assert "\nCalling finish() at end of Run #0...\n" in output
    assert "scalar OppNet deliveryRatio:last" in (study_dir / "results/Endless-#0.sca").read_text()
    size = (study_dir / "results/Endless-#0.vec").stat().st_size
    assert (study_dir / "results/Endless-#0.vci").read_text().startswith(f"file {size} ")


def test_a_kill_leaves_vectors_that_can_be_read_and_no_scalars(
    endless: subprocess.Popen[str], study_dir: Path
) -> None:
    endless.kill()
    endless.communicate(timeout=PATIENCE_S)

    index = (study_dir / "results/Endless-#0.vci").read_text()
    data = (study_dir / "results/Endless-#0.vec").read_bytes()

    assert not list(study_dir.glob("results/*.sca*"))
    assert index[:65] == " " * 64 + "\n"
    blocks = [line.split() for line in index.splitlines(keepends=True) if line[:1].isdigit()]
    for number, offset, length, *_, count, _low, _high, _sum, _squares in blocks[:-1]:
        lines = data[int(offset) : int(offset) + int(length)].decode().splitlines()
        assert len(lines) == int(count)
        assert {line.split("\t")[0] for line in lines} == {number}


def test_a_disk_that_is_full_is_an_error_of_one_line(study_dir: Path) -> None:
    result = subprocess.run(
        [*COMMAND, "-c", "Endless"],
        cwd=study_dir,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )

    assert result.returncode == 1
    assert result.stderr == "\n<!> Error: Cannot write result files: File too large\n"
    assert not list(study_dir.glob("results/*.sca*"))


def test_an_hour_of_a_hundred_nodes_takes_seconds(study_dir: Path) -> None:
    (study_dir / "omnetpp.ini").write_text(
        "network = OppNet\nsim-time-limit = 1h\nOppNet.numNodes = 100\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime

    subprocess.run(COMMAND, cwd=study_dir, env=clean_environment(), capture_output=True, check=True)

    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 15


def test_progress_is_seen_at_once_although_output_is_a_pipe(endless: subprocess.Popen[str]) -> None:
    assert endless.stdout is not None
    lines = [endless.stdout.readline() for _ in range(40)]

    assert sum(line.startswith("** Event #") for line in lines) > 3


def test_a_reader_that_goes_away_ends_the_program(endless: subprocess.Popen[str]) -> None:
    assert endless.stdout is not None
    endless.stdout.close()

    assert endless.wait(timeout=PATIENCE_S) == -signal.SIGPIPE
    endless.stdout = None
