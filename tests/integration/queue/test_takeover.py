"""A machine that packed is lost before the delivery: another one takes it over, and nothing goes out twice."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.errors import StorageRefusedError
from simcrate.pipeline.jobs import PackedSimulation, RunOutcome, RunState
from simcrate.portal.deliveries.discarding import discard_crate
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.repeating import needless_spools, repeat
from simcrate.portal.deliveries.retention import RowRetention
from simcrate.portal.deliveries.services import deliver_again
from simcrate.portal.queue.models import Part
from simcrate.portal.queue.parts import PartRows
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.queue.sightings import Sightings
from simcrate.portal.queue.takeover import LOST_AFTER, take_over
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.repacking import repack_simulation
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.workers.models import Worker
from simcrate.secret import Secret
from simcrate.storage import StoredCrate
from simcrate.worker.port import Claim, WorkKind
from tests.servers.clocks import Clock
from tests.servers.overtaking import overtaken_by

SHA256 = "ab" * 32
FINISH, DELIVERY = WorkKind.FINISH, WorkKind.DELIVERY
STORED = StoredCrate(remote_id="1", name="x/study.zip", size_bytes=9, digest="")


class Packer:
    """A machine that packs what others ran."""

    def __init__(self, machine: str) -> None:
        self.port = RowsPort(owner=f"{machine}/1/1.00", machine=machine, has_staging=True)
        self.parts = PartRows(owner=f"{machine}/1/1.00", machine=machine)

    def claim(self, kind: WorkKind) -> Claim:
        claim = self.port.claim([kind])
        assert claim is not None
        return claim

    def pack(self) -> Delivery:
        claim = self.claim(FINISH)
        delivery_id = self.port.finish_job(claim).delivery_id
        self.port.packed(
            claim,
            PackedSimulation(
                delivery_id=delivery_id, file_name="study.zip", size_bytes=9, sha256=SHA256,
                summary={}, problems=(),
            ),
        )  # fmt: skip
        return Delivery.objects.get(pk=delivery_id)


@pytest.fixture
def lost() -> Packer:
    Worker.objects.create(owner="lost/1/1.00", machine="lost", seen_at=Now() - LOST_AFTER * 1.1)
    return Packer("lost")


@pytest.fixture
def other() -> Packer:
    Worker.objects.create(owner="other/1/1.00", machine="other")
    return Packer("other")


@pytest.fixture
def packed(simulation: Simulation, worker: RowsPort, lost: Packer) -> Delivery:
    """By the machine that is lost then, of what a third one ran and staged."""
    parts = PartRows(owner="here/1/1.00", machine="here")
    for number in (0, 1):
        claim = worker.claim([WorkKind.RUN])
        assert claim is not None
        part = parts.ask_grant(claim, number=number, size_bytes=10, sha256=SHA256)
        parts.give(part, Secret("lcg_one-use"))
        parts.staged(claim)
        worker.end_run(claim, RunOutcome(number=number, state=RunState.COMPLETED, reason=""))
    return lost.pack()


def look(clock: Clock, times: int = 2, machine: str = "other") -> None:
    unseen = Sightings[str](clock)
    for _ in range(times):
        take_over(machine, unseen)
        clock.now_s += 600


def now(delivery: Delivery) -> Delivery:
    delivery.refresh_from_db()
    return delivery


def test_another_machine_packs_it_again_from_the_parts_for_a_delivery_of_its_own(
    packed: Delivery, other: Packer, clock: Clock
) -> None:
    look(clock)
    claim = other.claim(FINISH)

    assert len(other.parts.of_simulation(claim)) == 2
    other.port.release(claim)
    again = other.pack()
    assert again.pk != packed.pk
    assert other.claim(DELIVERY).id == str(again.pk)


def test_the_machine_that_comes_back_delivers_nothing_and_lets_its_spool_go(
    packed: Delivery, lost: Packer, other: Packer, clock: Clock
) -> None:
    look(clock)
    other.pack()

    assert lost.port.claim([DELIVERY]) is None
    assert now(packed).state == DeliveryState.FAILED
    assert "packed again" in packed.error
    assert list(needless_spools("lost")) == [packed]


def test_a_machine_that_comes_back_first_packs_without_fetching(
    packed: Delivery, lost: Packer, other: Packer, clock: Clock
) -> None:
    look(clock)

    assert lost.parts.of_simulation(lost.claim(FINISH)) == []


@pytest.mark.parametrize("hours", [0, 5])
def test_a_machine_that_was_seen_lately_keeps_its_work(
    packed: Delivery, lost: Packer, other: Packer, clock: Clock, hours: int
) -> None:
    Worker.objects.filter(machine="lost").update(seen_at=Now() - timedelta(hours=hours))
    look(clock)

    assert lost.claim(DELIVERY).id == str(packed.pk)


def test_one_look_is_none_because_a_clock_may_have_jumped(
    packed: Delivery, lost: Packer, other: Packer, clock: Clock
) -> None:
    look(clock, times=1)

    assert lost.claim(DELIVERY).id == str(packed.pk)


def test_a_machine_takes_nothing_over_from_itself(
    packed: Delivery, lost: Packer, clock: Clock
) -> None:
    look(clock, machine="lost")

    assert lost.claim(DELIVERY).id == str(packed.pk)


@pytest.mark.parametrize("of_no_use", [{"fence": 0}, {"staged_at": None}])
def test_parts_of_an_earlier_attempt_or_on_their_way_are_not_packed_again(
    packed: Delivery, other: Packer, clock: Clock, of_no_use: dict[str, Any]
) -> None:
    Part.objects.update(**of_no_use)
    look(clock)

    assert other.port.claim([FINISH]) is None
    assert "deliver it again when it is back" in now(packed).error


def test_what_its_machine_claims_meanwhile_is_left_alone(
    packed: Delivery, lost: Packer, other: Packer, clock: Clock
) -> None:
    with overtaken_by(lambda: lost.claim(DELIVERY)):
        look(clock)

    assert now(packed).state == DeliveryState.SPOOLED
    assert other.port.claim([FINISH]) is None


def test_what_somebody_has_claimed_is_left_alone(
    packed: Delivery, lost: Packer, other: Packer, clock: Clock
) -> None:
    lost.claim(DELIVERY)
    look(clock)

    assert now(packed).state == DeliveryState.SPOOLED
    assert other.port.claim([FINISH]) is None


def test_a_crate_that_arrived_without_a_link_is_swept(
    packed: Delivery, lost: Packer, other: Packer, clock: Clock
) -> None:
    claim = lost.claim(DELIVERY)
    lost.port.ledger(claim).stored(STORED)
    lost.port.release(claim)
    look(clock)

    assert [each.delivery_id for each in RowRetention("a test").expired()] == [packed.pk]


def test_what_has_a_link_is_announced_by_another_machine(
    packed: Delivery, other: Packer, clock: Clock
) -> None:
    Delivery.objects.update(state="linked")
    look(clock)

    assert other.claim(DELIVERY).id == str(packed.pk)
    assert other.port.claim([FINISH]) is None
    assert [event.note for event in packed.events.all()] == ["from lost"]


def test_what_is_delivered_again_from_a_link_is_taken_over(
    packed: Delivery, other: Packer, clock: Clock
) -> None:
    Delivery.objects.update(
        state="announced", announced_at=Now(), spool_released_at=Now(), link={"has_password": False}
    )
    again = Delivery.objects.create(
        simulation=packed.simulation, storage=packed.storage, machine="lost", keep_days=7,
        file_name="study.zip", sha256=SHA256, again_of=packed,
    )  # fmt: skip
    look(clock)

    assert other.claim(DELIVERY).id == str(again.pk)


def test_what_is_delivered_again_is_fetched_from_a_link_that_is_not_announced_yet(
    packed: Delivery, other: Packer, clock: Clock
) -> None:
    Delivery.objects.update(
        state="linked", link={"has_password": False}, link_url="http://files.example/study.zip"
    )
    again = repeat(now(packed), packed.storage, key=uuid.uuid4())
    look(clock)
    claims = [other.claim(DELIVERY) for _ in range(2)]
    (claim,) = (claim for claim in claims if claim.id == str(again.pk))

    origin = other.port.ledger(claim).read().origin
    assert origin is not None
    assert origin.link_url == "http://files.example/study.zip"


@pytest.fixture
def fallen_back(packed: Delivery, lost: Packer) -> Delivery:
    """The storage backend has refused the crate, and the delivery to the fallback has not begun."""
    fallback = StorageBackend.objects.create(
        name="Attic", identifier="local:attic", token="127.0.0.1:2", keep_days=7
    )
    Simulation.objects.update(fallback=fallback)
    refuse(lost)
    return Delivery.objects.get(storage=fallback)


def refuse(packer: Packer) -> None:
    """A storage backend's final no, and what a worker does after it."""
    claim = packer.claim(DELIVERY)
    packer.port.ledger(claim).failed(StorageRefusedError("the token was revoked"))
    packer.parts.delivered(claim)
    packer.port.release(claim)


