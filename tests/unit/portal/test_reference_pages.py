"""The reference names everything that there is."""

from __future__ import annotations

import re
from pathlib import Path

from simcrate.portal.environment import PREFIX, Environment

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
SOURCE = Path(__file__).parents[3] / "src" / "simcrate" / "portal"
OTHER_NAMES = {"var_dir": "VAR"}


def test_every_setting_is_in_the_reference_and_no_other() -> None:
    fields = Environment.__dataclass_fields__
    expected = {PREFIX + OTHER_NAMES.get(name, name.upper()) for name in fields}

    page = (REFERENCE / "settings.md").read_text()

    assert set(re.findall(r"^\| `(SIMCRATE_\w+)`", page, re.MULTILINE)) == expected


def test_every_system_check_is_in_the_reference() -> None:
    checks = set(re.findall(r"simcrate\.[EW]\d{3}", (SOURCE / "checks.py").read_text()))

    page = (REFERENCE / "settings.md").read_text()

    assert set(re.findall(r"simcrate\.[EW]\d{3}", page)) == checks


def test_every_call_of_the_api_is_in_the_reference() -> None:
    source = (SOURCE / "api" / "api.py").read_text()
    calls = re.findall(r'@api\.(get|post)\("([^"]+)"', source)
    page = (REFERENCE / "api.md").read_text()

    assert calls
    for method, path in calls:
        call = f"{method.upper()} /api/v1{path.replace('{uuid:simulation_id}', '{id}').replace('int:', '')}"
        assert re.search(rf"`{re.escape(call)}[?`]", page), call
