"""What every test stands on: no `SIMCRATE_*` of the developer's shell, and a var directory of its own.

`TESTS_DATABASE_URL` names a PostgreSQL to be used instead of SQLite.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import django
import pytest
from django.db import connection

pytest.register_assert_rewrite("simcrate.storage.contract")

for _name in [name for name in os.environ if name.startswith("SIMCRATE_")]:
    del os.environ[_name]
_var = tempfile.TemporaryDirectory(prefix="simcrate-tests-", ignore_cleanup_errors=True)
os.environ["SIMCRATE_VAR"] = _var.name
# commands want a portal to be there; its rows are the test's
Path(_var.name, "secrets").mkdir(mode=0o700)
Path(_var.name, "db.sqlite3").touch()
if _database := os.environ.get("TESTS_DATABASE_URL"):
    os.environ["SIMCRATE_DATABASE_URL"] = _database
# here rather than in pyproject.toml, where pytest-django would read the settings before these lines
os.environ["DJANGO_SETTINGS_MODULE"] = "simcrate.portal.settings"
django.setup()  # other conftest modules import models
del os.environ["DJANGO_SETTINGS_MODULE"]  # a pytest that this one starts would read them first


def pytest_report_header() -> str:
    """Which database the tests use."""
    return f"database: {connection.vendor}"


def pytest_unconfigure() -> None:
    """The var directory goes with the last test."""
    _var.cleanup()


@pytest.fixture(autouse=True)
def _usual_umask() -> None:
    """Programs of ours close what they make to others; a test may have run one in this process."""
    os.umask(0o022)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium, without anything that calls home."""
    return {
        "executable_path": "/usr/bin/chromium",
        "args": [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
        ],
    }


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with browser tests last: Playwright leaves an event loop in this thread, beside which Django refuses to work."""
    with_browser = {item.path for item in items if "browser" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path in with_browser)
