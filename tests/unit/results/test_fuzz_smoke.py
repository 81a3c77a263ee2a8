"""The fuzz target works; `make fuzz` gives it a minute."""

from __future__ import annotations

from tests.fuzz.__main__ import main


def test_two_seconds_of_damaged_files_are_refused_or_read() -> None:
    assert main(2.0) == 0
