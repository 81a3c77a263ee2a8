"""`seafile-get-token` and `seafile-list-repo-ids`, as a person runs them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from simcrate.cli.seafile import get_token, list_repo_ids
from simcrate.errors import StorageAuthError, StorageBusyError, StorageUnreachableError
from tests.servers.seafile import SeafileServer, seafile_server

ALICE = "alice@loop.test"
PASSWORD = "Marked-Pa55word-Alice"
SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture
def server() -> Iterator[SeafileServer]:
    with seafile_server() as running:
        running.state.add_account(ALICE, PASSWORD)
        yield running


def run(command: object, *arguments: str, typed: str = "") -> str:
    result = CliRunner().invoke(command, arguments, input=typed, catch_exceptions=False)  # type: ignore[arg-type]
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_token_alone_is_on_standard_output(server: SeafileServer) -> None:
    printed = run(get_token, "--server", server.url, typed=f"{ALICE}\n{PASSWORD}\n")

    assert printed == server.state.accounts[ALICE].token + "\n"


def test_a_two_factor_code_is_asked_for_when_the_account_has_one(server: SeafileServer) -> None:
    server.state.accounts[ALICE].otp = "123456"
    printed = run(get_token, "--server", server.url, typed=f"{ALICE}\n{PASSWORD}\n123456\n")

    assert printed == server.state.accounts[ALICE].token + "\n"


def test_a_wrong_password_is_an_error_that_does_not_repeat_it(server: SeafileServer) -> None:
    with pytest.raises(StorageAuthError, match="Unable to login") as caught:
        run(get_token, "--server", server.url, typed=f"{ALICE}\nWrong-{PASSWORD}\n")

    assert PASSWORD not in f"{caught.value} {caught.value.detail}"


def test_a_disabled_account_is_named(server: SeafileServer) -> None:
    server.state.accounts[ALICE].active = False

    with pytest.raises(StorageAuthError, match="disabled"):
        run(get_token, "--server", server.url, typed=f"{ALICE}\n{PASSWORD}\n")


def test_too_many_tries_say_when_to_come_back(server: SeafileServer) -> None:
    server.state.login_budget = 0

    with pytest.raises(StorageBusyError) as caught:
        run(get_token, "--server", server.url, typed=f"{ALICE}\n{PASSWORD}\n")

    assert caught.value.retry_after_s == 17


def test_a_server_that_is_no_seafile_is_said_so(server: SeafileServer) -> None:
    with pytest.raises(StorageUnreachableError, match="not Seafile"):
        run(get_token, "--server", f"{server.url}/elsewhere", typed=f"{ALICE}\n{PASSWORD}\n")


def test_libraries_are_listed_once_with_everything_that_a_choice_needs(
    server: SeafileServer, tmp_path: Path
) -> None:
    own = server.state.add_library("results", ALICE)
    server.state.put(own, "/a.zip", b"x" * 1000)
    server.state.add_account("bob@loop.test")
    shared = server.state.add_library("Bob's", "bob@loop.test", encrypted=True)
    shared.shares[ALICE] = "r"
    token_path = tmp_path / "token"
    token_path.write_text(server.state.accounts[ALICE].token + "\n")

    printed = run(list_repo_ids, "--server", server.url, "--token-file", str(token_path), "--json")

    assert json.loads(printed) == [
        {
            "name": "Bob's",
            "id": shared.id,
            "owner": "bob@loop.test",
            "permission": "r",
            "encrypted": True,
            "size_bytes": 0,
        },
        {
            "name": "results",
            "id": own.id,
            "owner": ALICE,
            "permission": "rw",
            "encrypted": False,
            "size_bytes": 1000,
        },
    ]


def test_the_table_shows_whole_ids_after_signing_in(server: SeafileServer) -> None:
    library = server.state.add_library("results", ALICE)
    printed = run(list_repo_ids, "--server", server.url, typed=f"\n{ALICE}\n{PASSWORD}\n")

    assert library.id in printed


def test_the_script_of_a_checkout_asks_on_the_terminal_and_keeps_the_password_out_of_argv(
    server: SeafileServer,
) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(SCRIPTS / "seafile-get-token.py"), "--server", server.url],
        stdin=terminal,
        stderr=terminal,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    os.close(terminal)
    seen = _answer(controller, b"User", f"{ALICE}\n")
    arguments = Path(f"/proc/{process.pid}/cmdline").read_text()
    seen += _answer(controller, b"Password", f"{PASSWORD}\n")
    printed, _ = process.communicate(timeout=30)
    os.close(controller)

    assert printed == server.state.accounts[ALICE].token + "\n"
    assert PASSWORD not in arguments


def test_the_script_ends_with_one_sentence_and_code_1_when_nobody_answers(tmp_path: Path) -> None:
    token_path = tmp_path / "token"
    token_path.write_text("0" * 40)
    script = [
        sys.executable,
        str(SCRIPTS / "seafile-list-repo-ids.py"),
        "--server",
        "http://127.0.0.1:1",
    ]
    ended = subprocess.run(
        [*script, "--token-file", str(token_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr == (
        "seafile-list-repo-ids: could not list the libraries: there was no answer from Seafile;"
        " if this lasts, check 'server' and the network\n"
    )


def _answer(controller: int, prompt: bytes, text: str) -> bytes:
    """Wait until the program asks, then type."""
    seen = b""
    while prompt not in seen:
        seen += os.read(controller, 1024)
    os.write(controller, text.encode())
    return seen
