"""A run that has ended is handed over, however long that takes: its machine has the only copy."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from threading import Event

import pytest

from simcrate.errors import WorkEndedError
from simcrate.pipeline.jobs import Progress, RunOutcome, RunState
from simcrate.pipeline.place import Place
from simcrate.pipeline.watch import Watch
from simcrate.portal.queue.models import Part as PartRow
from simcrate.portal.queue.parts import PartRows
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Simulation
from simcrate.secret import Secret
from simcrate.worker import staging as handing_over
from simcrate.worker.parts import Part
from simcrate.worker.port import Claim, WorkKind
from simcrate.worker.staging import Staging, stage_run
from simcrate.worker.tasks import _handed_over
from tests.servers.disks import full_disk
from tests.servers.http_double import Fault, HttpDouble, Reply, Request

PROBLEM = (("Content-Type", "application/problem+json"),)
RESULT_BYTES = 400_000
COMPLETED = RunOutcome(number=0, state=RunState.COMPLETED, reason="It reached its end.")
CANCELLED = RunOutcome(number=0, state=RunState.CANCELLED, reason="Cancelled.")
STORED = Reply(201, b"{}")


class GivenAtOnce(PartRows):
    """Beside a machine that gives every grant."""

    def ask_grant(self, claim: Claim, *, number: int, size_bytes: int, sha256: str) -> Part:
        part = super().ask_grant(claim, number=number, size_bytes=size_bytes, sha256=sha256)
        self.give(part, Secret("lcg_one-use"))
        return part


NO_GRANTS = PartRows(owner="here/1/1.00", machine="here")
WITH_GRANTS = GivenAtOnce(owner="here/1/1.00", machine="here")


@pytest.fixture
def claim(simulation: Simulation, worker: RowsPort) -> Claim:
    claim = worker.claim([WorkKind.RUN])
    assert claim is not None
    return claim


@pytest.fixture
def place(claim: Claim, tmp_path: Path) -> Place:
    """Of run 0, which has ended."""
    place = Place(tmp_path, claim.simulation_id)
    place.result_dir(0).mkdir(parents=True)
    (place.result_dir(0) / "a.vec").write_bytes(os.urandom(RESULT_BYTES))
    return place


def by(server: HttpDouble) -> Staging:
    """Of a machine that only runs."""
    return Staging(url=server.url, parts=WITH_GRANTS, secret=None)


def stage(server: HttpDouble, claim: Claim, place: Place, watch: Watch) -> None:
    stage_run(by(server), claim, 0, place, watch)


@pytest.mark.parametrize(
    ("status", "code"), [(410, "expired"), (401, "secret-unknown"), (404, "not-found")]
)
def test_a_grant_that_is_no_good_any_more_is_asked_for_anew(
    claim: Claim, place: Place, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    monkeypatch.setattr(handing_over, "RETRY_S", 0.01)
    with HttpDouble(lambda _: STORED) as server:
        refused = Reply(status, f'{{"code": "{code}"}}'.encode(), PROBLEM)
        server.faults.on("PUT", Fault("before", refused), times=2)
        stage(server, claim, place, Watch())

    assert len(server.seen) == 3
    assert PartRow.objects.get().staged_at is not None


def test_a_worker_that_is_told_to_end_sends_no_more(claim: Claim, place: Place) -> None:
    watch = Watch()

    class ToldToEnd(GivenAtOnce):
        def grant(self, claim: Claim) -> Secret | None:
            watch.abandon()
            return super().grant(claim)

    parts = ToldToEnd(owner="here/1/1.00", machine="here")
    with HttpDouble(lambda _: STORED) as server:
        staging = Staging(url=server.url, parts=parts, secret=None)
        with pytest.raises(WorkEndedError):
            stage_run(staging, claim, 0, place, watch)

    assert PartRow.objects.get().staged_at is None


@pytest.mark.parametrize("can_be_packed", [True, False])
def test_a_run_that_is_refused_for_good_has_failed_and_stays_on_its_machine_which_is_said(
    claim: Claim, place: Place, *, can_be_packed: bool
) -> None:
    if not can_be_packed:
        place.part_path(0).parent.write_text("a file where a directory should be")
    with HttpDouble(lambda _: Reply(413, b'{"code": "too-large"}', PROBLEM)) as server:
        outcome = _handed_over(by(server), claim, COMPLETED, place, Watch())

    why = "larger than the server takes" if can_be_packed else "File exists"
    assert outcome.state is RunState.FAILED
    assert why in outcome.reason
    assert outcome.reason.startswith("It reached its end. Its results could not be handed over: ")
    assert "stay on the machine that ran it" in outcome.reason
    assert place.has_only_copies
    assert list(place.result_dir(0).iterdir())


class Unhurried(Event):
    """Waits for nothing, and gives up where something waits for ever."""

    waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        assert self.waits < 1000
        return False


@pytest.mark.parametrize(
    ("staging", "why"),
    [
        (Staging(url="http://127.0.0.1:1", parts=WITH_GRANTS, secret=None), "nobody answers"),
        (Staging(url="http://127.0.0.1:1", parts=NO_GRANTS, secret=None), "has given a grant"),
    ],
)
def test_a_run_whose_owner_cancels_waits_no_longer_and_stays_on_its_machine(
    claim: Claim, place: Place, staging: Staging, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(handing_over.ENOUGH_S, "cancelled", 2 * handing_over.UNTOLD_S)
    watch = Watch()
    watch.abandoned = Unhurried()
    watch.end(RunState.CANCELLED)

    outcome = _handed_over(staging, claim, CANCELLED, place, watch)

    assert outcome.state is RunState.FAILED
    assert why in outcome.reason
    assert place.has_only_copies
    shown = watch.take()
    assert shown is not None
    assert why in shown.waits_for


def test_a_grant_that_is_given_soon_is_not_said_to_be_waited_for(
    claim: Claim, place: Place
) -> None:
    class GivenSoon(PartRows):
        asked = 0

        def grant(self, claim: Claim) -> Secret | None:
            self.asked += 1
            return Secret("lcg_one-use") if self.asked > 3 else None

    watch = Watch()
    watch.abandoned = Unhurried()
    shown = []

    def store(_: Request) -> Reply:
        shown.append(watch.take())
        return STORED

    parts = GivenSoon(owner="here/1/1.00", machine="here")
    with HttpDouble(store) as server:
        stage_run(Staging(url=server.url, parts=parts, secret=None), claim, 0, place, watch)

    assert watch.abandoned.waits == 3
    assert shown == [Progress(stage="", waits_for=handing_over.ON_THEIR_WAY)]


def test_what_was_waited_for_is_shown_no_longer_than_that(claim: Claim, place: Place) -> None:
    watch = Watch()
    shown = []

    class Looks(Unhurried):
        def wait(self, timeout: float | None = None) -> bool:
            shown.append(watch.take())
            return super().wait(timeout)

    def store(_: Request) -> Reply:
        shown.append(watch.take())
        return STORED

    watch.abandoned = Looks()
    full = Fault("before", Reply(507, b'{"code": "full"}', PROBLEM))
    with HttpDouble(store) as server:
        server.faults.on("PUT", full, times=2)
        stage(server, claim, place, watch)

    waits_for = [one.waits_for if one else "" for one in shown]
    assert ["waits to be handed over" in one for one in waits_for] == [True, True, False]
    assert waits_for[-1] == handing_over.ON_THEIR_WAY


def test_a_run_whose_fresh_grants_are_all_refused_stays_on_its_machine(
    claim: Claim, place: Place
) -> None:
    watch = Watch()
    watch.abandoned = Unhurried()
    unknown = Reply(401, b'{"code": "secret-unknown"}', PROBLEM)
    with HttpDouble(lambda _: unknown) as server:
        outcome = _handed_over(by(server), claim, COMPLETED, place, watch)

    assert outcome.state is RunState.FAILED
    assert place.has_only_copies


def test_a_run_that_finds_no_space_for_days_stays_on_its_machine(
    claim: Claim, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(handing_over.ENOUGH_S, "full", 10 * handing_over.FULL_DISK_RETRY_S)
    watch = Watch()
    watch.abandoned = Unhurried()
    with HttpDouble(lambda _: STORED) as server, full_disk(beyond_bytes=RESULT_BYTES // 2):
        outcome = _handed_over(by(server), claim, COMPLETED, place, watch)

    assert outcome.state is RunState.FAILED
    assert "make room" in outcome.reason
    assert place.has_only_copies


def test_a_run_that_was_handed_over_and_cannot_be_removed_has_not_failed(
    claim: Claim, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(handing_over, "remove_tree", fail)
    with HttpDouble(lambda _: STORED) as server:
        stage(server, claim, place, Watch())

    assert PartRow.objects.get().staged_at is not None


def test_a_disk_that_has_no_space_for_the_part_is_waited_for(claim: Claim, place: Place) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    waits = []

    class RoomIsMade(Event):
        """While it is waited for."""

        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            return False

    watch = Watch()
    watch.abandoned = RoomIsMade()
    resource.setrlimit(resource.RLIMIT_FSIZE, (RESULT_BYTES // 2, limits[1]))
    try:
        with HttpDouble(lambda _: STORED) as server:
            stage(server, claim, place, watch)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert waits == [handing_over.FULL_DISK_RETRY_S]
    assert PartRow.objects.get().staged_at is not None
