"""How long is waited, and for how long links last that a provider ends by itself."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from simcrate.delivery import link_policy, open_ledger, settle
from simcrate.errors import StorageBusyError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_backend_that_says_when_to_come_back_is_not_asked_before(tmp_path: Path) -> None:
    with open_ledger(
        tmp_path / "results.zip",
        delivery_id=uuid.UUID(int=1),
        size_bytes=1,
        sha256="ab" * 32,
        keep_days=7,
    ) as ledger:
        settle(ledger, StorageBusyError("too many requests", retry_after_s=7200))

        assert ledger.retry_in_s > 3600


def test_the_end_that_is_asked_for_a_link_is_a_week_after_that_of_its_crate() -> None:
    assert link_policy(30, NOW).expires_at == NOW + timedelta(days=37)
    assert link_policy(0, NOW).expires_at is None
