"""The provider's own expiry of a link moves with ours: against a real local-cloud."""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from simcrate.delivery import link_policy
from simcrate.delivery.jsonform import link_to_json, stored_to_json
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.services import extend_delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.services import create_or_update
from simcrate.storage import StorageDefinition, open_backend
from simcrate.storage.contract import make_source
from tests.integration.deliveries.conftest import CONTENT, days_pass
from tests.servers.localcloud import local_cloud


def test_an_extension_moves_the_end_of_the_link(
    alice: User, simulation: Simulation, tmp_path: Path
) -> None:
    with local_cloud(tmp_path / "cloud") as cloud:
        definition = StorageDefinition(
            name="Local storage",
            id="local",
            token=cloud.address,
            config={"secret": cloud.secret.reveal()},
            keep_days=30,
        )
        create_or_update(definition)
        key = uuid.uuid4()
        with closing(open_backend(definition)) as backend:
            stored = backend.upload(
                make_source(tmp_path / "study.zip", CONTENT),
                f"{key}/study.zip",
                save_resume=lambda _: None,
                progress=lambda _: None,
            )
            link = backend.link(stored, link_policy(7, datetime.now(UTC)))
        row = Delivery.objects.create(
            id=key, simulation=simulation, storage=simulation.storage, state="announced",
            machine="here", file_name="study.zip", keep_days=7, stored=stored_to_json(stored),
            link=link_to_json(link), link_url=link.url, announced_at=simulation.packed_at,
            expires_at=datetime.now(UTC) + timedelta(days=7),
        )  # fmt: skip
        days_pass(5)
        row = Delivery.objects.select_related("storage").get(pk=row.pk)
        extend_delivery(row, by=alice)

        row.refresh_from_db()
        assert row.link is not None
        ends = datetime.fromisoformat(row.link["expires_at"])
        assert timedelta(36.9) < ends - datetime.now(UTC) < timedelta(37.1)
        assert httpx.get(row.link_url).content == CONTENT
