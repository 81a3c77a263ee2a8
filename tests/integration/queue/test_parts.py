"""The rows of parts: asked for, granted, staged, fetched, lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from simcrate.errors import CrateError, LeaseLostError
from simcrate.pipeline.jobs import PackedSimulation, RunOutcome, RunState
from simcrate.portal.deliveries.discarding import discard_crate
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.queue.lease import MAX_RECLAIMS
from simcrate.portal.queue.models import Part as PartRow
from simcrate.portal.queue.parts import PartRows
from simcrate.portal.queue.port import PACK_TRIES, RowsPort
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulations.repacking import repack_simulation
from simcrate.secret import Secret
from simcrate.worker.parts import Part
from simcrate.worker.port import Claim, WorkKind

SHA256 = "ab" * 32
GRANT = Secret("lcg_one-use")


@pytest.fixture
def parts() -> PartRows:
    """Of the machine that runs."""
    return PartRows(owner="here/1/1.00", machine="here")


@pytest.fixture
def packer() -> RowsPort:
    """Another machine, which packs what others ran."""
    return RowsPort(owner="there/1/1.00", machine="there", has_staging=True)


@pytest.fixture
def packers_parts() -> PartRows:
    return PartRows(owner="there/1/1.00", machine="there")


@pytest.fixture
def claim(simulation: Simulation, worker: RowsPort) -> Claim:
    Run.objects.filter(number=1).delete()
    claim = worker.claim([WorkKind.RUN])
    assert claim is not None
    return claim


def ask(parts: PartRows, claim: Claim) -> Part:
    return parts.ask_grant(claim, number=0, size_bytes=10, sha256=SHA256)


def stage(parts: PartRows, worker: RowsPort, claim: Claim) -> Part:
    part = ask(parts, claim)
    parts.give(part, GRANT)
    parts.staged(claim)
    worker.end_run(claim, RunOutcome(number=0, state=RunState.COMPLETED, reason=""))
    return part


def finish(packer: RowsPort) -> Claim:
    claim = packer.claim([WorkKind.FINISH])
    assert claim is not None
    return claim


def pack(packer: RowsPort) -> Claim:
    """The finish that was packed, and whose delivery was announced."""
    claim = finish(packer)
    job = packer.finish_job(claim)
    packer.packed(
        claim,
        PackedSimulation(
            delivery_id=job.delivery_id, file_name="study.zip", size_bytes=9, sha256=SHA256,
            summary={}, problems=(),
        ),
    )  # fmt: skip
    Delivery.objects.update(announced_at=Now())
    return claim


def fail_to_pack(packer: RowsPort) -> Claim:
    """The finish that was given up, and whose failure was announced."""
    Simulation.objects.update(attempts=PACK_TRIES - 1)
    claim = finish(packer)
    packer.not_packed(claim, CrateError("no crate could be written"))
    Delivery.objects.update(announced_at=Now())
    return claim


def weeks_pass() -> None:
    PartRow.objects.update(staged_at=Now() - timedelta(weeks=3))


def test_a_grant_reaches_whoever_asked(
    claim: Claim, parts: PartRows, packers_parts: PartRows
) -> None:
    part = ask(parts, claim)
    assert parts.grant(claim) is None
    assert packers_parts.wanted() == [part]

    packers_parts.give(part, GRANT)

    assert parts.grant(claim) == GRANT
    assert packers_parts.wanted() == []


def test_a_used_grant_is_kept_nowhere(claim: Claim, parts: PartRows) -> None:
    part = ask(parts, claim)
    parts.give(part, GRANT)
    parts.staged(claim)
    parts.give(part, GRANT)  # of another machine that was slower

    assert parts.grant(claim) is None
    assert parts.wanted() == []


def test_nobody_waits_for_the_grant_of_a_run_whose_worker_died(
    claim: Claim, worker: RowsPort, parts: PartRows
) -> None:
    ask(parts, claim)
    worker.recover(lambda _: False)

    assert parts.wanted() == []


def test_another_attempt_at_the_run_asks_anew_and_the_first_one_gets_nothing(
    claim: Claim, worker: RowsPort, other_worker: RowsPort, parts: PartRows
) -> None:
    first = ask(parts, claim)
    worker.recover(lambda _: False)
    again = other_worker.claim([WorkKind.RUN])
    assert again is not None
    second = ask(PartRows(owner="here/2/2.00", machine="here"), again)
    parts.give(first, GRANT)

    assert second.key != first.key
    assert parts.wanted() == [second]
    for stale in (
        lambda: parts.grant(claim),
        lambda: parts.staged(claim),
        lambda: ask(parts, claim),
    ):
        with pytest.raises(LeaseLostError):
            stale()


def test_a_machine_packs_what_another_one_ran(
    claim: Claim, worker: RowsPort, parts: PartRows, packer: RowsPort, packers_parts: PartRows
) -> None:
    part = stage(parts, worker, claim)

    assert packers_parts.of_simulation(finish(packer)) == [part]


def test_a_machine_fetches_nothing_of_its_own(
    claim: Claim, worker: RowsPort, parts: PartRows
) -> None:
    stage(parts, worker, claim)

    assert parts.of_simulation(finish(worker)) == []


def test_a_part_of_an_earlier_attempt_is_none_of_the_crate(
    claim: Claim,
    worker: RowsPort,
    other_worker: RowsPort,
    parts: PartRows,
    packer: RowsPort,
    packers_parts: PartRows,
) -> None:
    parts.give(ask(parts, claim), GRANT)
    parts.staged(claim)
    worker.recover(lambda _: False)
    again = other_worker.claim([WorkKind.RUN])
    assert again is not None
    other_worker.end_run(again, RunOutcome(number=0, state=RunState.FAILED, reason="No disk."))

    assert packers_parts.of_simulation(finish(packer)) == []


def test_a_part_that_is_lost_is_run_again_before_anything_is_packed(
    claim: Claim, worker: RowsPort, parts: PartRows, packer: RowsPort, packers_parts: PartRows
) -> None:
    part = stage(parts, worker, claim)
    finishing = finish(packer)
    packers_parts.lost(finishing, part)
    packer.release(finishing)

    assert packer.claim([WorkKind.FINISH]) is None
    assert worker.claim([WorkKind.RUN]) is not None


def test_who_has_lost_the_finish_lets_nothing_run_again(
    claim: Claim, worker: RowsPort, parts: PartRows, packer: RowsPort, packers_parts: PartRows
) -> None:
    part = stage(parts, worker, claim)
    stale = finish(packer)
    packer.recover(lambda _: False)
    finish(packer)

    with pytest.raises(LeaseLostError):
        packers_parts.lost(stale, part)
    assert Run.objects.get().state == RunState.COMPLETED


def test_a_run_whose_parts_are_lost_again_and_again_fails(
    claim: Claim, worker: RowsPort, parts: PartRows, packer: RowsPort, packers_parts: PartRows
) -> None:
    for _ in range(MAX_RECLAIMS):
        part = stage(parts, worker, claim)
        finishing = finish(packer)
        packers_parts.lost(finishing, part)
        packer.release(finishing)
        again = worker.claim([WorkKind.RUN])
        assert again is not None
        claim = again
    part = stage(parts, worker, claim)
    packers_parts.lost(finish(packer), part)
    worker.recover(lambda _: True)

    assert Run.objects.get().state == RunState.FAILED


def test_what_was_packed_is_packed_again_by_the_machine_that_has_it(
    claim: Claim, worker: RowsPort, parts: PartRows, packer: RowsPort, packers_parts: PartRows
) -> None:
    part = stage(parts, worker, claim)
    assert packers_parts.delivered(pack(packer)) == [part]
    repack_simulation(Simulation.objects.get(), left_out=[])

    elsewhere = RowsPort(owner="third/1/1.00", machine="third", has_staging=True)
    assert elsewhere.claim([WorkKind.FINISH]) is None
    assert packers_parts.of_simulation(finish(packer)) == []


def test_what_is_packed_again_needs_no_parts(
    parts: PartRows, worker: RowsPort, claim: Claim, packer: RowsPort, packers_parts: PartRows
) -> None:
    stage(parts, worker, claim)
    pack(packer)
    repack_simulation(Simulation.objects.get(), left_out=[])

    assert packers_parts.of_simulation(finish(packer)) == []


def test_what_could_not_be_packed_stays_staged_until_it_is(
    parts: PartRows, worker: RowsPort, claim: Claim, packer: RowsPort, packers_parts: PartRows
) -> None:
    part = stage(parts, worker, claim)
    assert packers_parts.delivered(fail_to_pack(packer)) == []

    repack_simulation(Simulation.objects.get(), left_out=[])
    finishing = finish(packer)
    assert packers_parts.of_simulation(finishing) == [part]
    packer.release(finishing)
    assert packers_parts.delivered(pack(packer)) == [part]


def test_what_could_not_be_packed_is_needed_until_it_is_discarded(
    parts: PartRows, worker: RowsPort, claim: Claim, packer: RowsPort, packers_parts: PartRows
) -> None:
    part = stage(parts, worker, claim)
    fail_to_pack(packer)
    assert packers_parts.needed_still() == []  # it was staged a moment ago
    weeks_pass()
    assert (packers_parts.needed_still(), packers_parts.discarded()) == ([part], [])

    discard_crate(Simulation.objects.get(), who="alice")
    assert (packers_parts.needed_still(), packers_parts.discarded()) == ([], [part])
    assert packers_parts.discarded() == []


def test_what_waits_for_its_last_run_is_needed_and_what_was_delivered_is_not(
    parts: PartRows, worker: RowsPort, claim: Claim, packer: RowsPort, packers_parts: PartRows
) -> None:
    part = stage(parts, worker, claim)
    weeks_pass()
    assert packers_parts.needed_still() == [part]

    pack(packer)
    assert (packers_parts.needed_still(), packers_parts.discarded()) == ([], [])


def test_what_only_a_lost_machine_has_packed_stays_staged(
    parts: PartRows, worker: RowsPort, claim: Claim, packer: RowsPort
) -> None:
    stage(parts, worker, claim)
    successor = PartRows(owner="third/1/1.00", machine="third")

    assert successor.delivered(pack(packer)) == []
