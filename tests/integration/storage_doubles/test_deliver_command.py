"""`simcrate deliver` without a portal, to every kind, from definitions in the words of the order."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from simcrate.crate import verify_crate
from tests.servers.dropbox import DropboxServer
from tests.servers.localcloud import local_cloud
from tests.servers.seafile import seafile_server


@pytest.fixture
def results_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "General-0.sca").write_text("version 3\nrun General-0\nscalar Net.host sent 7\n")
    return folder


def deliver(
    tmp_path: Path, results_dir: Path, kind: str, tags: dict[str, str], environment: dict[str, str]
) -> str:
    """Run the command; the link."""
    path = tmp_path / "backends.json"
    table = {"storage_backend": kind.title(), "storage_backend_id": kind, **tags}
    path.write_text(json.dumps([table]))
    options = ["--storage", kind, "--definitions", str(path), "--spool", str(tmp_path / "spool")]
    done = subprocess.run(
        [sys.executable, "-m", "simcrate", "deliver", str(results_dir), *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def assert_is_a_crate(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    assert verify_crate(str(path)).is_good


def test_a_crate_is_delivered_to_local_cloud(tmp_path: Path, results_dir: Path) -> None:
    with local_cloud(tmp_path / "cloud") as server:
        config = json.dumps({"secret": server.secret.reveal()})
        tags = {"storage_backend_token": server.address, "storage_backend_config": config}
        link = deliver(tmp_path, results_dir, "local", tags, {})

        assert_is_a_crate(httpx.get(link).content, tmp_path / "fetched.zip")


def test_what_a_killed_process_was_packing_is_in_nobodys_way_and_removed_after_a_day(
    tmp_path: Path, results_dir: Path
) -> None:
    left = [tmp_path / "spool" / f".packing-{number}" for number in (1, 2)]
    for path in left:
        path.mkdir(parents=True)
        (path / "results.zip").write_bytes(b"half a crate")
    os.utime(left[0], (0, 0))
    with local_cloud(tmp_path / "cloud", "--open") as server:
        deliver(tmp_path, results_dir, "local", {"storage_backend_token": server.address}, {})

    assert [path.name for path in (tmp_path / "spool").glob(".packing-*")] == [".packing-2"]


def test_without_the_secret_of_a_local_cloud_the_option_for_it_is_named(
    tmp_path: Path, results_dir: Path
) -> None:
    with local_cloud(tmp_path / "cloud") as server:
        options = ["--to", server.address, "--spool", str(tmp_path / "spool")]
        done = subprocess.run(
            [sys.executable, "-m", "simcrate", "deliver", str(results_dir), *options],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 1
    assert "wants a secret" in done.stderr
    assert "--secret-file" in done.stderr


def test_a_server_that_is_away_is_told_before_the_next_try(
    tmp_path: Path, results_dir: Path
) -> None:
    options = ["--to", "127.0.0.1:1", "--spool", str(tmp_path / "spool")]
    command = [sys.executable, "-m", "simcrate", "deliver", str(results_dir), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        process.terminate()

    assert "nobody answers at the backend's address" in told
    assert "trying again in" in told


def test_a_crate_is_delivered_to_seafile_with_the_server_of_the_environment(
    tmp_path: Path, results_dir: Path
) -> None:
    with seafile_server() as server:
        account = server.state.add_account("alice@loop.test", quota=100_000_000)
        library = server.state.add_library("results", "alice@loop.test")
        config = json.dumps({"token": account.token, "repoid": library.id})
        environment = {"SIMCRATE_SEAFILE_SERVER": server.url}
        link = deliver(
            tmp_path, results_dir, "seafile", {"storage_backend_config": config}, environment
        )

        fetched = httpx.get(f"{link.partition('?')[0]}?dl=1", follow_redirects=True)
        assert_is_a_crate(fetched.content, tmp_path / "fetched.zip")


def test_a_crate_is_delivered_to_dropbox_with_the_hosts_of_the_environment(
    dropbox: DropboxServer, tmp_path: Path, results_dir: Path
) -> None:
    state = dropbox.state
    config = json.dumps(
        {
            "app_key": state.app_key,
            "app_secret": state.app_secret,
            "refresh_token": state.add_refresh_token(),
        }
    )
    link = deliver(tmp_path, results_dir, "dropbox", {"storage_backend_config": config}, {})

    trust = ssl.create_default_context(cafile=dropbox.ca_path)
    with httpx.Client(verify=trust, follow_redirects=True) as client:
        fetched = client.get(link.replace("dl=0", "dl=1"))
    assert_is_a_crate(fetched.content, tmp_path / "fetched.zip")
