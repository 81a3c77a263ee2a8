"""Whose address counts when a web server stands in front, and what nobody gets through it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from simcrate.cli.serve import WEB_READY
from simcrate.portal.deliveries.views import REQUESTS_PER_MINUTE
from tests.servers.ports import free_port

PROXY, STRANGER = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def metrics_address() -> str:
    """Of a port beside the portal's."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, metrics_address: str) -> Iterator[str]:
    """Where a portal that trusts one proxy listens."""
    var_dir: Path = tmp_path_factory.mktemp("var")
    names = {
        "SIMCRATE_VAR": str(var_dir),
        "SIMCRATE_TRUSTED_PROXIES": f"10.9.0.0/16,{PROXY}",
        "SIMCRATE_METRICS_ADDRESS": metrics_address,
    }
    command = [sys.executable, "-m", "simcrate", "web", "--port", str(free_port())]
    with subprocess.Popen(
        command,
        env={**os.environ, **names},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        ready = next(line for line in process.stdout if WEB_READY in line)
        try:
            yield ready.split()[-1]
        finally:
            process.terminate()


def answers_to_many(portal: str, *, through: str) -> set[int]:
    """To requests for a user each, so many that one of two minutes has more than an address may make."""
    wire = httpx.HTTPTransport(local_address=through)
    with httpx.Client(base_url=portal, transport=wire) as client:
        return {
            client.get("/r/unknown", headers={"X-Forwarded-For": f"192.0.2.{user}"}).status_code
            for user in range(2 * REQUESTS_PER_MINUTE + 1)
        }


def test_users_behind_a_proxy_that_is_trusted_have_limits_of_their_own(portal: str) -> None:
    assert answers_to_many(portal, through=PROXY) == {404}


def test_whoever_is_not_trusted_cannot_pretend_to_be_many(portal: str) -> None:
    assert 429 in answers_to_many(portal, through=STRANGER)


def test_metrics_are_at_their_own_address_and_never_at_the_portals(
    portal: str, metrics_address: str
) -> None:
    answer = httpx.get(f"http://{metrics_address}/metrics")

    assert 'simcrate_runs{state="queued"} 0' in answer.text.splitlines()
    assert httpx.get(f"http://{metrics_address}/health").status_code == 404
    assert httpx.get(f"{portal}/metrics").status_code == 404
