"""Parts that are not needed any more are taken away, which keeps nobody waiting."""

from __future__ import annotations

import json

import pytest
from django.db.models.functions import Now

from simcrate.pipeline.watch import Watch
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.queue.models import Part
from simcrate.portal.queue.parts import PartRows
from simcrate.portal.simulations.models import Simulation
from simcrate.secret import Secret
from simcrate.worker.port import Claim, WorkKind
from simcrate.worker.staging import Staging
from tests.servers.http_double import Fault, HttpDouble, Reply, Request

SHA256 = "ab" * 32
PROBLEM = (("Content-Type", "application/problem+json"),)


@pytest.fixture
def claim(simulation: Simulation) -> Claim:
    """The delivery of two runs that were staged, and packed here."""
    for run in simulation.runs.all():
        Part.objects.create(
            run=run, fence=0, key=f"run-{run.number}", size_bytes=9, sha256=SHA256, staged_at=Now()
        )
    Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, machine="here", keep_days=7,
        sha256=SHA256, announced_at=Now(),
    )  # fmt: skip
    return Claim(
        kind=WorkKind.DELIVERY, id="1", simulation_id=simulation.pk, owner="here/1/1.00", fence=1
    )


def answer(request: Request) -> Reply:
    """As a staging server that has whatever is asked for."""
    found = {"objects": [{"id": request.query.get("prefix"), "sha256": SHA256}]}
    return Reply(200, json.dumps(found).encode())


def forget(server: HttpDouble, claim: Claim, watch: Watch) -> list[str]:
    """The requests that it took."""
    parts = PartRows(owner="here/1/1.00", machine="here")
    Staging(url=server.url, parts=parts, secret=Secret("lc_secret")).forget(claim, watch)
    return server.seen


def test_all_that_the_server_has_are_removed(claim: Claim) -> None:
    with HttpDouble(answer) as server:
        seen = forget(server, claim, Watch())

    assert [line for line in seen if "DELETE" in line] == [
        "DELETE /objects/run-0",
        "DELETE /objects/run-1",
    ]


def test_one_that_is_gone_already_is_none_the_worse(claim: Claim) -> None:
    with HttpDouble(answer) as server:
        gone = Reply(404, b'{"code": "removed"}', PROBLEM)
        server.faults.on("DELETE", Fault("before", gone))
        seen = forget(server, claim, Watch())

    assert seen[-1] == "DELETE /objects/run-1"


def test_a_server_that_is_away_is_asked_once(claim: Claim) -> None:
    with HttpDouble(answer) as server:
        server.faults.on("GET", Fault("before"), times=9)
        seen = forget(server, claim, Watch())

    assert len(seen) == 1


def test_a_worker_that_ends_asks_no_more(claim: Claim) -> None:
    watch = Watch()
    watch.abandon()
    with HttpDouble(answer) as server:
        seen = forget(server, claim, watch)

    assert seen == []
