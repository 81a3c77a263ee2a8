"""The README's first command, as `make demo ONCE=1` runs it."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from simcrate.cli import up
from simcrate.errors import SimCrateError
from tests.servers.ports import free_port


def demo(var_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simcrate", "demo", "--once", *options],
        env={**os.environ, "SIMCRATE_VAR": str(var_dir), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def ports() -> list[str]:
    return ["--port", str(free_port()), "--cloud-port", str(free_port())]


def test_the_demo_goes_all_the_way_and_ends(tmp_path: Path) -> None:
    done = demo(tmp_path / "var", *ports())

    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("simulate", "statistics", "notify", "permalink", "expires", "SHA-256", "verified"):
        assert word in done.stdout
    assert done.stdout.splitlines()[-1].endswith(".zip")
    assert len(list((tmp_path / "var" / "outbox").glob("*.eml"))) == 1


def test_the_demo_writes_only_below_its_var_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    done = demo(tmp_path / "var", *ports())

    assert done.returncode == 0, done.stdout + done.stderr
    assert list(home.iterdir()) == []


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = demo(tmp_path / "var", "--port", str(port), "--cloud-port", str(free_port()))

    assert done.returncode == 2
    assert f"another program listens on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_demo_is_told_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    with (tmp_path / "var" / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = demo(tmp_path / "var", *ports())

    assert done.returncode == 2
    assert "already running" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_typo_in_the_environment_is_found_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMCRATE_PUBLIK_URL", "x")
    done = demo(tmp_path / "var", *ports())

    assert done.returncode == 2
    assert "SIMCRATE_PUBLIK_URL is not a setting" in done.stderr


def test_a_var_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    done = demo(tmp_path / "var", *ports())

    assert done.returncode == 1
    assert "a file stands in its place" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    with pytest.raises(SimCrateError, match="only 0 MiB are free"):
        up.check_disk(tmp_path / "var")
