"""`simcrate storage connect dropbox`: a person at a terminal, a browser, and the Dropbox double."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

from simcrate.storage import open_backend, read_definitions
from tests.servers.dropbox import DropboxServer


def connect(dropbox: DropboxServer, *options: str, code: str = "") -> tuple[int, str]:
    """Run the command as a person does; its exit code and all that it printed."""
    command = [sys.executable, "-m", "simcrate", "storage", "connect", "dropbox", *options]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if line.startswith("https://"):
                code = code or dropbox.routes.approve(line.strip())
                process.stdin.write(f"{code}\n")
                process.stdin.flush()
        return process.wait(60), printed


def test_connecting_writes_a_definition_that_works_and_shows_no_token(
    dropbox: DropboxServer, tmp_path: Path
) -> None:
    path = tmp_path / "backends.toml"
    status, printed = connect(dropbox, "--app-key", dropbox.state.app_key, "-o", str(path))

    assert status == 0, printed
    (definition,) = read_definitions(path)
    backend = open_backend(definition)
    assert backend.space().free_bytes == dropbox.state.allocated
    backend.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(definition.config["refresh_token"]) not in printed


def test_a_wrong_code_ends_with_1_and_writes_nothing(
    dropbox: DropboxServer, tmp_path: Path
) -> None:
    path = tmp_path / "backends.toml"
    options = ["--app-key", dropbox.state.app_key, "-o", str(path)]
    status, printed = connect(dropbox, *options, code="not-the-code")

    assert status == 1
    assert "does not accept the code" in printed
    assert not path.exists()


def test_another_kind_in_the_identifier_is_bad_input(dropbox: DropboxServer) -> None:
    status, printed = connect(dropbox, "--app-key", "k", "--id", "seafile")

    assert status == 2
    assert "must start with 'dropbox'" in printed
