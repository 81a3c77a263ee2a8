"""What every answer says to a browser, and what configurations are warned about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.test import Client
from django.urls import get_resolver
from pytest_django import Settings

PAGES = ["/accounts/login/", "/r/unknown", "/health", "/nothing-here"]


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_forbids_foreign_scripts_frames_and_caches(
    client: Client, db: None, path: str
) -> None:
    response = client.get(path)

    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response["Cache-Control"]


def test_pages_load_nothing_from_elsewhere(as_alice: Client, as_root: Client) -> None:
    for page in (as_alice.get("/simulations/new/"), as_root.get("/admin/")):
        text = page.content.decode()
        for attribute in ('src="http', "src='http", 'href="http', 'src="//'):
            assert attribute not in text


def test_static_files_come_without_a_collect_step(client: Client, db: None) -> None:
    for path in ("simcrate/portal.css", "django_htmx/htmx-2.min.js", "admin/js/core.js"):
        response = client.get(f"/static/{path}")
        assert response.status_code == 200, path
        assert response.content


def test_debug_is_off_and_cookies_stay_out_of_scripts() -> None:
    assert not django_settings.DEBUG
    assert django_settings.SESSION_COOKIE_HTTPONLY
    assert django_settings.CSRF_COOKIE_HTTPONLY


def test_every_address_is_known_to_django(db: None) -> None:
    assert get_resolver().url_patterns
    assert [message for message in run_checks() if message.level >= 40] == []


@pytest.mark.parametrize(
    ("changes", "check_id"),
    [
        ({"sandbox": "none"}, "simcrate.W002"),
        ({"registration": "open"}, "simcrate.W003"),
        ({"public_url": "http://portal.example"}, "simcrate.W004"),
    ],
)
def test_a_weak_configuration_is_said_with_a_hint(
    settings: Settings, changes: dict[str, str], check_id: str
) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, **changes)

    [message] = [message for message in run_checks() if message.id == check_id]
    assert message.hint


def test_a_start_without_keys_is_an_error(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path

    assert "simcrate.E001" in {message.id for message in run_checks()}


def test_debug_pages_on_a_portal_that_others_reach_are_an_error(settings: Settings) -> None:
    settings.DEBUG = True
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, public_url="https://portal.example")

    assert "simcrate.E002" in {message.id for message in run_checks()}
