"""What a program used is its own, and all of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Event

from simcrate.simulators import Followed, Limits, ProcessEnd, follow

SPIN = "import time\nwhile time.process_time() < 0.4: pass"
UNLIMITED = Limits()


def run(directory: Path, *command: str, limits: Limits = UNLIMITED) -> ProcessEnd:
    working_dir = directory / "work"
    working_dir.mkdir()
    (working_dir / "spin.py").write_text(SPIN)
    return follow(
        Followed(
            command=command,
            working_dir=working_dir,
            log_path=directory / "log",
            identity_dir=directory,
            limits=limits,
            stop_grace_s=0,
        ),
        on_line=print,
        stop=Event(),
    )


def test_the_memory_of_whoever_starts_it_is_not_its_own(tmp_path: Path) -> None:
    ours = bytearray(b"x" * 200_000_000)
    end = run(tmp_path, "sleep", "1.5")

    assert len(ours) > 10 * end.peak_memory_bytes


def test_processor_time_of_children_that_have_ended_counts_towards_the_limit(
    tmp_path: Path,
) -> None:
    script = f"while :; do {sys.executable} spin.py; done"
    end = run(tmp_path, "sh", "-c", script, limits=Limits(cpu_time_s=1, wall_time_s=30))

    assert end.exceeded == "The CPU time limit of 1 s was reached."
