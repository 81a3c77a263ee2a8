"""The service function that web form, API, command line and demo call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from allauth.account.models import EmailAddress
from django.db import OperationalError, connection

from simcrate.errors import BadInputError
from simcrate.pipeline.jobs import RunState
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.faults import SubmissionError
from simcrate.portal.simulations.models import Run, Simulation, SubmittedFile
from simcrate.portal.simulations.services import cancel_simulation, stop_simulation
from simcrate.portal.simulations.submission import LONGEST, MAX_TITLE
from simcrate.portal.storages.models import StorageBackend

Submit = Callable[..., Simulation]

LONG = "A" * 201
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def long_config() -> dict[str, bytes]:
    return {"omnetpp.ini": b"[Config %b]\nnetwork = N\n" % LONG.encode()}


def test_a_submission_queues_every_run_that_the_ini_has(submit: Submit) -> None:
    simulation = submit()

    runs = list(simulation.runs.values_list("number", "itervars", "repetition", "state"))
    assert runs == [
        (0, {"N": "10"}, 0, "queued"),
        (1, {"N": "10"}, 1, "queued"),
        (2, {"N": "20"}, 0, "queued"),
        (3, {"N": "20"}, 1, "queued"),
    ]


def test_a_submission_keeps_its_files_to_the_byte(submit: Submit) -> None:
    files = {"omnetpp.ini": b"[General]\nnetwork=N\n", "trace.csv": bytes(range(256))}

    simulation = submit(files=files, config="General")

    assert {f.name: bytes(f.content) for f in simulation.files.all()} == files


def test_a_database_that_fails_in_the_middle_has_stored_nothing(submit: Submit) -> None:
    def fail(execute: Callable[..., object], sql: str, *how: object) -> object:
        if sql.startswith(f'INSERT INTO "{Run._meta.db_table}"'):
            raise OperationalError
        return execute(sql, *how)

    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        submit()

    assert not Simulation.objects.exists()


def test_a_run_filter_queues_only_what_it_selects(submit: Submit) -> None:
    simulation = submit(run_filter="$N==20")

    assert list(simulation.runs.values_list("number", flat=True)) == [2, 3]


def test_without_a_title_the_config_names_the_simulation(submit: Submit) -> None:
    assert submit(title="  ").title == "Study"


@pytest.mark.parametrize(
    ("field", "changes", "says"),
    [
        ("files", {"files": {"omnetpp.ini": b"\x89PNG\r\n\x00\x1a"}}, "no text file"),
        ("files", {"files": {"omnetpp.ini": b"just words\n"}}, "omnetpp.ini:1"),
        ("files", {"files": {"omnetpp.ini": b""}}, "no ini file"),
        ("files", {"ini_name": "other.ini"}, "no file 'other.ini'"),
        ("files", {"files": {"omnetpp.ini": b"[General]\n", "../x": b""}}, "'../x'"),
        ("config", {"config": "Studie"}, "did you mean"),
        ("run_filter", {"run_filter": "$N==99"}, "has no run that matches"),
        ("run_filter", {"run_filter": "7"}, "out of range 0..3"),
        ("run_filter", {"run_filter": "0," * 501}, "at most 1,000"),
        ("run_filter", {"run_filter": "$N==10 \0"}, "printable"),
        ("config", {"config": LONG, "files": long_config(), "title": "x"}, "at most 200"),
        ("precision_s", {"precision_s": 0}, "greater than 0"),
        ("precision_s", {"precision_s": -1.5}, "greater than 0"),
        ("precision_s", {"precision_s": "often"}, "not often"),
        ("precision_s", {"precision_s": float("nan")}, "greater than 0"),
        ("precision_s", {"precision_s": "inf"}, "greater than 0"),
        ("precision_s", {"precision_s": 0.001}, "3,600,000 rows"),
        ("storage_id", {"storage_id": "a\0"}, "printable"),
        ("storage_id", {"storage_id": "attic"}, "no active storage backend 'attic'"),
        ("notify_email", {"notify_email": "bob@example.org"}, "no confirmed address"),
        ("licence", {"licence": "WTFPL"}, "no licence that can be chosen"),
        ("title", {"title": "x" * 201}, "at most 200"),
    ],
)  # fmt: skip
def test_bad_input_is_named_at_its_field_and_nothing_is_queued(
    submit: Submit, field: str, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(SubmissionError) as refused:
        submit(**changes)

    assert [fault.field for fault in refused.value.faults] == [field]
    assert says in str(refused.value)
    assert not Simulation.objects.exists()
    assert not Run.objects.exists()
    assert not SubmittedFile.objects.exists()


def test_what_is_accepted_fits_its_column() -> None:
    accepted = {"title": MAX_TITLE, **LONGEST}
    looked_up = {accepted.pop("storage_id"), accepted.pop("fallback_id")}
    stored = {field.name: field.max_length for field in Simulation._meta.fields}

    assert accepted == {name: stored[name] for name in accepted}
    assert looked_up == {StorageBackend._meta.get_field("identifier").max_length}


def test_all_faults_come_at_once(submit: Submit) -> None:
    with pytest.raises(SubmissionError) as refused:
        submit(precision_s=-1, storage_id="attic", config="Nope", notify_email="x@example.org")

    fields = {fault.field for fault in refused.value.faults}
    assert fields == {"precision_s", "storage_id", "config", "notify_email"}


def test_an_inactive_storage_backend_cannot_be_chosen(
    submit: Submit, storage: StorageBackend
) -> None:
    storage.active = False
    storage.save()

    with pytest.raises(SubmissionError, match="no active storage backend 'local'"):
        submit()


def test_an_address_that_is_not_confirmed_gets_no_mail(submit: Submit, alice: User) -> None:
    EmailAddress.objects.filter(user=alice).update(verified=False)

    with pytest.raises(SubmissionError, match="no confirmed address"):
        submit(notify_email="alice@example.org")


def test_an_ini_that_reaches_beyond_the_simulation_never_reaches_a_worker(submit: Submit) -> None:
    hostile = b"[General]\nnetwork = N\nload-libs = /tmp/evil\n"

    with pytest.raises(SubmissionError, match="load-libs"):
        submit(files={"omnetpp.ini": hostile}, config="General")


def test_a_study_without_end_is_refused(submit: Submit) -> None:
    vast = b"[General]\nnetwork=N\n*.x = ${a=1..200} ${b=1..200}\n"

    with pytest.raises(SubmissionError, match="40,000 runs"):
        submit(files={"omnetpp.ini": vast}, config="General")


def test_cancel_ends_runs_that_have_not_started_and_asks_for_the_others(
    simulation: Simulation, alice: User
) -> None:
    simulation.runs.filter(number=0).update(state=RunState.RUNNING)

    cancel_simulation(simulation, who="alice")

    simulation.refresh_from_db()
    assert simulation.cancel_requested_at is not None
    states = list(simulation.runs.values_list("state", flat=True))
    assert states == ["running", "cancelled", "cancelled", "cancelled"]


def test_stop_keeps_what_is_there_and_ends_the_rest_as_stopped(
    simulation: Simulation, alice: User
) -> None:
    simulation.runs.filter(number=0).update(state=RunState.RUNNING)

    stop_simulation(simulation, who="alice")

    simulation.refresh_from_db()
    assert simulation.ends_as == RunState.STOPPED
    states = list(simulation.runs.values_list("state", flat=True))
    assert states == ["running", "stopped", "stopped", "stopped"]


def test_asking_twice_is_asking_once_and_the_first_wish_holds(
    simulation: Simulation, alice: User
) -> None:
    simulation.runs.filter(number=0).update(state=RunState.RUNNING)
    stop_simulation(simulation, who="alice")
    Simulation.objects.update(cancel_requested_at=LONG_AGO)
    stop_simulation(simulation, who="alice")

    simulation.refresh_from_db()
    assert simulation.cancel_requested_at == LONG_AGO
    with pytest.raises(BadInputError, match="it is being stopped already"):
        cancel_simulation(simulation, who="alice")


def test_stop_while_the_results_are_packed_says_that_nothing_is_left_to_stop(
    simulation: Simulation, alice: User
) -> None:
    simulation.runs.update(state=RunState.COMPLETED)

    with pytest.raises(BadInputError, match="the crate is being packed"):
        stop_simulation(simulation, who="alice")


def test_cancel_after_packing_says_that_it_is_too_late(simulation: Simulation, alice: User) -> None:
    Simulation.objects.update(packed_at=simulation.created_at)

    with pytest.raises(BadInputError, match="the crate is packed"):
        cancel_simulation(simulation, who="alice")


def test_what_took_longest_before_is_begun_first(submit: Submit) -> None:
    first = submit()
    for run, wall_time_s in zip(first.runs.all(), (1, 2, 9, 8), strict=True):
        first.runs.filter(pk=run.pk).update(
            state=RunState.COMPLETED, outcome={"wall_time_s": wall_time_s}
        )

    again = submit()

    order = again.runs.order_by("pk").values_list("number", flat=True)
    assert list(order) == [2, 3, 0, 1]


def test_what_was_never_run_is_begun_in_the_order_of_the_numbers(submit: Submit) -> None:
    order = submit().runs.order_by("pk").values_list("number", flat=True)

    assert list(order) == [0, 1, 2, 3]
