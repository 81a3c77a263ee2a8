"""Log lines hold no capability."""

from __future__ import annotations

import logging

from simcrate.portal.security import PortalFormatter


def test_a_permalink_is_shortened_wherever_it_stands_in_a_line() -> None:
    record = logging.makeLogRecord({"msg": "Gone: %s", "args": ("/r/3NWHudm-vxpC_gOF",)})
    record.request = "GET '/r/3NWHudm-vxpC_gOF'"

    line = PortalFormatter("%(message)s").format(record)

    assert "3NWHudm" not in line
    assert line.count("/r/…") == 2
