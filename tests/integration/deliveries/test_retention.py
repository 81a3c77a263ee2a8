"""Crates go when their time has passed, and nothing else does."""

from __future__ import annotations

import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db.models.functions import Now
from django.test import Client
from simcrate_directory import DirectoryBackend

from simcrate.cli.storage import storage as storage_group
from simcrate.delivery import DeliveryState, deliver, find_orphans, open_ledger, sweep
from simcrate.delivery.jsonform import link_to_json
from simcrate.errors import DefinitionError, StorageAuthError, StorageUnreachableError
from simcrate.portal.deliveries.models import Delivery, DeliveryEvent
from simcrate.portal.deliveries.retention import RowRetention
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.models import StorageBackend
from simcrate.storage import Link, StoredCrate
from simcrate.storage.contract import make_source
from tests.integration.deliveries.conftest import CONTENT, Announce, Cloud, days_pass


@pytest.fixture
def ledger() -> RowRetention:
    return RowRetention("a test")


def events_of(delivery: Delivery) -> list[tuple[str, str]]:
    """Oldest first."""
    return list(delivery.events.order_by("id").values_list("what", "who"))


def test_before_its_expiry_a_crate_stays(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    announced()
    days_pass(6.99)

    assert sweep(ledger, cloud.open) == []
    assert len(cloud.crates()) == 1


def test_after_its_expiry_a_crate_is_removed_and_it_is_written_down_who_did_it_when(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    delivery = announced()
    days_pass(7.01)
    (removal,) = sweep(ledger, cloud.open)

    assert removal.is_removed
    assert cloud.crates() == []
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.REMOVED
    assert delivery.removed_at is not None
    assert events_of(delivery) == [("expiring", "a test"), ("removed", "a test")]


def test_what_is_postponed_is_not_removed_until_then(
    announced: Announce, ledger: RowRetention
) -> None:
    """As after a restore, which has brought back an expiry that was extended since."""
    long, expired, expiring = (announced() for _ in range(3))
    Delivery.objects.filter(pk__in=[expired.pk, expiring.pk]).update(expires_at=Now())
    Delivery.objects.filter(pk=expiring.pk).update(state="expiring")
    Delivery.objects.filter(pk=long.pk).update(expires_at=Now() + timedelta(days=30))
    done = CliRunner().invoke(storage_group, ["postpone", "--days", "3"])

    assert done.output.startswith("1 crates")
    for days, keys in (0, {expiring.pk}), (2.9, {expiring.pk}), (0.2, {expiring.pk, expired.pk}):
        days_pass(days)
        assert {each.delivery_id for each in ledger.expired()} == keys
    assert expired.events.get().note == "for 3 days from now"


def test_what_is_postponed_longer_than_its_link_lasts_is_told_and_kept(
    announced: Announce, ledger: RowRetention
) -> None:
    """It may have been extended at its provider since the database was saved."""
    ends = datetime.now(UTC) + timedelta(days=1)
    delivery, other = announced(), announced(expires_at=Now())
    link = link_to_json(Link(url="http://files.example", expires_at=ends))
    Delivery.objects.filter(pk=delivery.pk).update(expires_at=Now(), link=link)
    done = CliRunner().invoke(storage_group, ["postpone", "--days", "3"])

    doubt = f"unless it was extended since, its link ends at {ends:%Y-%m-%d %H:%M} UTC"
    assert done.output.splitlines()[1:] == [f"study.zip at Local storage: {doubt}"]
    assert delivery.events.get().note == f"for 3 days from now; {doubt}"
    assert other.events.get().note == "for 3 days from now"
    days_pass(2)
    assert list(ledger.expired()) == []


def test_a_crate_that_is_kept_for_ever_stays(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    announced(keep_days=0, expires_at=None)
    days_pass(10_000)
    sweep(ledger, cloud.open)

    assert len(cloud.crates()) == 1


def test_a_changed_setting_rewrites_no_old_promise(
    announced: Announce, cloud: Cloud, ledger: RowRetention, storage: StorageBackend
) -> None:
    announced()
    StorageBackend.objects.update(keep_days=1)
    days_pass(2)
    sweep(ledger, cloud.open)

    assert len(cloud.crates()) == 1


def test_a_dry_run_says_what_would_go_and_changes_nothing(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    delivery = announced()
    days_pass(8)
    (removal,) = sweep(ledger, cloud.open, dry_run=True)

    assert removal.expired.delivery_id == delivery.pk
    assert not removal.is_removed
    assert len(cloud.crates()) == 1
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.ANNOUNCED
    assert events_of(delivery) == []


def test_a_second_sweep_finds_nothing_to_do(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    announced()
    days_pass(8)
    sweep(ledger, cloud.open)

    assert sweep(ledger, cloud.open) == []
    assert DeliveryEvent.objects.count() == 2


def test_a_backend_that_is_down_is_tried_again_and_costs_the_others_nothing(
    announced: Announce, cloud: Cloud, ledger: RowRetention, other_storage: StorageBackend
) -> None:
    down = announced()
    announced(storage=other_storage)
    away = cloud.folder_of("local").rename(cloud.folder / "unmounted")
    days_pass(8)
    removals = {each.expired.storage_id: each for each in sweep(ledger, cloud.open)}

    assert removals["local:attic"].is_removed
    assert "mount it" in removals["local"].error
    assert sweep(ledger, cloud.open) == []  # not at once

    away.rename(cloud.folder_of("local"))
    days_pass(0.1)
    sweep(ledger, cloud.open)

    assert cloud.crates() == []
    assert [what for what, _ in events_of(down)] == ["expiring", "not removed", "removed"]


def test_the_same_failure_is_written_down_once(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    delivery = announced()
    shutil.rmtree(cloud.folder_of("local"))
    days_pass(8)
    for _ in range(3):
        sweep(ledger, cloud.open)
        days_pass(0.1)

    assert [what for what, _ in events_of(delivery)] == ["expiring", "not removed"]


def test_a_crate_that_somebody_else_has_removed_counts_as_removed(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    announced()
    (path,) = cloud.crates()
    shutil.rmtree(path.parent)
    days_pass(8)
    (removal,) = sweep(ledger, cloud.open)

    assert removal.is_removed


def test_another_file_in_its_place_is_left_alone_and_said(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    delivery = announced()
    stored = delivery.stored
    assert stored is not None
    Delivery.objects.update(stored={**stored, "digest": "sha256:" + "0" * 64})
    days_pass(8)
    (removal,) = sweep(ledger, cloud.open)

    assert not removal.is_removed
    assert removal.error
    assert len(cloud.crates()) == 1


def test_a_crate_that_is_refused_keeps_no_later_one_there(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    refused = announced()
    (path,) = cloud.crates()
    record = path.with_name(".crate.json")
    record.write_text(record.read_text().replace('"sha256:', '"sha256:00'))
    announced(expires_at=Now() + timedelta(days=7.5))
    days_pass(8)
    removals = {each.expired.delivery_id: each for each in sweep(ledger, cloud.open)}

    assert "left alone" in removals.pop(refused.pk).error
    assert [removal.is_removed for removal in removals.values()] == [True]
    assert cloud.crates() == [path]


def test_what_nobody_was_told_of_yet_stays(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    announced(state=DeliveryState.FAILED, announced_at=None)
    days_pass(8)

    assert sweep(ledger, cloud.open) == []
    assert len(cloud.crates()) == 1


def test_a_definition_that_cannot_be_used_costs_its_own_crates_time_only(
    announced: Announce, cloud: Cloud, ledger: RowRetention, other_storage: StorageBackend
) -> None:
    announced()
    announced(storage=other_storage)
    days_pass(8)

    def open_storage(storage_id: str) -> DirectoryBackend:
        if storage_id == "local":
            message = "its definition lacks 'folder'"
            raise DefinitionError(message)
        return cloud.open(storage_id)

    removals = {each.expired.storage_id: each for each in sweep(ledger, open_storage)}

    assert removals["local"].error == "its definition lacks 'folder'"
    assert removals["local:attic"].is_removed


def test_a_backend_that_is_down_is_asked_for_one_crate_only(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    asked: list[StoredCrate] = []

    class Down(DirectoryBackend):
        def delete(self, stored: StoredCrate) -> None:
            asked.append(stored)
            message = "the server does not answer"
            raise StorageUnreachableError(message)

    announced()
    announced()
    days_pass(8)
    down = Down(token="", config={"folder": "/", "base_url": "http://files.example"})
    removals = sweep(ledger, lambda _: down)

    assert [removal.error for removal in removals] == ["the server does not answer"] * 2
    assert len(asked) == 1


def test_a_definition_that_leads_elsewhere_by_now_removes_nothing_and_says_so(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    delivery = announced()
    elsewhere = cloud.folder / "elsewhere"
    elsewhere.mkdir()
    config = {"folder": str(elsewhere), "base_url": "http://elsewhere.example"}
    days_pass(8)
    (removal,) = sweep(ledger, lambda _: DirectoryBackend(token="", config=config))

    assert not removal.is_removed
    assert "stored at http://files.example" in removal.error
    assert len(cloud.crates()) == 1
    assert [what for what, _ in events_of(delivery)] == ["expiring", "not removed"]


class UndeletableBackend(DirectoryBackend):
    """Takes crates and removes none."""

    def delete(self, stored: StoredCrate) -> None:
        raise StorageAuthError("the token may not delete; give it that scope")


def test_a_removal_that_fails_stops_no_delivery(
    announced: Announce, cloud: Cloud, ledger: RowRetention, tmp_path: Path
) -> None:
    announced()
    days_pass(8)
    config = {"folder": str(cloud.folder_of("local")), "base_url": "http://files.example"}

    def opening(_: str = "") -> UndeletableBackend:
        return UndeletableBackend(token="", config=config)

    (removal,) = sweep(ledger, opening)
    (tmp_path / "new").mkdir()
    source = make_source(tmp_path / "new" / "study.zip", CONTENT)
    with open_ledger(
        source.path,
        delivery_id=uuid.uuid4(),
        size_bytes=source.size_bytes,
        sha256=source.sha256,
        keep_days=7,
    ) as new:
        record = deliver(new, opening, lambda _: None)

    assert "may not delete" in removal.error
    assert record.state is DeliveryState.ANNOUNCED
    assert len(cloud.crates()) == 2


def test_what_failed_after_its_upload_goes_too_in_time(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    delivery = announced(state="failed", link=None, link_url="", error="no links are allowed")
    days_pass(8)
    sweep(ledger, cloud.open)

    assert cloud.crates() == []
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("failed", "no links are allowed")


class Killed(BaseException):
    """What `kill -9` does, as far as one process can show."""


class DyingRetention(RowRetention):
    """Dies before or after one of its writes."""

    def __init__(self, point: str) -> None:
        super().__init__("a test")
        self._point = point

    def expiring(self, expired: object) -> bool:
        return bool(self._at("expiring", lambda: super(DyingRetention, self).expiring(expired)))  # type: ignore[arg-type]

    def removed(self, expired: object) -> None:
        self._at("removed", lambda: super(DyingRetention, self).removed(expired))  # type: ignore[arg-type]

    def _at(self, name: str, write: object) -> object:
        if self._point == f"before {name}":
            raise Killed
        value = write()  # type: ignore[operator]
        if self._point == f"after {name}":
            raise Killed
        return value


@pytest.mark.parametrize(
    "point", ["before expiring", "after expiring", "before removed", "after removed"]
)
def test_a_sweep_that_was_killed_anywhere_is_ended_by_the_next(
    announced: Announce, cloud: Cloud, ledger: RowRetention, point: str
) -> None:
    delivery = announced()
    days_pass(8)
    with pytest.raises(Killed):
        sweep(DyingRetention(point), cloud.open)
    sweep(ledger, cloud.open)

    assert cloud.crates() == []
    assert [what for what, _ in events_of(delivery)] == ["expiring", "removed"]


def test_orphans_are_found_and_never_touched(
    announced: Announce, cloud: Cloud, ledger: RowRetention, simulation: Simulation
) -> None:
    known = announced()
    under_way = Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, state="uploading", keep_days=7,
        machine="here", file_name="study.zip",
    )  # fmt: skip
    cloud.store("local", f"{under_way.pk}/study.zip")
    orphan, _ = cloud.store("local", "f3d5f1c2-0000-4000-8000-000000000000/study.zip")
    days_pass(10_000)
    Delivery.objects.filter(pk=known.pk).update(expires_at=None)
    sweep(ledger, cloud.open)

    (found,) = find_orphans(ledger, "local", cloud.open)
    assert found.remote_id == orphan["remote_id"]
    assert len(cloud.crates()) == 3


def test_a_removed_crate_that_is_back_is_an_orphan(
    announced: Announce, cloud: Cloud, ledger: RowRetention
) -> None:
    delivery = announced()
    days_pass(8)
    sweep(ledger, cloud.open)
    cloud.store("local", f"{delivery.pk}/study.zip")

    assert len(list(find_orphans(ledger, "local", cloud.open))) == 1


def test_a_link_ends_with_the_removal_of_its_crate(
    announced: Announce, cloud: Cloud, ledger: RowRetention, client: Client
) -> None:
    delivery = announced()
    assert client.get(f"/r/{delivery.permalink}").status_code == 302
    days_pass(8)
    sweep(ledger, cloud.open)

    page = client.get(f"/r/{delivery.permalink}")

    assert page.status_code == 410
    assert "expired" in page.content.decode()
