"""The parts of a crate, as a person chooses them: before it is run, and when it is packed again."""

from __future__ import annotations

import io
import zipfile

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.services

PATIENCE_MS = 90_000
INI = """\
[Config Parts]
network = OppNet
sim-time-limit = 60s
OppNet.messageInterval = 5s
OppNet.numNodes = 5
# wifiPassword = "hunter2-and-more"
"""


def begin(page: Page, site: Site) -> None:
    """To the second step."""
    page.goto(f"{site.url}/simulations/new/")
    page.locator("[name=ini_text]").fill(INI)
    page.locator("form", has=page.locator("[name=ini_text]")).locator("button").last.click()
    expect(page.get_by_role("heading", name="What to run")).to_be_visible()


def members(page: Page) -> set[str]:
    """The names in the crate that the page leads to."""
    link = page.get_by_role("link", name="Download").get_attribute("href")
    assert link
    content = httpx.get(link, follow_redirects=True).content
    return set(zipfile.ZipFile(io.BytesIO(content)).namelist())


def test_parts_are_left_out_and_had_later(page: Page, site: Site, complaints: list[str]) -> None:
    site.log_in(page)
    begin(page, site)
    expect(page.get_by_text("looks like a value for 'wifiPassword'")).to_be_visible()
    expect(page.locator("#preview")).to_contain_text("Size of the crate: not known yet")
    page.get_by_label("Figures").uncheck()
    page.get_by_role("button", name="Run it").click()
    ready = page.get_by_role("heading", name="The crate is ready")
    expect(ready).to_be_visible(timeout=PATIENCE_MS)
    assert not [name for name in members(page) if name.startswith("figures/")]

    expect(page.locator("td .state.announced")).to_be_visible()  # the page is loaded once more
    first_link = page.get_by_role("link", name="Download").get_attribute("href")
    page.get_by_label("Figures").check()
    page.get_by_role("button", name="Pack again").click()
    expect(page.get_by_text("being packed again").first).to_be_visible()
    other_link = page.locator(f'a.button.big:not([href="{first_link}"])')
    expect(other_link).to_be_visible(timeout=PATIENCE_MS)
    assert [name for name in members(page) if name.startswith("figures/")]

    begin(page, site)
    expect(page.locator("#preview")).to_contain_text("about")
    page.get_by_label("Raw vectors").uncheck()
    expect(page.locator("#preview")).to_contain_text("less than")
    assert complaints == []
