"""`/r/<token>`: the capability that outlives links."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.views import REQUESTS_PER_MINUTE
from simcrate.portal.simulations.models import Simulation

LINK = "https://cloud.example/s/one.zip"


def deliver(simulation: Simulation, **changes: object) -> Delivery:
    values: dict[str, object] = {
        "state": "announced",
        "machine": "here",
        "file_name": "study.zip",
        "keep_days": 7,
        "link_url": LINK,
    }
    return Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, **{**values, **changes}
    )


def test_a_permalink_leads_to_the_link_without_a_login(
    client: Client, simulation: Simulation
) -> None:
    response = client.get(f"/r/{deliver(simulation).permalink}")

    assert (response.status_code, response["Location"]) == (302, LINK)


def test_a_permalink_leads_to_the_newest_working_link(
    client: Client, simulation: Simulation
) -> None:
    old = deliver(simulation, state="removed", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    deliver(simulation, link_url="https://cloud.example/s/two.zip")

    assert client.get(f"/r/{old.permalink}")["Location"] == "https://cloud.example/s/two.zip"


def test_an_unknown_permalink_is_404(client: Client, db: None) -> None:
    assert client.get("/r/AAAAAAAAAAAAAAAAAAAAAA").status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"state": "removed"}, 410, "expired"),
        ({"state": "expiring"}, 410, "expired"),
        ({"expires_at": datetime.now(UTC) - timedelta(seconds=1)}, 410, "run it again"),
        ({"permalink_revoked": True}, 410, "revoked"),
        ({"state": "failed", "link_url": ""}, 410, "could not be delivered"),
        ({"state": "uploading", "link_url": ""}, 404, "on its way"),
    ],
)
def test_a_permalink_without_a_working_link_says_what_can_be_done(
    client: Client, simulation: Simulation, changes: dict[str, object], status: int, says: str
) -> None:
    response = client.get(f"/r/{deliver(simulation, **changes).permalink}")

    assert response.status_code == status
    assert says in response.content.decode()
    assert LINK not in response.content.decode()


@pytest.mark.parametrize("token", ["", "unknown"])
def test_no_cache_and_no_referrer_learns_of_a_permalink(
    client: Client, simulation: Simulation, token: str
) -> None:
    response = client.get(f"/r/{token or deliver(simulation).permalink}")

    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"


def test_guessing_is_slowed_down(client: Client, simulation: Simulation) -> None:
    permalink = f"/r/{deliver(simulation).permalink}"
    for number in range(REQUESTS_PER_MINUTE):
        client.get(f"/r/guess-{number}")

    response = client.get(permalink)

    assert response.status_code == 429
    assert response["Retry-After"] == "60"


def test_its_owner_revokes_a_permalink(
    as_alice: Client, client: Client, simulation: Simulation
) -> None:
    delivery = deliver(simulation)

    as_alice.post(f"/deliveries/{delivery.pk}/revoke/")

    assert client.get(f"/r/{delivery.permalink}").status_code == 410