def test_what_goes_to_the_fallback_is_packed_again_from_the_parts_and_goes_there(
    fallen_back: Delivery, other: Packer, clock: Clock
) -> None:
    look(clock)
    claim = other.claim(FINISH)
    assert len(other.parts.of_simulation(claim)) == 2
    other.port.release(claim)

    other.pack()
    refuse(other)
    again = Delivery.objects.get(pk=other.claim(DELIVERY).id)
    assert again.pk != fallen_back.pk
    assert again.storage == fallen_back.storage


def deliver(packer: Packer) -> None:
    """Announced, with its parts taken away."""
    claim = packer.claim(DELIVERY)
    Delivery.objects.update(state="announced", announced_at=Now(), spool_released_at=Now())
    assert len(packer.parts.delivered(claim)) == 2
    packer.port.release(claim)


def test_what_is_packed_again_without_parts_is_announced_as_failed(
    packed: Delivery, lost: Packer, other: Packer, clock: Clock
) -> None:
    deliver(lost)
    repack_simulation(packed.simulation, left_out=[])
    look(clock)

    assert other.port.claim([FINISH]) is None
    failed = Delivery.objects.get(pk=other.claim(DELIVERY).id)
    assert failed.state == DeliveryState.FAILED
    assert "run it again" in failed.error
    assert Simulation.objects.get().packed_at is not None


