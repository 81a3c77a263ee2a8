"""A database that is away for a moment costs no run."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread

import pytest

from simcrate.cli.bench import make_bench
from simcrate.errors import PortError
from simcrate.pipeline.jobs import RunState, Submission
from simcrate.pipeline.watch import Watch
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Run
from simcrate.worker.port import Claim, WorkKind
from simcrate.worker.tasks import perform


class RestartedPort(RowsPort):
    """Whose database is restarted right after a claim."""

    def submission(self, claim: Claim) -> Submission:
        raise PortError("the portal's database cannot be reached")


class AwayPort(RowsPort):
    """Whose database went away after a claim, and stays so."""

    def submission(self, claim: Claim) -> Submission:
        raise PortError("the portal's database cannot be reached")

    def release(self, claim: Claim) -> None:
        raise PortError("the portal's database cannot be reached")


@pytest.mark.usefixtures("simulation")
def test_a_worker_that_is_told_to_end_waits_for_no_rows() -> None:
    port, watch = AwayPort(owner="here/1/1.00", machine="here"), Watch()
    claim = port.claim([WorkKind.RUN])
    assert claim is not None
    watch.abandon()

    args = (replace(make_bench(), port=port), claim, watch)
    task = Thread(target=perform, args=args, daemon=True)  # that a failure does not hang
    task.start()
    task.join(60)

    assert not task.is_alive()


@pytest.mark.usefixtures("simulation")
def test_a_run_that_cannot_begin_without_it_is_given_back() -> None:
    port, watch = RestartedPort(owner="here/1/1.00", machine="here"), Watch()
    claim = port.claim([WorkKind.RUN])
    assert claim is not None
    watch.stop.set()  # it does not pause

    perform(replace(make_bench(), port=port), claim, watch)

    run = Run.objects.get(pk=claim.id)
    assert (run.state, run.reason, run.lease_owner) == (RunState.QUEUED, "", "")
