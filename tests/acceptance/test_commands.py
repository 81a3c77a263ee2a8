"""`simcrate submit`, `status`, `cancel` and `deliver`, as somebody types them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import INI, Installation, wait_until_announced

LONG_INI = INI.replace("60s", "100000s")


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    path = tmp_path / "omnetpp.ini"
    path.write_text(INI)
    return path


SUBMIT = ("--config", "Short", "--storage", "local", "--user", "alice")


def test_submit_with_wait_ends_with_the_link_and_the_log_has_the_story(
    installation: Installation, ini: Path
) -> None:
    with installation.worker():
        done = installation.simcrate("submit", str(ini), *SUBMIT, "--wait")

    assert done.returncode == 0, done.stderr
    link = done.stdout.splitlines()[-1]
    assert httpx.get(link).status_code == 200
    simulation_id = done.stderr.split()[1]  # after `submitted`
    log = (installation.var_dir / "worker.log").read_text()
    story = [line for line in log.splitlines() if f" simulation={simulation_id}" in line]
    for line in (
        " run.ended state=completed ",
        " crate.packed ",
        " delivery.linked ",
        " delivery.announced ",
    ):
        assert [one for one in story if line in one], line
    for kind in ("kind=run ", "kind=finish ", "kind=delivery "):
        assert [one for one in story if " task.ended elapsed_s=" in one and kind in one], kind
    assert [one for one in story if one.endswith(" run=1")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--config", "Shrot"), "Short"),
        (("--storage", "dropbox"), "there is no active storage backend 'dropbox'"),
        (("--precision", "0"), "greater than 0"),
        (("--precision", "nan"), "greater than 0"),
        (("--precision", "1e-9"), "rows"),
        (("--runs", "7..9"), "7"),
        (("--user", "nobody"), "there is no user 'nobody'"),
        (("--mail", "eve@example.org"), "no confirmed address"),
    ],
)
def test_bad_input_is_named_with_exit_code_2_and_nothing_is_queued(
    installation: Installation, ini: Path, change: tuple[str, ...], words: str
) -> None:
    before = installation.count_simulations()
    done = installation.simcrate("submit", str(ini), *SUBMIT, *change)

    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert installation.count_simulations() == before


@pytest.mark.parametrize(
    "text", ["", "\x00\x01\x02", "[General]\nnetwork OppNet\n", "<html></html>"]
)
def test_a_file_that_is_no_ini_is_refused(
    installation: Installation, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "omnetpp.ini"
    path.write_text(text)
    done = installation.simcrate("submit", str(path), *SUBMIT)

    assert done.returncode == 2
    assert "omnetpp.ini" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cancelled_simulation_still_delivers_what_was_recorded(
    installation: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "omnetpp.ini"
    path.write_text(LONG_INI)
    with installation.worker():
        done = installation.simcrate("submit", str(path), *SUBMIT, "--runs", "0")
        simulation_id = done.stdout.split()[-1]
        _wait_until_running(installation, simulation_id)
        assert installation.simcrate("cancel", simulation_id).returncode == 0
        simulation = wait_until_announced(installation, simulation_id)

    assert simulation["state"] == "delivered"
    assert "cancelled" in simulation["sentence"]
    assert httpx.get(simulation["link"]).status_code == 200


def test_status_of_an_unknown_simulation_is_bad_input(installation: Installation) -> None:
    done = installation.simcrate("status", "no-such-id")

    assert done.returncode == 2
    assert "there is no simulation 'no-such-id'" in done.stderr


@pytest.fixture
def results_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "my results"
    directory.mkdir()
    (directory / "Short-#0.sca").write_text("version 3\nrun a\n")
    return directory


def deliver_to_cloud(
    installation: Installation, results_dir: Path, tmp_path: Path
) -> tuple[str, str]:
    secret_file = tmp_path / "secret"
    secret_file.write_text(installation.cloud.secret.reveal())
    done = installation.simcrate(
        *("deliver", str(results_dir), "--to", installation.cloud.address),
        *("--secret-file", str(secret_file), "--spool", str(tmp_path / "spool")),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1], done.stderr


def test_deliver_needs_no_portal_and_ends_with_the_link(
    installation: Installation, results_dir: Path, tmp_path: Path
) -> None:
    link, told = deliver_to_cloud(installation, results_dir, tmp_path)

    content = httpx.get(link).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() in told


def test_delivering_the_same_again_gives_the_same_crate(
    installation: Installation, results_dir: Path, tmp_path: Path
) -> None:
    first, _ = deliver_to_cloud(installation, results_dir, tmp_path)
    second, _ = deliver_to_cloud(installation, results_dir, tmp_path)

    assert httpx.get(first).content == httpx.get(second).content


def test_deliver_by_a_definition_file_in_the_words_of_the_seven_tags(
    installation: Installation, results_dir: Path, tmp_path: Path
) -> None:
    definitions = tmp_path / "backends.json"
    definitions.write_text(
        json.dumps(
            [
                {
                    "storage_backend": "Local storage",
                    "storage_backend_id": "local:mine",
                    "storage_backend_token": installation.cloud.address,
                    "storage_backend_config": {"secret": installation.cloud.secret.reveal()},
                    "storage_backend_keep_days": 3,
                }
            ]
        )
    )
    done = installation.simcrate(
        *("deliver", str(results_dir), "--storage", "local:mine"),
        *("--definitions", str(definitions), "--spool", str(tmp_path / "spool")),
    )

    assert done.returncode == 0, done.stderr
    assert "kept until" in done.stderr
    assert list((tmp_path / "spool").iterdir()) == []


def test_deliver_with_a_wrong_secret_says_so_and_keeps_the_crate(
    installation: Installation, results_dir: Path, tmp_path: Path
) -> None:
    secret_file = tmp_path / "secret"
    secret_file.write_text("a-secret-that-is-wrong")
    done = installation.simcrate(
        *("deliver", str(results_dir), "--to", installation.cloud.address),
        *("--secret-file", str(secret_file), "--spool", str(tmp_path / "spool")),
    )

    assert done.returncode == 1
    assert "secret" in done.stderr
    assert "a-secret-that-is-wrong" not in done.stderr
    assert len(list((tmp_path / "spool").glob("*/*.zip"))) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--storage", "local", "--to", "127.0.0.1:1"),
        ("--to", "not an address"),
        ("--storage", "nowhere"),
    ],
)
def test_deliver_without_a_place_to_go_is_bad_usage(
    installation: Installation, results_dir: Path, arguments: tuple[str, ...]
) -> None:
    done = installation.simcrate("deliver", str(results_dir), *arguments)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def _wait_until_running(installation: Installation, simulation_id: str) -> None:
    for _ in range(100):
        shown = installation.simcrate("status", simulation_id, "--json").stdout
        if json.loads(shown)[0]["state"] == "running":
            return
    pytest.fail("it never ran")
