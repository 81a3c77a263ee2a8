"""`kill -9` of the worker in every stage, then a new worker: one crate, one announcement.

The one duplicate that no protocol can exclude (death between sending and recording it) is the same
message: in the outbox it replaces its twin.
"""

from __future__ import annotations

import hashlib

import httpx
import pytest

from tests.acceptance.conftest import Installation, wait_until_announced, wait_until_dead

IN_EVERY_STAGE = (
    "after:claim",
    "before:end_run",
    "after:end_run#2",
    "after:collect",
    "after:parse",
    "after:statistics",
    "before:packed",
    "after:packed",
    "after:upload",
    "before:linked",
    "after:announcing",
    "after:send",
    "after:announced",
)
EVERYWHERE_ELSE = (
    "before:fetch_inputs",
    "after:fetch_inputs",
    "after:simulate",
    "after:end_run",
    "before:collect",
    "before:statistics",
    "before:pack",
    "after:pack",
    "before:uploading",
    "after:uploading",
    "before:stored",
    "after:stored",
    "after:link",
    "after:linked",
    "before:announcing",
    "before:send",
    "before:announced",
    "before:spool_released",
)


@pytest.mark.parametrize("point", IN_EVERY_STAGE)
def test_a_worker_killed_in_any_stage_leaves_one_crate_and_one_announcement(
    installation: Installation, point: str
) -> None:
    kill_at(installation, point)


@pytest.mark.slow
@pytest.mark.parametrize("point", EVERYWHERE_ELSE)
def test_a_worker_killed_at_any_other_point_leaves_one_crate_and_one_announcement(
    installation: Installation, point: str
) -> None:
    kill_at(installation, point)


def kill_at(installation: Installation, point: str) -> None:
    stored_before, mails_before = installation.stored(), installation.mails()
    simulation_id = installation.submit(f"killed {point}")
    with installation.worker(point) as doomed:
        wait_until_dead(doomed)
    with installation.worker():
        simulation = wait_until_announced(installation, simulation_id)

    assert simulation["state"] == "delivered"
    assert simulation["problems"] == []
    content = httpx.get(simulation["link"]).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() == simulation["sha256"]
    assert len(installation.stored()) == len(stored_before) + 1
    assert len(installation.mails()) == len(mails_before) + 1
    assert list((installation.var_dir / "spool").iterdir()) == []
