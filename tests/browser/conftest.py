"""A whole SimCrate (portal, worker, local-cloud) and Chromium to look at it with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers.ports import free_port

PASSWORD = "wonderland-by-train"
READY = "SimCrate is running"
MAKE_PEOPLE_AND_STORAGE = f"""
import sys
from pathlib import Path
from simcrate.cli.portal import use_portal
use_portal()
from django.conf import settings
from simcrate.portal.accounts.services import create_user
from simcrate.portal.storages.services import create_or_update
from simcrate.secret import Secret
from simcrate.storage import StorageDefinition
for name in ("alice", "root"):
    create_user(username=name, password=Secret({PASSWORD!r}), confirmed_email=name + "@example.org", is_admin=name == "root")
secret = (settings.VAR_DIR / "secrets" / "local-cloud").read_text().strip()
create_or_update(StorageDefinition(name="Local storage", id="local", token=sys.argv[1], config={{"secret": secret}}, keep_days=7, active=True))
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A running SimCrate."""

    url: str

    def log_in(self, page: Page, name: str = "alice") -> None:
        page.goto(f"{self.url}/accounts/login/")
        page.get_by_label("Login").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.wait_for_url("**/simulations/")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    var_dir = tmp_path_factory.mktemp("var")
    web, cloud = free_port(), free_port()
    environment = {**os.environ, "SIMCRATE_VAR": str(var_dir)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "simcrate", "up"]
    with subprocess.Popen(
        [*command, "--port", str(web), "--cloud-port", str(cloud)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any(READY in line for line in process.stdout), _logs(var_dir)
        try:
            make = [sys.executable, "-c", MAKE_PEOPLE_AND_STORAGE, f"127.0.0.1:{cloud}"]
            subprocess.run(make, env=environment, check=True)
            yield Site(f"http://127.0.0.1:{web}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.read()


expect.set_options(timeout=30_000)  # machines that test are busy


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of its own, without anybody's cookies."""
    with browser.new_context() as context:
        yield context.new_page()


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser's console says: script errors, refused loads, policy violations."""
    seen: list[str] = []
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    return seen


def _logs(var_dir: Path) -> str:
    return "\n".join(path.read_text() for path in (var_dir / "log").glob("*.log"))
