"""A run as one zip, from one machine to another."""

from __future__ import annotations

import json
import os
import shutil
import socket
import uuid
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simcrate.crate import (
    CrateContents,
    Member,
    Provenance,
    Refused,
    Role,
    pack_crate,
)
from simcrate.errors import CrateError, DiskFullError
from simcrate.pipeline.jobs import RunOutcome, RunState, Submission
from simcrate.pipeline.leftover import NAME, Leftover
from simcrate.pipeline.pack import PackJob, pack
from simcrate.pipeline.part import LOG, is_unpacked, note_unpacked, pack_part, unpack_part
from simcrate.pipeline.place import Place
from simcrate.pipeline.resultdir import gather_results
from simcrate.pipeline.watch import Watch
from tests.servers.disks import full_disk

FILES = {"General-#0.sca": b"version 3\n", "deep/trace.bin": bytes(range(256)), "100%25.txt": b"x"}
SUBMISSION = Submission(
    id=uuid.UUID(int=1), title="Study", simulator="oppsim", ini_name="omnetpp.ini", config="General",
    run_filter="", precision_s=10, submitter="Alice", licence="CC-BY-4.0",
    submitted_at=datetime(2026, 11, 25, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
def there(tmp_path: Path) -> Place:
    """A machine that has done run 3."""
    place = Place(tmp_path / "there", uuid.uuid4())
    for name, content in FILES.items():
        path = place.result_dir(3) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    place.log_path(3).write_text("End.\n")
    return place


@pytest.fixture
def here(tmp_path: Path, there: Place) -> Place:
    """The machine that packs."""
    return Place(tmp_path / "here", there.simulation_id)


def carry(there: Place, here: Place) -> Path:
    """Pack it there, and have the zip here."""
    path = here.part_path(3)
    path.parent.mkdir(parents=True)
    path.write_bytes(pack_part(there, 3).path.read_bytes())
    return path


def pack_as_part(there: Place, here: Place, *own: Member) -> None:
    """The results and the log as a part, with members of one's own and no other record."""
    log = Member(source=there.log_path(3), name=LOG, role=Role.LOG)
    here.part_path(3).parent.mkdir(parents=True)
    pack_crate(
        CrateContents(members=(log, *own, *gather_results(there.result_dir(3)).members)),
        Provenance(title="Run 3", description="", created_at=SUBMISSION.submitted_at),
        here.part_path(3),
    )


def files_below(directory: Path) -> dict[str, bytes]:
    paths = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def test_a_part_becomes_the_run_directory_that_it_was(there: Place, here: Place) -> None:
    carry(there, here)
    unpack_part(here, 3)

    assert files_below(here.result_dir(3)) == FILES
    assert here.log_path(3).read_text() == "End.\n"


def test_what_an_earlier_attempt_left_here_does_not_mix_with_it(there: Place, here: Place) -> None:
    here.result_dir(3).mkdir(parents=True)
    (here.result_dir(3) / "stale.sca").write_text("stale")
    carry(there, here)
    unpack_part(here, 3)

    assert files_below(here.result_dir(3)) == FILES


def crate_of(place: Place) -> tuple[list[dict[str, str]], list[str]]:
    """What a crate of the run says it leaves out, and what it holds."""
    outcome = RunOutcome(number=3, state=RunState.COMPLETED, reason="")
    job = PackJob(submission=SUBMISSION, outcomes=[outcome], problems=[], content_digest="")
    place.fresh(place.input_dir)
    place.fresh(place.made_dir)
    target = place.var_dir / "crate.zip"
    pack(job, place, target, Watch())
    with zipfile.ZipFile(target) as crate:
        return json.loads(crate.read("run.json"))["left_out"], crate.namelist()


def test_what_no_crate_can_hold_is_listed_wherever_the_run_ran(
    there: Place, here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = there.result_dir(3)
    (results / "same.sca").symlink_to("General-#0.sca")
    (results / "deep" / "up.sca").symlink_to("../General-#0.sca")
    (results / "out").symlink_to("/etc/passwd")
    (results / "gone").symlink_to("nothing")
    (results / "all").symlink_to("deep")
    os.mkfifo(results / "pipe\n")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(results)  # a socket's path must be short
        server.bind("s")
    ran_and_packed = crate_of(there)
    carry(there, here)
    unpack_part(here, 3)

    left_out, names = crate_of(here)
    assert {Path(one["name"]).name for one in left_out} == {"out", "gone", "all", "pipe%0A", "s"}
    assert "results/run-3/deep/up.sca" in names
    assert (left_out, names) == ran_and_packed


@pytest.mark.parametrize("target", ["../../../../../secrets", "..", "/", "nothing", "results"])
def test_what_stands_in_the_place_of_the_results_is_not_followed_wherever_the_run_ran(
    there: Place, here: Place, target: str
) -> None:
    (there.var_dir / "secrets").mkdir()
    (there.var_dir / "secrets" / "field-keys").write_text("secret")
    shutil.rmtree(there.result_dir(3))
    there.result_dir(3).symlink_to(target)
    ran_and_packed = crate_of(there)
    carry(there, here)
    unpack_part(here, 3)

    left_out, names = crate_of(here)
    assert left_out == [{"name": "results/run-3/", "why": "a link in the place of the directory"}]
    assert not [name for name in names if name.startswith("results/")]
    assert (left_out, names) == ran_and_packed


def test_links_stay_links_and_times_stay(there: Place, here: Place) -> None:
    (there.result_dir(3) / "deep" / "up.sca").symlink_to("../General-#0.sca")
    os.utime(there.result_dir(3) / "General-#0.sca", (1_600_000_000, 1_600_000_000))
    carry(there, here)
    unpack_part(here, 3)

    link = here.result_dir(3) / "deep" / "up.sca"
    assert link.is_symlink()
    assert link.read_bytes() == FILES["General-#0.sca"]
    assert link.stat().st_mtime == 1_600_000_000


def test_packing_a_part_leaves_nothing_but_the_part(there: Place) -> None:
    part = pack_part(there, 3).path

    assert list(part.parent.iterdir()) == [part]
    assert not there.leftover_path(3).exists()


def test_a_part_of_a_version_that_kept_no_record_is_unpacked(there: Place, here: Place) -> None:
    pack_as_part(there, here)
    unpack_part(here, 3)

    assert files_below(here.result_dir(3)) == FILES
    assert here.log_path(3).read_text() == "End.\n"


def test_a_record_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    refused = {"name": "pipe", "why": "no regular file", "more": 1}
    record = {"links": {}, "modified_ns": {}, "refused": [refused], "more": 1}

    assert Leftover.from_json(json.dumps(record)).refused == (
        Refused(name="pipe", why="no regular file"),
    )


def test_an_outcome_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    outcome = RunOutcome(number=3, state=RunState.COMPLETED, reason="", command=("oppsim",))

    assert RunOutcome.from_json({**outcome.to_json(), "of_a_later_version": 1}) == outcome


def test_an_outcome_of_an_earlier_version_lacks_what_came_later() -> None:
    earlier = {"number": 3, "state": "completed", "reason": "", "command": []}

    assert RunOutcome.from_json(earlier) == RunOutcome(
        number=3, state=RunState.COMPLETED, reason=""
    )


@pytest.mark.parametrize(
    "record",
    [
        {"links": {"a": "../../../x"}, "modified_ns": {}, "refused": []},
        {"links": {"/tmp/a": "b"}, "modified_ns": {}, "refused": []},
        {"links": {}, "modified_ns": {"%2e%2e/a": 1}, "refused": []},
    ],
)
def test_a_record_that_would_leave_the_directory_is_refused(tmp_path: Path, record: object) -> None:
    with pytest.raises(CrateError, match="would leave its directory"):
        Leftover.from_json(json.dumps(record)).restore(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"links": 1, "modified_ns": {}, "refused": []}'])
def test_a_record_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CrateError, match="does not tell what the run left"):
        Leftover.from_json(text)


DEEP = "[" * 100_000
NO_RECORD: dict[str, object] = {"links": {}, "modified_ns": {}, "refused": []}


@pytest.mark.parametrize(
    "text",
    [
        DEEP,
        json.dumps({**NO_RECORD, "links": {"a": 1}}),
        json.dumps({**NO_RECORD, "links": {"a": "\ud800"}}),
        json.dumps({**NO_RECORD, "links": {"deep/trace.bin/a": "b"}}),
        json.dumps({**NO_RECORD, "links": {"General-#0.sca": "b"}}),
        json.dumps({**NO_RECORD, "links": {"a%00": "b"}}),
        json.dumps({**NO_RECORD, "links": {"a" * 300: "b"}}),
        json.dumps({**NO_RECORD, "modified_ns": {"nothing.sca": 1}}),
        json.dumps({**NO_RECORD, "modified_ns": {"deep/trace.bin": 10**40}}),
        '{"links": {}, "modified_ns": {"deep/trace.bin": 1e999}, "refused": []}',
        json.dumps({**NO_RECORD, "refused": [{"name": 1, "why": ""}]}),
    ],
)
def test_a_part_whose_record_is_nonsense_is_named(
    there: Place, here: Place, tmp_path: Path, text: str
) -> None:
    (tmp_path / "record").write_text(text)
    pack_as_part(there, here, Member(source=tmp_path / "record", name=NAME, role=Role.OTHER))

    with pytest.raises(CrateError, match="the part of run 3 is damaged: "):
        unpack_part(here, 3)
    assert not here.run_dir(3).exists()


@pytest.mark.parametrize("name", [f"results/{'a' * 300}", "results/a%00b"])
def test_a_part_with_a_name_that_no_directory_can_hold_is_named(
    there: Place, here: Place, name: str
) -> None:
    pack_as_part(there, here, Member(source=there.log_path(3), name=name, role=Role.OTHER))

    with pytest.raises(CrateError, match="the part of run 3 is damaged: "):
        unpack_part(here, 3)


def test_a_full_disk_is_not_the_parts_fault_and_is_left_no_fuller(
    there: Place, here: Place
) -> None:
    path = carry(there, here)

    with full_disk(beyond_bytes=len(FILES["deep/trace.bin"]) - 1), pytest.raises(DiskFullError):
        unpack_part(here, 3)
    assert files_below(here.simulation_dir).keys() == {
        path.relative_to(here.simulation_dir).as_posix()
    }


def test_a_run_that_left_nothing_is_a_part_too(tmp_path: Path, here: Place) -> None:
    there = Place(tmp_path / "there", here.simulation_id)
    there.run_dir(3).mkdir(parents=True, exist_ok=True)
    there.log_path(3).unlink(missing_ok=True)
    carry(there, here)
    unpack_part(here, 3)
    note_unpacked(here, 3, "its digest")

    assert is_unpacked(here, 3, "its digest")


def test_a_damaged_part_is_refused_and_changes_nothing(there: Place, here: Place) -> None:
    path = carry(there, here)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(CrateError, match="the part of run 3 is damaged"):
        unpack_part(here, 3)
    assert not here.run_dir(3).exists()


@pytest.mark.parametrize("name", ["results/%2e%2e/%2e%2e/evil", "results/%2fetc%2fevil"])
def test_a_part_that_would_leave_its_directory_is_refused(
    there: Place, here: Place, name: str
) -> None:
    path = carry(there, here)
    with zipfile.ZipFile(path, "a") as part:
        part.writestr(name, "evil")

    with pytest.raises(CrateError):
        unpack_part(here, 3)
    assert not list(here.var_dir.rglob("*evil*"))
