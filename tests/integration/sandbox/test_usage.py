"""What a program in the sandbox used, although bubblewrap stands between."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from simcrate.simulators import Followed, SandboxKind, find_sandbox, follow

pytestmark = pytest.mark.services

SPIN = "import time\nwhile time.process_time() < 2.2: pass"


def test_the_processor_time_of_a_program_in_the_sandbox_is_known(tmp_path: Path) -> None:
    working_dir = tmp_path / "work"
    working_dir.mkdir()
    (working_dir / "spin.py").write_text(SPIN)
    sandbox = find_sandbox(SandboxKind.BUBBLEWRAP)
    sandbox.own(working_dir)
    end = follow(
        Followed(
            command=sandbox.wrap(
                ("/usr/bin/python3", "spin.py"), working_dir=working_dir, readable=()
            ),
            working_dir=working_dir,
            log_path=tmp_path / "log",
            identity_dir=tmp_path,
        ),
        on_line=print,
        stop=Event(),
    )

    assert end.exit_code == 0
    assert 0.5 < end.cpu_time_s < 5
