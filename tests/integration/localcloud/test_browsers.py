"""What people have already: a browser."""

from __future__ import annotations

import hashlib
import os
import uuid
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from tests.servers.cutting import cut_wire
from tests.servers.localcloud import LocalCloud

BYTES = os.urandom(3_000_000)
SHA256 = hashlib.sha256(BYTES).hexdigest()

pytestmark = pytest.mark.services


def test_browser_looks_inside_a_crate_on_a_phone_and_runs_no_script(
    browser: Browser, client: httpx.Client, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "crate.zip", "w") as archive:
        archive.writestr("report.html", "<h1>Delay</h1><script>document.title='ran'</script>")
        archive.writestr(
            "figures/delay.svg",
            "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='30'><rect width='40' height='30'/></svg>",
        )
    content = (tmp_path / "crate.zip").read_bytes()
    stored = client.put(f"/upload/{uuid.uuid4()}/crate.zip", content=content).json()
    page = browser.new_page(viewport={"width": 360, "height": 740})
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))

    page.goto(stored["inside_url"])
    width = page.evaluate("document.documentElement.scrollWidth")
    image = page.locator("figure img")
    image.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('figure img').naturalWidth > 0")

    assert width <= 360
    assert faults == []
    page.get_by_text("Read the report").click()
    assert page.locator("h1").inner_text() == "Delay"
    assert page.title() != "ran"


def test_browser_downloads_a_link(browser: Browser, client: httpx.Client) -> None:
    stored = client.put(f"/upload/{uuid.uuid4()}/crate.zip", content=BYTES).json()
    page = browser.new_page()

    with page.expect_download() as waiting:
        page.evaluate("url => { location.href = url }", stored["url"])

    assert waiting.value.suggested_filename == "crate.zip"
    assert Path(waiting.value.path()).read_bytes() == BYTES


def test_browser_resumes_a_download_that_was_cut_off(
    browser: Browser, cloud: LocalCloud, client: httpx.Client
) -> None:
    stored = client.put(f"/upload/{uuid.uuid4()}/crate.zip", content=BYTES).json()
    with cut_wire(int(cloud.address.rpartition(":")[2]), after_bytes=1_000_000) as wire:
        link = stored["url"].replace(cloud.address, f"127.0.0.1:{wire.port}")
        page = browser.new_page()
        with page.expect_download() as waiting:
            page.evaluate("url => { location.href = url }", link)
        content = Path(waiting.value.path()).read_bytes()

    assert content == BYTES
    asked_again = wire.requests[-1].decode()
    assert "Range: bytes=1" in asked_again
    assert f'If-Range: "{SHA256}"' in asked_again
