"""Keep a crate longer, as long as its storage backend allows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client
from simcrate_directory import DirectoryBackend

from simcrate.delivery import sweep
from simcrate.errors import BadInputError, StorageUnreachableError
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.retention import RowRetention
from simcrate.portal.deliveries.services import extend_delivery
from simcrate.portal.storages.models import StorageBackend
from simcrate.storage import Link, LinkPolicy, StoredCrate
from tests.integration.deliveries.conftest import Announce, Cloud, days_pass


def extend(delivery: Delivery, by: User, cloud: Cloud) -> Delivery:
    extend_delivery(delivery, by=by, opener=lambda backend: cloud.open(backend.identifier))
    delivery.refresh_from_db()
    return delivery


def days_left(delivery: Delivery) -> float:
    row = Delivery.objects.annotate(now=Now()).get(pk=delivery.pk)
    assert row.expires_at is not None
    return (row.expires_at - row.now) / timedelta(days=1)


def test_an_extended_crate_is_kept_as_long_as_a_new_one(
    announced: Announce, alice: User, cloud: Cloud
) -> None:
    delivery = announced()
    days_pass(5)
    delivery.refresh_from_db()
    extend(delivery, alice, cloud)

    assert days_left(delivery) == pytest.approx(7, abs=0.01)
    (event,) = delivery.events.all()
    assert (event.what, event.who) == ("extended", "alice")
    days_pass(6.9)
    assert sweep(RowRetention("a test"), cloud.open) == []


def test_a_backend_that_keeps_for_ever_extends_to_for_ever(
    announced: Announce, alice: User, cloud: Cloud, storage: StorageBackend
) -> None:
    delivery = announced()
    StorageBackend.objects.update(keep_days=0)

    assert extend(Delivery.objects.get(pk=delivery.pk), alice, cloud).expires_at is None


def test_the_maximum_of_the_backend_is_not_exceeded(
    announced: Announce, alice: User, cloud: Cloud
) -> None:
    delivery = announced()
    StorageBackend.objects.update(keep_days=2)

    with pytest.raises(BadInputError, match="2 days at most"):
        extend(Delivery.objects.get(pk=delivery.pk), alice, cloud)


def test_what_has_expired_cannot_be_extended(
    announced: Announce, alice: User, cloud: Cloud
) -> None:
    delivery = announced()
    days_pass(8)

    with pytest.raises(BadInputError, match="has expired"):
        extend(Delivery.objects.get(pk=delivery.pk), alice, cloud)


def test_a_sweep_and_an_extension_at_once_have_one_winner(
    announced: Announce, alice: User, cloud: Cloud
) -> None:
    delivery = announced()
    delivery.refresh_from_db()

    class Slow(DirectoryBackend):
        def link(self, stored: StoredCrate, policy: LinkPolicy) -> Link:
            days_pass(8)  # it expires and is removed while the provider thinks
            sweep(RowRetention("a test"), cloud.open)
            return Link(url="http://files.example/late")

    config = {"folder": str(cloud.folder_of("local")), "base_url": "http://files.example"}
    with pytest.raises(BadInputError, match="has expired"):
        extend_delivery(delivery, by=alice, opener=lambda _: Slow(token="", config=config))

    delivery.refresh_from_db()
    assert delivery.state == "removed"
    assert "late" not in delivery.link_url


def test_a_backend_that_is_down_extends_nothing(
    announced: Announce, alice: User, cloud: Cloud
) -> None:
    delivery = announced()
    days_pass(5)
    delivery.refresh_from_db()

    class Down(DirectoryBackend):
        def link(self, stored: StoredCrate, policy: LinkPolicy) -> Link:
            raise StorageUnreachableError("no answer")

    with pytest.raises(StorageUnreachableError):
        extend_delivery(
            delivery,
            by=alice,
            opener=lambda _: Down(token="", config={"folder": "/", "base_url": "http://x"}),
        )
    assert days_left(delivery) == pytest.approx(2, abs=0.01)


def test_the_button_says_why_it_cannot(as_alice: Client, announced: Announce) -> None:
    delivery = announced()  # the definition names a port that nobody listens on
    days_pass(1)
    page = as_alice.post(f"/deliveries/{delivery.pk}/extend/", follow=True).content.decode()

    assert "nobody answers" in page
    assert days_left(delivery) == pytest.approx(6, abs=0.01)


def test_the_api_says_why_it_cannot(as_alice: Client, announced: Announce) -> None:
    delivery = announced()
    days_pass(1)
    answer = as_alice.post(f"/api/v1/deliveries/{delivery.pk}/extend")

    assert answer.status_code == 502
    assert "nobody answers" in answer.json()["detail"]


def test_a_stranger_extends_nothing(charlie: User, announced: Announce) -> None:
    stranger = Client()
    stranger.force_login(charlie)

    assert stranger.post(f"/deliveries/{announced().pk}/extend/").status_code == 404
