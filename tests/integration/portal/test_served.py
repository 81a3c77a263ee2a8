"""The portal as it is served: uvicorn, ASGI, a real socket."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

LIMIT_BYTES = 100_000
READY = "Uvicorn running on"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a portal of its own."""
    var_dir = tmp_path_factory.mktemp("var")
    environment = {
        **os.environ,
        "SIMCRATE_VAR": str(var_dir),
        "SIMCRATE_SUBMISSION_MAX_BYTES": str(LIMIT_BYTES),
        "DJANGO_SETTINGS_MODULE": "simcrate.portal.settings",
    }
    make_ready = (
        "import os, pathlib, django; from simcrate.portal import start;"
        "start.prepare(pathlib.Path(os.environ['SIMCRATE_VAR'])); django.setup();"
        "start.migrate_database()"
    )
    subprocess.run([sys.executable, "-c", make_ready], env=environment, check=True)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "simcrate.portal.asgi:application"),
                *("--fd", str(listener.fileno()), "--lifespan", "off"),
            ],
            env=environment,
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stderr is not None
        assert any(READY in line for line in process.stderr)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()


def test_the_health_page_answers(portal: str) -> None:
    assert httpx.get(f"{portal}/health").text == "ok\n"


def test_static_files_come_whole(portal: str) -> None:
    answer = httpx.get(f"{portal}/static/simcrate/portal.css")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert len(answer.content) == int(answer.headers["content-length"])


def test_a_form_of_a_page_is_accepted_over_a_socket(portal: str) -> None:
    with httpx.Client(base_url=portal) as browser:
        page = browser.get("/accounts/login/")
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert found
        values = {"csrfmiddlewaretoken": found[1], "login": "nobody", "password": "x" * 12}
        answer = browser.post("/accounts/login/", data=values)

    assert answer.status_code == 200
    assert "not correct" in answer.text


def test_a_body_above_the_limit_is_refused_before_it_is_stored(portal: str) -> None:
    answer = httpx.post(f"{portal}/accounts/login/", content=b"x" * (LIMIT_BYTES + 2**20 + 1))

    assert answer.status_code == 413
    assert f"may have {LIMIT_BYTES / 2**20:.4g} MiB; this is more" in answer.text
    assert "nothing of it was kept" in answer.text


def test_a_body_that_does_not_declare_its_length_is_counted(portal: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 65536

    answer = httpx.post(f"{portal}/api/v1/simulations", content=endless())

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_host_that_is_not_ours_is_refused(portal: str) -> None:
    assert httpx.get(f"{portal}/health", headers={"Host": "evil.example"}).status_code == 400
