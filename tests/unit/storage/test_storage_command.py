"""`simcrate storage` with a definition file, without a portal."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simcrate.cli.storage import storage
from simcrate.secret import UNMODIFIED
from simcrate.storage import StorageDefinition, read_definitions, write_definitions
from tests.servers.localcloud import LocalCloud, local_cloud

MARKED = "marked-secret-4711-hunter2"
LOCAL = StorageDefinition(
    name="Local storage", id="local", token="127.0.0.1:1", config={"secret": MARKED}, keep_days=7
)
SEAFILE = StorageDefinition(
    name="Seafile", id="seafile:old", config={"token": MARKED, "repoid": "r"}, active=False
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with local_cloud(tmp_path_factory.mktemp("cloud") / "store") as server:
        yield server


def write(path: Path, *definitions: StorageDefinition) -> Path:
    path.write_text(write_definitions(definitions, "toml", with_secrets=True))
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(storage, [str(argument) for argument in arguments])


def simcrate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simcrate", "storage", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_list_shows_every_definition_and_what_is_in_the_way(tmp_path: Path) -> None:
    outcome = simcrate("list", "--definitions", write(tmp_path / "b.toml", LOCAL, SEAFILE))

    assert outcome.returncode == 0
    assert "seafile:old" in outcome.stdout
    assert "no server is known" in outcome.stdout
    assert MARKED not in outcome.stdout


def test_show_gives_the_seven_tags_without_secrets(tmp_path: Path) -> None:
    result = run("show", "local", "--definitions", write(tmp_path / "b.toml", LOCAL, SEAFILE))

    assert f'secret = "{UNMODIFIED}"' in result.stdout
    assert "storage_backend_keep_days = 7" in result.stdout
    assert "seafile" not in result.stdout


def test_export_writes_what_reads_back(tmp_path: Path) -> None:
    source = write(tmp_path / "b.toml", LOCAL, SEAFILE)
    copy = tmp_path / "copy.json"
    result = run("export", "--with-secrets", "-o", copy, "--definitions", source)

    assert result.exit_code == 0, result.output
    assert read_definitions(copy) == [LOCAL, SEAFILE]


def test_a_file_with_secrets_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    copy = tmp_path / "copy.toml"
    copy.touch(mode=0o644)
    run("export", "--with-secrets", "-o", copy, "--definitions", write(tmp_path / "b.toml", LOCAL))

    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_secrets_are_not_exported_to_a_terminal_or_pipe(tmp_path: Path) -> None:
    path = write(tmp_path / "b.toml", LOCAL)
    outcome = simcrate("export", "--with-secrets", "--definitions", path)

    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert "-o" in outcome.stderr


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "b.toml", LOCAL)
    outcome = simcrate("export", "-o", tmp_path / "none" / "x.toml", "--definitions", path)

    assert outcome.returncode == 2
    assert "could not write 'x.toml': No such file or directory" in outcome.stderr


def test_check_of_a_healthy_backend_ends_with_0_and_a_line_for_each_step(
    tmp_path: Path, server: LocalCloud
) -> None:
    definition = StorageDefinition(
        name="L", id="local", token=server.address, config={"secret": server.secret.reveal()}
    )
    outcome = simcrate("check", "local", "--definitions", write(tmp_path / "b.toml", definition))

    assert outcome.returncode == 0, outcome.stdout
    assert [line[0] for line in outcome.stdout.splitlines()] == ["✓"] * 8
    assert server.secret.reveal() not in outcome.stdout + outcome.stderr


def test_check_of_a_server_that_wants_a_secret_says_so_and_ends_with_1(
    tmp_path: Path, server: LocalCloud
) -> None:
    definition = StorageDefinition(name="L", id="local", token=server.address)
    outcome = simcrate("check", "local", "--definitions", write(tmp_path / "b.toml", definition))

    assert outcome.returncode == 1
    assert "it wants a secret for uploads" in outcome.stdout
    assert "→ write the server's secret into the config" in outcome.stdout


def test_check_of_a_server_that_is_down_says_what_to_do_and_ends_with_1(tmp_path: Path) -> None:
    outcome = simcrate("check", "local", "--definitions", write(tmp_path / "b.toml", LOCAL))

    assert outcome.returncode == 1
    assert "→ check the address, that the server runs" in outcome.stdout
    assert MARKED not in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("command", ["check", "show"])
def test_an_unknown_identifier_is_bad_input_with_the_known_ones(
    tmp_path: Path, command: str
) -> None:
    path = write(tmp_path / "b.toml", LOCAL, SEAFILE)
    outcome = simcrate(command, "locl", "--definitions", path)

    assert outcome.returncode == 2
    assert (
        "there is no storage backend 'locl' in b.toml; defined are: local, seafile:old"
        in outcome.stderr
    )


def test_a_broken_file_is_bad_input_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text("[[storage_backends]]\nstorage_backend_id = ftp\n")
    outcome = simcrate("list", "--definitions", tmp_path / "b.toml")

    assert outcome.returncode == 2
    assert "line 2" in outcome.stderr
    assert "Traceback" not in outcome.stderr
