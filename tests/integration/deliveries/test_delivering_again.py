"""A crate's second delivery: by its owner's wish, or to the fallback that was chosen."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models.functions import Now
from django.test import Client

from simcrate.delivery import DeliveryRecord, DeliveryState, Patience, deliver
from simcrate.errors import (
    BadInputError,
    StorageAuthError,
    StorageFullError,
    StorageUnreachableError,
)
from simcrate.pipeline.place import spool_path
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.repeating import crate_source, needless_spools
from simcrate.portal.deliveries.services import deliver_again
from simcrate.portal.limits.models import GroupLimits
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.queries import overview
from simcrate.portal.storages.models import StorageBackend
from simcrate.storage import StorageBackend as Backend
from simcrate.worker.port import WorkKind
from tests.integration.deliveries.conftest import CONTENT, Announce, Cloud, days_pass
from tests.servers.static_files import serving

SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def worker() -> RowsPort:
    return RowsPort(owner="here/1/1.00", machine="here")


@pytest.fixture
def spooled(simulation: Simulation) -> Delivery:
    """A delivery whose crate is in the spool."""
    row = Delivery.objects.create(
        id=uuid.uuid4(), simulation=simulation, storage=simulation.storage, keep_days=7,
        machine="here", file_name="study.zip", size_bytes=len(CONTENT), sha256=SHA256,
    )  # fmt: skip
    path = crate_path(row)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return row


def crate_path(row: Delivery) -> Path:
    return spool_path(settings.VAR_DIR, row.pk, row.file_name)


def refused() -> Backend:
    raise StorageAuthError("the token was revoked; connect again")


def work(worker: RowsPort, opening: Callable[[], Backend]) -> list[DeliveryRecord]:
    """What a worker does with the next delivery; what it announced."""
    claim = worker.claim([WorkKind.DELIVERY])
    assert claim is not None
    said: list[DeliveryRecord] = []
    deliver(worker.ledger(claim), opening, said.append)
    worker.release(claim)
    return said


def state_of(row: Delivery) -> str:
    row.refresh_from_db()
    return row.state


def test_a_failed_delivery_is_delivered_again_from_the_spool_to_another_backend(
    spooled: Delivery, worker: RowsPort, cloud: Cloud, alice: User, other_storage: StorageBackend
) -> None:
    cloud.folder_of("local:attic").mkdir(parents=True)
    work(worker, refused)
    again = deliver_again(spooled.simulation, storage_id="local:attic", by=alice)
    (said,) = work(worker, lambda: cloud.open("local:attic"))

    assert state_of(again) == DeliveryState.ANNOUNCED
    assert said.id == again.pk != spooled.pk
    assert [path.read_bytes() for path in cloud.crates()] == [CONTENT]
    assert again.permalink != spooled.permalink
    assert state_of(spooled) == DeliveryState.FAILED
    assert overview(spooled.simulation).delivery == again


def test_the_crate_comes_from_the_link_where_the_spool_was_released(
    announced: Announce,
    worker: RowsPort,
    cloud: Cloud,
    alice: User,
    other_storage: StorageBackend,
    simulation: Simulation,
    tmp_path: Path,
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "study.zip").write_bytes(CONTENT)
    cloud.folder_of("local:attic").mkdir(parents=True)
    with serving(tmp_path / "web") as url:
        announced(sha256=SHA256, link_url=f"{url}/study.zip")
        again = deliver_again(simulation, storage_id="local:attic", by=alice)
        work(worker, lambda: cloud.open("local:attic"))

    assert state_of(again) == DeliveryState.ANNOUNCED
    assert len(cloud.crates()) == 2
    assert not crate_path(again).parent.exists()


@pytest.mark.parametrize(
    ("content", "state", "says"),
    [
        (CONTENT[:-1], DeliveryState.WAITING, "other bytes came"),
        (CONTENT + b"!", DeliveryState.WAITING, "other bytes came"),
        (b"x" * len(CONTENT), DeliveryState.WAITING, "other bytes came"),
        (None, DeliveryState.FAILED, "it is gone"),
    ],
)
def test_what_comes_from_a_link_counts_only_when_it_is_the_crate(
    announced: Announce,
    worker: RowsPort,
    cloud: Cloud,
    alice: User,
    other_storage: StorageBackend,
    simulation: Simulation,
    tmp_path: Path,
    content: bytes | None,
    state: str,
    says: str,
) -> None:
    (tmp_path / "web").mkdir()
    if content is not None:
        (tmp_path / "web" / "study.zip").write_bytes(content)
    with serving(tmp_path / "web") as url:
        announced(sha256=SHA256, link_url=f"{url}/study.zip")
        again = deliver_again(simulation, storage_id="local:attic", by=alice)
        work(worker, lambda: cloud.open("local:attic"))

    assert state_of(again) == state
    assert says in again.error
    assert not crate_path(again).exists()


def test_without_spool_and_link_there_is_nothing_to_deliver_again(
    announced: Announce, alice: User, storage: StorageBackend, simulation: Simulation
) -> None:
    announced(sha256=SHA256)
    days_pass(8)

    with pytest.raises(BadInputError, match="run it again"):
        deliver_again(simulation, storage_id="local", by=alice)


@pytest.fixture
def packed_twice(announced: Announce, spooled: Delivery) -> Delivery:
    """The first crate failed and is in the spool, the second one is announced; returns that."""
    Delivery.objects.update(state="failed", announced_at=Now())
    days_pass(1)
    return announced(sha256="bb" * 32)


def test_the_crate_that_was_packed_last_is_delivered_again(
    packed_twice: Delivery, simulation: Simulation, alice: User
) -> None:
    assert deliver_again(simulation, storage_id="local", by=alice).sha256 == packed_twice.sha256


def test_that_an_older_crate_was_delivered_again_makes_it_no_newer(
    packed_twice: Delivery, spooled: Delivery, announced: Announce, simulation: Simulation
) -> None:
    announced(sha256=spooled.sha256, again_of=spooled)

    assert crate_source(simulation) == packed_twice


def test_an_older_crate_takes_the_place_of_one_that_was_discarded_only(
    packed_twice: Delivery, spooled: Delivery, simulation: Simulation
) -> None:
    Delivery.objects.filter(pk=packed_twice.pk).update(state="failed")
    assert crate_source(simulation) is None
    Delivery.objects.filter(pk=packed_twice.pk).update(discarded_at=Now())
    assert crate_source(simulation) == spooled


def test_a_backend_that_is_not_active_is_refused_with_the_list(
    spooled: Delivery, alice: User, other_storage: StorageBackend
) -> None:
    StorageBackend.objects.filter(pk=other_storage.pk).update(active=False)

    with pytest.raises(BadInputError, match=r"choose one of: local$"):
        deliver_again(spooled.simulation, storage_id="local:attic", by=alice)


def test_asking_twice_is_refused_while_it_is_on_its_way(
    announced: Announce, alice: User, simulation: Simulation
) -> None:
    announced(sha256=SHA256)
    deliver_again(simulation, storage_id="local", by=alice)

    with pytest.raises(BadInputError, match="on its way"):
        deliver_again(simulation, storage_id="local", by=alice)


def limit_storage(alice: User, mib: int) -> None:
    group = Group.objects.create(name="students")
    GroupLimits.objects.create(group=group, storage_mib=mib)
    alice.groups.add(group)


def test_who_has_filled_the_storage_delivers_nothing_again(
    announced: Announce, alice: User, other_storage: StorageBackend, simulation: Simulation
) -> None:
    announced(sha256=SHA256, size_bytes=3 * 2**20)
    limit_storage(alice, 8)
    deliver_again(simulation, storage_id="local:attic", by=alice)

    with pytest.raises(BadInputError, match="would take 9 MiB and your limit is 8 MiB"):
        deliver_again(simulation, storage_id="local", by=alice)


def test_a_link_with_a_password_is_none_to_deliver_again_from(
    announced: Announce, alice: User, storage: StorageBackend, simulation: Simulation
) -> None:
    delivery = announced(sha256=SHA256)
    Delivery.objects.update(link={**(delivery.link or {}), "has_password": True})

    with pytest.raises(BadInputError, match="no link without a password"):
        deliver_again(simulation, storage_id="local", by=alice)


def test_the_fallback_that_was_chosen_gets_what_fails_for_good_and_one_mail_goes_out(
    spooled: Delivery, worker: RowsPort, cloud: Cloud, other_storage: StorageBackend
) -> None:
    Simulation.objects.update(fallback=other_storage)
    cloud.folder_of("local:attic").mkdir(parents=True)

    assert work(worker, refused) == []
    (said,) = work(worker, lambda: cloud.open("local:attic"))

    assert said.link is not None
    made = Delivery.objects.get(storage=other_storage)
    assert made.state == DeliveryState.ANNOUNCED
    assert made.keep_days == 30
    (problem,) = Simulation.objects.get().problems
    assert "the token was revoked" in problem
    assert "Attic" in problem
    assert spooled.events.get().what == "fell back"


def test_whose_credentials_are_refused_reads_who_mends_them_and_no_advice_for_others(
    spooled: Delivery, worker: RowsPort
) -> None:
    work(worker, refused)

    spooled.refresh_from_db()
    assert spooled.error.startswith("the token was revoked; an administrator must mend")
    assert "deliver to another one" in spooled.error
    assert "connect again" not in spooled.error


def test_what_is_only_down_for_a_while_does_not_fall_back(
    spooled: Delivery, worker: RowsPort, other_storage: StorageBackend
) -> None:
    Simulation.objects.update(fallback=other_storage)

    def down() -> Backend:
        raise StorageUnreachableError("no answer")

    work(worker, down)

    assert state_of(spooled) == DeliveryState.WAITING
    assert Delivery.objects.count() == 1


def test_what_has_been_full_for_days_goes_to_the_fallback_which_says_what_was_full(
    spooled: Delivery, worker: RowsPort, cloud: Cloud, other_storage: StorageBackend
) -> None:
    Simulation.objects.update(fallback=other_storage)
    cloud.folder_of("local:attic").mkdir(parents=True)

    def full() -> Backend:
        raise StorageFullError("Dropbox has 0.0 MB left; free space or take a larger plan")

    for attempts, state in (
        (Patience().tries - 2, DeliveryState.WAITING),
        (Patience().tries - 1, DeliveryState.FAILED),
    ):
        Delivery.objects.update(attempts=attempts, retry_at=None)
        assert work(worker, full) == []
        assert state_of(spooled) == state
    (said,) = work(worker, lambda: cloud.open("local:attic"))

    assert said.link is not None
    (problem,) = Simulation.objects.get().problems
    assert "Dropbox has 0.0 MB left" in problem


def test_without_a_fallback_nothing_goes_anywhere_silently(
    spooled: Delivery, worker: RowsPort, other_storage: StorageBackend
) -> None:
    (said,) = work(worker, refused)

    assert "revoked" in said.error
    assert Delivery.objects.count() == 1


def test_a_fallback_that_fails_too_is_the_end_and_is_announced(
    spooled: Delivery, worker: RowsPort, other_storage: StorageBackend
) -> None:
    Simulation.objects.update(fallback=other_storage)
    work(worker, refused)
    (said,) = work(worker, refused)

    assert said.error
    assert Delivery.objects.count() == 2
    assert worker.claim([WorkKind.DELIVERY]) is None
    assert crate_path(spooled).read_bytes() == CONTENT


def test_one_that_was_asked_for_by_name_goes_there_or_nowhere(
    announced: Announce,
    worker: RowsPort,
    alice: User,
    other_storage: StorageBackend,
    simulation: Simulation,
) -> None:
    announced(sha256=SHA256)
    Simulation.objects.update(fallback=other_storage)
    again = deliver_again(simulation, storage_id="local", by=alice)
    (said,) = work(worker, refused)

    assert said.id == again.pk
    assert not Delivery.objects.filter(storage=other_storage).exists()


def test_a_permalink_waits_for_a_crate_that_is_delivered_again(
    announced: Announce,
    client: Client,
    worker: RowsPort,
    cloud: Cloud,
    spooled: Delivery,
    alice: User,
) -> None:
    old = announced(sha256=SHA256)
    days_pass(8)
    assert client.get(f"/r/{old.permalink}").status_code == 404  # on its way

    work(worker, lambda: cloud.open("local"))
    spooled.refresh_from_db()
    assert client.get(f"/r/{old.permalink}")["Location"] == spooled.link_url


def test_an_inactive_fallback_is_not_used(
    spooled: Delivery, worker: RowsPort, other_storage: StorageBackend
) -> None:
    Simulation.objects.update(fallback=other_storage)
    StorageBackend.objects.filter(pk=other_storage.pk).update(active=False)
    (said,) = work(worker, refused)

    assert said.error


def test_a_spool_is_needless_once_its_crate_was_delivered_otherwise(
    spooled: Delivery, worker: RowsPort, cloud: Cloud, other_storage: StorageBackend
) -> None:
    Simulation.objects.update(fallback=other_storage)
    cloud.folder_of("local:attic").mkdir(parents=True)
    work(worker, refused)
    assert list(needless_spools("here")) == []
    work(worker, lambda: cloud.open("local:attic"))

    assert list(needless_spools("here")) == [spooled]
    assert list(needless_spools("there")) == []


def test_a_delivery_records_the_account_it_went_to(
    spooled: Delivery, worker: RowsPort, cloud: Cloud
) -> None:
    cloud.folder_of("local").mkdir(parents=True)
    work(worker, lambda: cloud.open("local"))

    spooled.refresh_from_db()
    assert spooled.stored is not None
    assert spooled.account == spooled.stored["account"]


def test_the_page_lists_all_deliveries_and_offers_another(
    announced: Announce, as_alice: Client, simulation: Simulation, other_storage: StorageBackend
) -> None:
    announced(sha256=SHA256)
    as_alice.post(f"/simulations/{simulation.pk}/deliver/", {"storage_id": "local:attic"})
    page = as_alice.get(f"/simulations/{simulation.pk}/").content.decode()

    assert Delivery.objects.filter(storage=other_storage).count() == 1
    assert "Extend" in page
    assert "delivered again by alice: to Attic" in page


def test_a_stranger_delivers_nothing_again(
    announced: Announce, charlie: User, simulation: Simulation
) -> None:
    announced(sha256=SHA256)
    stranger = Client()
    stranger.force_login(charlie)
    answer = stranger.post(f"/simulations/{simulation.pk}/deliver/", {"storage_id": "local"})

    assert answer.status_code == 404


def test_the_api_lists_extends_and_delivers_again(
    announced: Announce, as_alice: Client, simulation: Simulation, other_storage: StorageBackend
) -> None:
    announced(sha256=SHA256)
    path = f"/api/v1/simulations/{simulation.pk}/deliveries"
    made = as_alice.post(path, {"storage_backend_id": "local:attic"})

    assert made.status_code == 201
    assert made.json()["storage_backend_id"] == "local:attic"
    assert [each["state"] for each in as_alice.get(path).json()] == ["spooled", "announced"]
    refused = as_alice.post(path, {"storage_backend_id": "attic"})
    assert refused.status_code == 422
