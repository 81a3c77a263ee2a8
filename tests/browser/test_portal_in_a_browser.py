"""What a person does in a browser, from the login to the crate."""

from __future__ import annotations

import hashlib
import re

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.services

PATIENCE_MS = 90_000
LONG = """\
[General]
network = OppNet
sim-time-limit = 1000h
OppNet.numNodes = 50
OppNet.routing = "Epidemic"
"""
PAGES = ["/simulations/", "/simulations/new/", "/account/", "/accounts/email/", "/nothing-here"]


def begin(page: Page, site: Site) -> None:
    """To the second step, with the example."""
    page.goto(f"{site.url}/simulations/new/")
    example = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Epidemic"))
    example.get_by_role("button", name="Take this one").click()
    expect(page.get_by_role("heading", name="What to run")).to_be_visible()


def test_from_the_login_to_the_crate(page: Page, site: Site, complaints: list[str]) -> None:
    site.log_in(page)
    begin(page, site)
    page.get_by_label("Runs", exact=True).fill("0")
    expect(page.locator("#preview")).to_contain_text("1 run will be run")
    page.get_by_label("Title").fill("Seen in a browser")
    page.get_by_role("button", name="Run it").click()

    expect(page.get_by_role("heading", name="Seen in a browser")).to_be_visible()
    expect(page.get_by_role("heading", name="The crate is ready")).to_be_visible(
        timeout=PATIENCE_MS
    )

    link = page.get_by_role("link", name="Download").get_attribute("href")
    assert link
    digest = page.locator("code.digest").inner_text()
    assert hashlib.sha256(httpx.get(link, follow_redirects=True).content).hexdigest() == digest
    permalink = re.search(r"http\S+/r/[\w-]+", page.get_by_role("main").inner_text())
    assert permalink
    assert permalink[0] == link
    expect(page.get_by_role("heading", name="Statistics")).to_be_visible()
    assert complaints == []


def test_a_running_simulation_is_followed_live_and_cancelled(
    page: Page, site: Site, complaints: list[str]
) -> None:
    site.log_in(page)
    page.goto(f"{site.url}/simulations/new/")
    page.get_by_label("or paste the ini").fill(LONG)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#preview")).to_contain_text("1 run will be run")
    page.get_by_label("Precision").fill("100")
    page.get_by_role("button", name="Run it").click()
    expect(page.locator("#log .log")).to_contain_text("Event", timeout=PATIENCE_MS)

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("It was cancelled; what was recorded")).to_be_visible(
        timeout=PATIENCE_MS
    )
    assert complaints == []


def test_errors_stand_at_their_fields_and_the_choices_stay(page: Page, site: Site) -> None:
    site.log_in(page)
    begin(page, site)
    page.get_by_label("Title").fill("Kept")
    page.get_by_label("Precision").fill("0")
    page.get_by_role("button", name="Run it").click()

    summary = page.locator("#faults")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="Precision").click()
    expect(page.get_by_label("Precision")).to_be_in_viewport()
    wrong = page.locator(".field.wrong")
    expect(wrong).to_have_count(1)
    expect(wrong).to_contain_text("greater than 0")
    expect(page.get_by_label("Title")).to_have_value("Kept")


def test_everything_works_without_javascript(browser: Browser, site: Site) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        site.log_in(page)
        begin(page, site)
        page.get_by_label("Runs", exact=True).fill("0")
        page.get_by_role("button", name="Run it").click()

        expect(page.get_by_role("heading", name="Epidemic")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_pages_fit_and_nothing_is_refused_by_our_own_policy(
    browser: Browser, site: Site, scheme: str, width: int
) -> None:
    viewport = {"width": width, "height": 800}
    with browser.new_context(color_scheme=scheme, viewport=viewport) as context:  # type: ignore[arg-type]
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        site.log_in(page)
        for path in PAGES:
            page.goto(site.url + path)

            overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert overflow <= 0, path
        assert [text for text in refused if "404" not in text] == []


def test_every_field_has_a_name_for_those_who_cannot_see_it(page: Page, site: Site) -> None:
    site.log_in(page)
    begin(page, site)
    nameless = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
        ".filter(field => !field.labels.length).map(field => field.name)"
    )

    assert nameless == []


def test_the_admin_defines_and_checks_a_storage_backend(page: Page, site: Site) -> None:
    site.log_in(page, "root")
    page.goto(f"{site.url}/admin/storages/storagebackend/")
    page.get_by_role("link", name="Check…").first.click()
    page.get_by_role("button", name="Check Local storage now").click()

    expect(page.get_by_text("All is well.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("cell", name="gone", exact=True)).to_be_visible()
