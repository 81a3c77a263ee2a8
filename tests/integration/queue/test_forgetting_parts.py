"""Parts that are not needed any more are taken away, which keeps nobody waiting; others do not expire."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from django.db.models.functions import Now

from simcrate.errors import StorageRefusedError
from simcrate.pipeline.watch import Watch
from simcrate.portal.deliveries.discarding import discard_crate
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.queue.models import Part
from simcrate.portal.queue.parts import PartRows
from simcrate.portal.simulations.models import Simulation
from simcrate.secret import Secret
from simcrate.worker.port import Claim, WorkKind
from simcrate.worker.staging import Staging
from tests.servers.http_double import Fault, HttpDouble, Reply, Request
from tests.servers.localcloud import local_cloud

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


@pytest.fixture
def needed(simulation: Simulation) -> None:
    """Two parts of what could not be packed, a month old."""
    for run in simulation.runs.all():
        Part.objects.create(
            run=run, fence=0, key=f"run-{run.number}", size_bytes=9, sha256=SHA256,
            staged_at=datetime.now(UTC) - timedelta(weeks=4),
        )  # fmt: skip


def tidy(server: HttpDouble) -> None:
    parts = PartRows(owner="here/1/1.00", machine="here")
    Staging(url=server.url, parts=parts, secret=Secret("lc_secret")).tidy()


@pytest.mark.usefixtures("needed")
def test_a_part_that_is_refused_lets_no_other_expire_and_is_told() -> None:
    with HttpDouble(answer) as server:
        on_hold = Reply(412, b'{"code": "precondition-failed"}', PROBLEM)
        server.faults.on("PATCH", Fault("before", on_hold))
        with pytest.raises(StorageRefusedError):
            tidy(server)

    extended = [line for line in server.seen if "PATCH" in line]
    assert sorted(extended) == ["PATCH /objects/run-0", "PATCH /objects/run-1"]


def test_what_could_not_be_packed_expires_no_sooner_than_it_is_discarded(
    simulation: Simulation, tmp_path: Path
) -> None:
    def expiries(client: httpx.Client) -> list[datetime]:
        objects = client.get("/objects").json()["objects"]
        return [datetime.fromisoformat(one["expires_at"]) for one in objects]

    content = b"a part"
    Part.objects.create(
        run=simulation.runs.get(number=0), fence=0, key="run-0.zip", size_bytes=len(content),
        sha256=sha256(content).hexdigest(), staged_at=datetime.now(UTC) - timedelta(weeks=3),
    )  # fmt: skip
    Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, machine="here", keep_days=7,
        state="failed", announced_at=Now(),
    )  # fmt: skip
    Simulation.objects.update(packed_at=Now())
    with local_cloud(tmp_path / "cloud") as cloud, cloud.client() as client:
        client.put("/upload/run-0.zip", content=content, headers={"Cloud-Expires": "3600"})
        parts = PartRows(owner="here/1/1.00", machine="here")
        staging = Staging(url=cloud.url, parts=parts, secret=cloud.secret)

        staging.tidy()
        (expiry,) = expiries(client)
        assert expiry > datetime.now(UTC) + timedelta(days=29)

        discard_crate(simulation, who="alice")
        staging.tidy()
        assert expiries(client) == []
