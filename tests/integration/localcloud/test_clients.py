"""Programs that people have already: curl, wget and a browser."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import uuid
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from simcrate.localcloud.digests import repr_digest
from tests.servers.cutting import cut_wire
from tests.servers.localcloud import LocalCloud

BYTES = os.urandom(3_000_000)
SHA256 = hashlib.sha256(BYTES).hexdigest()
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "no_proxy": "*"}

pytestmark = pytest.mark.services


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    path = tmp_path / "crate.bin"
    path.write_bytes(BYTES)
    return path


def run(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_uploads_with_a_digest_and_fetches_the_link(cloud: LocalCloud, crate: Path) -> None:
    secret = cloud.secret.reveal()
    target = f"{cloud.url}/upload/{uuid.uuid4()}/crate.bin"
    digest = f"Repr-Digest: {repr_digest(SHA256)}"

    answer = run("curl", "-sS", "-u", f":{secret}", "-H", digest, "-T", str(crate), target)

    fetched = crate.with_name("fetched")
    run("curl", "-sS", "-o", str(fetched), json.loads(answer)["url"])
    assert fetched.read_bytes() == BYTES


def test_curl_resumes_an_upload_that_was_broken_off(cloud: LocalCloud, crate: Path) -> None:
    secret = cloud.secret.reveal()
    target = f"{cloud.url}/upload/{uuid.uuid4()}/crate.bin"
    slowly = ["curl", "-sS", "-u", f":{secret}", "--limit-rate", "1M", "-m", "1"]
    broken = subprocess.run(
        [*slowly, "-T", str(crate), target], env=ENVIRONMENT, timeout=60, check=False
    )

    head = run("curl", "-sS", "-u", f":{secret}", "-I", target)
    offset = next(
        line.split(":")[1].strip() for line in head.splitlines() if line.startswith("upload-offset")
    )
    answer = run("curl", "-sS", "-u", f":{secret}", "-C", offset, "-T", str(crate), target)

    assert broken.returncode == 28  # curl's own time limit
    assert int(offset) > 0
    assert json.loads(answer)["sha256"] == SHA256


def test_wget_continues_a_download(client: httpx.Client, tmp_path: Path) -> None:
    url = client.put(f"/upload/{uuid.uuid4()}/crate.bin", content=BYTES).json()["url"]
    (tmp_path / "crate.bin").write_bytes(BYTES[:1_000_000])

    run("wget", "-q", "-c", "-P", str(tmp_path), url)

    assert (tmp_path / "crate.bin").read_bytes() == BYTES


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
