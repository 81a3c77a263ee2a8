"""Who runs, as the kernel tells it: names are whatever a program likes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from simcrate.simulators.processtable import read_entry


def test_a_name_like_the_fields_behind_it_is_a_name(tmp_path: Path) -> None:
    program = tmp_path / "a) Z 1 1 (b"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        entry = read_entry(process.pid)
        process.kill()

    assert entry is not None
    assert (entry.name, entry.is_zombie, entry.parent) == (program.name, False, os.getpid())
