"""The machine that packs fetches what other machines ran."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.models import F

from simcrate.errors import DiskFullError, LeaseLostError
from simcrate.pipeline.jobs import RunOutcome, RunState
from simcrate.pipeline.part import pack_part
from simcrate.pipeline.place import Place
from simcrate.pipeline.watch import Watch
from simcrate.portal.queue.parts import PartRows
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Simulation
from simcrate.secret import Secret
from simcrate.worker.parts import Part
from simcrate.worker.port import Claim, WorkKind
from simcrate.worker.staging import Staging, fetch_parts
from tests.servers.disks import full_disk
from tests.servers.http_double import HttpDouble, Reply, Request

RESULT_BYTES = (200_000, 400_000)
"""Of each run."""


@pytest.fixture
def part_paths(simulation: Simulation, worker: RowsPort, tmp_path: Path) -> list[Path]:
    """What another machine has staged."""
    there = Place(tmp_path / "there", simulation.pk)
    return [_staged(worker, there, number, size) for number, size in enumerate(RESULT_BYTES)]


def _staged(worker: RowsPort, there: Place, number: int, size_bytes: int) -> Path:
    claim = worker.claim([WorkKind.RUN])
    assert claim is not None
    assert claim.run_number == number
    there.result_dir(number).mkdir(parents=True)
    (there.result_dir(number) / "a.vec").write_bytes(bytes(size_bytes))
    packed = pack_part(there, number)
    parts = PartRows(owner="here/1/1.00", machine="here")
    parts.ask_grant(claim, number=number, size_bytes=packed.size_bytes, sha256=packed.sha256)
    parts.staged(claim)
    worker.end_run(claim, RunOutcome(number=number, state=RunState.COMPLETED, reason=""))
    return packed.path


@pytest.fixture
def claim(part_paths: list[Path]) -> Claim:
    """Of the packing, on a machine that ran nothing."""
    claim = RowsPort(owner="packer/1/1.00", machine="packer", has_staging=True).claim(
        [WorkKind.FINISH]
    )
    assert claim is not None
    return claim


@pytest.fixture
def server(part_paths: list[Path]) -> Iterator[HttpDouble]:
    contents = {f"/d/{number}": path.read_bytes() for number, path in enumerate(part_paths)}
    found = [
        {"sha256": hashlib.sha256(content).hexdigest(), "url": url}
        for url, content in contents.items()
    ]

    def answer(request: Request) -> Reply:
        if request.path in contents:
            return Reply(200, contents[request.path])
        return Reply(200, json.dumps({"objects": found}).encode())

    with HttpDouble(answer) as server:
        yield server


@pytest.fixture
def here(simulation: Simulation, tmp_path: Path) -> Place:
    return Place(tmp_path / "here", simulation.pk)


def fetch(server: HttpDouble, claim: Claim, here: Place, rows: type[PartRows] = PartRows) -> None:
    parts = rows(owner="packer/1/1.00", machine="packer")
    staging = Staging(url=server.url, parts=parts, secret=Secret("s"))
    fetch_parts(staging, claim, here, Watch())


@pytest.mark.parametrize("beyond_bytes", [1000, RESULT_BYTES[0] - 1, RESULT_BYTES[1] - 1])
def test_parts_that_there_is_no_space_for_take_none(
    server: HttpDouble, claim: Claim, here: Place, beyond_bytes: int
) -> None:
    with full_disk(beyond_bytes=beyond_bytes), pytest.raises(DiskFullError):
        fetch(server, claim, here)

    assert not [path for path in here.var_dir.rglob("*") if path.is_file()]


def test_parts_stay_when_another_worker_of_the_machine_packs_them_by_now(
    server: HttpDouble, claim: Claim, here: Place
) -> None:
    class TakenOver(PartRows):
        def of_simulation(self, claim: Claim) -> list[Part]:
            parts = super().of_simulation(claim)
            Simulation.objects.update(fence=F("fence") + 1)
            return parts

    with full_disk(beyond_bytes=RESULT_BYTES[1] - 1), pytest.raises(LeaseLostError):
        fetch(server, claim, here, TakenOver)

    assert (here.result_dir(0) / "a.vec").exists()


def test_a_part_that_was_fetched_leaves_its_run_and_no_zip(
    server: HttpDouble, claim: Claim, here: Place
) -> None:
    fetch(server, claim, here)

    assert (here.result_dir(0) / "a.vec").stat().st_size == RESULT_BYTES[0]
    assert not here.part_path(0).exists()


def test_a_part_is_fetched_once_also_when_packing_is_tried_again(
    server: HttpDouble, claim: Claim, here: Place
) -> None:
    for _ in range(2):
        fetch(server, claim, here)

    assert server.seen.count("GET /d/0") == 1


def test_the_part_of_another_attempt_is_fetched(
    server: HttpDouble, claim: Claim, here: Place
) -> None:
    fetch(server, claim, here)
    here.part_digest_path(0).write_text("that of the first attempt")
    (here.result_dir(0) / "a.vec").unlink()
    fetch(server, claim, here)

    assert (here.result_dir(0) / "a.vec").exists()