def test_what_was_packed_again_without_parts_is_announced_as_failed(
    packed: Delivery, lost: Packer, other: Packer, clock: Clock
) -> None:
    deliver(lost)
    repack_simulation(packed.simulation, left_out=[])
    second = lost.pack()
    look(clock)

    assert other.claim(DELIVERY).id == str(second.pk)
    assert now(second).state == DeliveryState.FAILED
    assert "run it again" in second.error


@pytest.fixture
def stranded(packed: Delivery, lost: Packer, other: Packer, clock: Clock) -> Delivery:
    """Of a machine that was lost without parts; another one has announced the failure."""
    Part.objects.all().delete()
    look(clock)
    claim = other.claim(DELIVERY)
    other.port.ledger(claim).announcing()
    other.port.ledger(claim).announced()
    other.port.release(claim)
    return now(packed)


def test_a_crate_that_was_lost_with_its_machine_is_delivered_again_from_there_when_it_is_back(
    stranded: Delivery, lost: Packer
) -> None:
    simulation = stranded.simulation
    again = deliver_again(simulation, storage_id="local", by=simulation.owner)

    assert lost.claim(DELIVERY).id == str(again.pk)


def test_a_crate_that_was_lost_with_its_machine_and_discarded_is_tidied_by_it(
    stranded: Delivery,
) -> None:
    discard_crate(stranded.simulation, who="alice")

    assert list(needless_spools("lost")) == [stranded]


def test_a_failure_of_a_lost_machine_that_nobody_has_announced_yet_is_told_once(
    packed: Delivery, other: Packer, clock: Clock
) -> None:
    Part.objects.all().delete()
    look(clock, times=4)

    assert packed.events.filter(what="taken over").count() == 1


def test_a_second_machine_that_is_lost_while_it_packs_again_is_followed_by_a_third(
    packed: Delivery, other: Packer, clock: Clock
) -> None:
    look(clock)
    claim = other.claim(FINISH)
    other.port.release(claim)
    Worker.objects.update(seen_at=Now() - LOST_AFTER * 2)
    third, unseen = Packer("third"), Sightings[str](clock)
    assert third.port.claim([FINISH]) is None
    for _ in range(2):
        take_over("third", unseen)
        clock.now_s += 600

    assert len(third.parts.of_simulation(third.claim(FINISH))) == 2
