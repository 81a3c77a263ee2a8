"""The API: the same services, tokens with scopes, errors as problem documents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from simcrate.portal.accounts.models import ApiToken, User
from simcrate.portal.accounts.services import issue_token
from simcrate.portal.limits.models import GroupLimits
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulators.models import SimulatorDefinition
from simcrate.portal.storages.models import StorageBackend

INI = b"[General]\nnetwork = N\nsim-time-limit = 100s\n[Config Study]\n*.a = ${A=1,2}\n"
SIMULATIONS = "/api/v1/simulations"


def with_token(owner: User, scope: str) -> Client:
    _, value = issue_token(owner=owner, name=scope, scope=scope)
    return Client(headers={"Authorization": f"Bearer {value.reveal()}"})


@pytest.fixture
def writer(alice: User, storage: StorageBackend) -> Client:
    return with_token(alice, "write")


def form(**changes: object) -> dict[str, Any]:
    return {
        "files": [SimpleUploadedFile("omnetpp.ini", INI)],
        "config": "Study",
        "precision_s": "10",
        "storage_backend_id": "local",
        **changes,
    }


def test_a_token_submits_follows_and_cancels(writer: Client) -> None:
    submitted = writer.post(SIMULATIONS, form(title="By program"))

    assert submitted.status_code == 201
    address = submitted["Location"]
    seen = writer.get(address).json()
    assert (seen["title"], seen["state"], seen["runs"]) == ("By program", "queued", {"queued": 2})
    assert [run["itervars"] for run in writer.get(f"{address}/runs").json()] == [
        {"A": "1"},
        {"A": "2"},
    ]
    cancelled = writer.post(f"{address}/cancel")
    assert cancelled.status_code == 202
    assert cancelled.json()["state"] == "cancelled"


def test_the_list_is_ones_own_in_pages(writer: Client) -> None:
    for number in range(3):
        writer.post(SIMULATIONS, form(title=str(number)))

    page = writer.get(SIMULATIONS, {"limit": 2, "offset": 1}).json()

    assert page["count"] == 3
    assert [item["title"] for item in page["items"]] == ["1", "0"]


@pytest.mark.parametrize("query", [{"offset": 10**23}, {"offset": -1}, {"limit": 0}])
def test_a_page_that_cannot_be_is_a_problem_document(writer: Client, query: dict[str, int]) -> None:
    answer = writer.get(SIMULATIONS, query)

    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")


def test_a_run_beyond_all_numbers_is_not_there(writer: Client, simulation: Simulation) -> None:
    address = f"{SIMULATIONS}/{simulation.pk}/runs/{10**23}/log"

    assert writer.get(address).status_code == 404


def test_storage_backends_are_listed_in_their_public_tags_only(writer: Client) -> None:
    assert writer.get("/api/v1/storage-backends").json() == [
        {
            "storage_backend": "Local storage",
            "storage_backend_id": "local",
            "storage_backend_desc": "",
            "storage_backend_keep_days": 7,
        }
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"config": "Nope"}, "config"),
        ({"run_filter": "9"}, "run_filter"),
        ({"precision_s": "0"}, "precision_s"),
        ({"precision_s": "x"}, "precision_s"),
        ({"precision_s": "0.00001"}, "precision_s"),
        ({"storage_backend_id": "attic"}, "storage_backend_id"),
        ({"simulator": "mine"}, "simulator"),
        ({"notify_email": "bob@example.org"}, "notify_email"),
        ({"files": [SimpleUploadedFile("omnetpp.ini", b"no ini\n")]}, "files"),
        ({"files": [SimpleUploadedFile("con.ini", INI)]}, "files"),
        ({"files": [SimpleUploadedFile("trace.csv", INI)]}, "files"),
    ],
)
def test_bad_input_is_a_problem_document_and_nothing_is_queued(
    writer: Client, changes: dict[str, Any], field: str
) -> None:
    response = writer.post(SIMULATIONS, form(**changes))

    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == 422
    assert [error["field"] for error in problem["errors"]] == [field]
    assert not Simulation.objects.exists()


def test_every_refused_line_is_in_the_problem_document(writer: Client) -> None:
    ini = INI + b"".join(b"no-option-%d = 1\n" % number for number in range(250))
    response = writer.post(SIMULATIONS, form(files=[SimpleUploadedFile("omnetpp.ini", ini)]))

    assert len(response.json()["errors"]) == 250


def test_files_above_the_limit_are_refused(writer: Client, settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, submission_max_bytes=10)

    response = writer.post(SIMULATIONS, form())

    assert response.status_code == 422
    assert "can be submitted" in response.json()["detail"]


def test_a_missing_field_is_a_problem_document(writer: Client) -> None:
    response = writer.post(SIMULATIONS, {"files": [SimpleUploadedFile("omnetpp.ini", INI)]})

    assert response.status_code == 422
    fields = {error["field"] for error in response.json()["errors"]}
    assert fields >= {"config", "precision_s", "storage_backend_id"}


def test_without_a_token_one_is_asked_for_one(client: Client, db: None) -> None:
    response = client.get(SIMULATIONS)

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_token_that_may_read_cannot_submit_or_cancel(alice: User, simulation: Simulation) -> None:
    reader = with_token(alice, "read")

    assert reader.get(SIMULATIONS).status_code == 200
    assert reader.post(SIMULATIONS, form()).status_code == 403
    assert reader.post(f"{SIMULATIONS}/{simulation.pk}/cancel").status_code == 403
    assert Simulation.objects.count() == 1


def test_the_database_keeps_only_the_digest_of_a_token(alice: User) -> None:
    token, value = issue_token(owner=alice, name="laptop")

    stored = ApiToken.objects.filter(pk=token.pk).values().get()
    assert value.reveal() not in repr(stored)
    assert len(stored["digest"]) == 64


def test_the_statistics_are_there_once_the_crate_is_packed(
    writer: Client, simulation: Simulation
) -> None:
    address = f"{SIMULATIONS}/{simulation.pk}/summary"
    early = writer.get(address)
    Simulation.objects.update(summary={"schema": 1, "rows": [{"mean": None}]})

    assert early.status_code == 404
    assert "no statistics yet" in early.json()["detail"]
    assert writer.get(address).json() == {"schema": 1, "rows": [{"mean": None}]}


def test_the_last_use_of_a_token_is_noted_to_the_minute(writer: Client) -> None:
    writer.get(SIMULATIONS)
    first = ApiToken.objects.get().last_used_at
    writer.get(SIMULATIONS)

    assert first is not None
    assert ApiToken.objects.get().last_used_at == first


def test_a_token_of_a_closed_account_opens_nothing(writer: Client, alice: User) -> None:
    alice.is_active = False
    alice.save()

    assert writer.get(SIMULATIONS).status_code == 401


def test_a_session_needs_a_form_of_ours_to_write(alice: User, storage: StorageBackend) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.get(SIMULATIONS).status_code == 200
    assert client.post(SIMULATIONS, form()).status_code == 403
    assert not Simulation.objects.exists()


def test_another_users_simulation_is_not_there(charlie: User, simulation: Simulation) -> None:
    stranger = with_token(charlie, "write")

    for address in ("", "/runs"):
        response = stranger.get(f"{SIMULATIONS}/{simulation.pk}{address}")
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"
    assert stranger.post(f"{SIMULATIONS}/{simulation.pk}/cancel").status_code == 404


def test_the_api_describes_itself(client: Client, db: None) -> None:
    description = client.get("/api/v1/openapi.json").json()

    assert "/api/v1/simulations" in description["paths"]


def test_what_can_be_chosen_is_told_with_the_reasons_of_the_rest(writer: Client) -> None:
    SimulatorDefinition.objects.create(name="inet", title="INET", command="/opt/inet", tags="inet")

    oppsim, inet = writer.get("/api/v1/simulators").json()

    assert (oppsim["name"], oppsim["why_not"]) == ("oppsim", "")
    assert inet["why_not"] == "no worker has shown itself in the last minute"


def test_limits_are_told(writer: Client, alice: User) -> None:
    group = Group.objects.create(name="students")
    GroupLimits.objects.create(group=group, memory_mib=512)
    alice.groups.add(group)

    limits = writer.get("/api/v1/limits").json()

    assert (limits["memory_mib"], limits["wall_time_min"]) == (512, 0)


def test_stop_is_a_state_of_its_own_and_says_when_there_is_nothing_to_stop(
    writer: Client, simulation: Simulation
) -> None:
    address = f"{SIMULATIONS}/{simulation.pk}/stop"

    assert writer.post(address).json()["state"] == "stopped"
    Simulation.objects.update(packed_at=simulation.created_at)
    refused = writer.post(address)
    assert refused.status_code == 422
    assert "the crate is packed" in refused.json()["detail"]


def test_a_log_is_read_with_a_cursor(writer: Client, simulation: Simulation) -> None:
    simulation.runs.update(state="running", log_lines=5, log_tail="c\nd\ne")
    address = f"{SIMULATIONS}/{simulation.pk}/runs/0/log"

    first = writer.get(address).json()
    second = writer.get(address, {"after": first["cursor"]}).json()

    assert first == {"lines": ["c", "d", "e"], "skipped": 2, "cursor": 5, "is_final": False}
    assert second == {"lines": [], "skipped": 0, "cursor": 5, "is_final": False}
