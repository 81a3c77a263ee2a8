"""Programs that are kept running, until they are drained."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from simcrate.cli.programs import Program, Programs

READY = "ready"
PATIENCE_S = 30.0


def ending(name: str, *, exit_code: int, can_be_drained: bool = True) -> Program:
    """It is ready, and ends soon."""
    command = ("sh", "-c", f"echo {READY}; sleep 0.3; exit {exit_code}")
    return Program(name=name, command=command, ready_line=READY, can_be_drained=can_be_drained)


def test_what_was_drained_stays_ended_and_what_ended_otherwise_is_started_again(
    tmp_path: Path,
) -> None:
    starting_again = [
        ending("failed", exit_code=1),
        ending("stopped", exit_code=0, can_be_drained=False),
    ]
    programs = Programs(
        [ending("drained", exit_code=0), *starting_again], log_dir=tmp_path, environment=os.environ
    )

    def starts(name: str) -> int:
        return (tmp_path / f"{name}.log").read_text().count(READY)

    programs.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while any(starts(program.name) < 2 for program in starting_again):
            assert time.monotonic() < deadline
            programs.look()
            time.sleep(0.05)
    finally:
        programs.stop()

    assert starts("drained") == 1


def test_a_program_that_reads_no_settings_is_given_none(tmp_path: Path) -> None:
    tell = "import os, time; print(sorted(os.environ)); time.sleep(60)"
    command = (sys.executable, "-u", "-c", tell)
    program = Program(name="cloud", command=command, ready_line="['", reads_settings=False)
    programs = Programs(
        [program], log_dir=tmp_path, environment={**os.environ, "SIMCRATE_SMTP_URL": "canary"}
    )

    programs.start()
    programs.stop()

    said = (tmp_path / "cloud.log").read_text()
    assert "'PATH'" in said
    assert "SIMCRATE_" not in said
