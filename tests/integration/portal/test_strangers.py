"""Nobody sees or touches another user's simulation, and nobody gets in without a login."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from simcrate.portal.accounts.models import User
from simcrate.portal.accounts.services import issue_token
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.drafts import draft_again
from simcrate.portal.simulations.models import Run, Simulation

FOR_EVERYBODY = {"health", "permalink", "api:openapi-json", "api:api-root"}
"""Beside the pages of allauth that log people in: what needs no login."""

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def delivery(simulation: Simulation) -> Delivery:
    return Delivery.objects.create(
        simulation=simulation,
        storage=simulation.storage,
        state="announced",
        machine="here",
        file_name="study.zip",
        keep_days=7,
        link_url="https://cloud.example/secret-link/study.zip",
    )


@pytest.fixture
def alices(alice: User, simulation: Simulation, delivery: Delivery) -> dict[str, dict[str, object]]:
    """Arguments that make every address with arguments one of alice's."""
    draft = draft_again(simulation, owner=alice)
    token, _ = issue_token(owner=alice, name="laptop")
    whole: dict[str, object] = {"simulation_id": simulation.pk}
    return {
        "simulation": whole,
        "simulation-live": whole,
        "simulation-cancel": whole,
        "simulation-stop": whole,
        "simulation-again": whole,
        "simulation-repack": whole,
        "simulation-run": {**whole, "number": 0},
        "simulation-run-log": {**whole, "number": 0},
        "simulation-log": whole,
        "simulation-choose": {"draft_id": draft.pk},
        "simulation-preview": {"draft_id": draft.pk},
        "permalink-revoke": {"delivery_id": delivery.pk},
        "delivery-extend": {"delivery_id": delivery.pk},
        "deliver-again": whole,
        "discard": whole,
        "token-revoke": {"token_id": token.pk},
        "api:get_simulation": whole,
        "api:list_runs": whole,
        "api:get_log": {**whole, "number": 0},
        "api:get_summary": whole,
        "api:list_deliveries": whole,
        "api:deliver_once_more": whole,
        "api:discard": whole,
        "api:extend": {"delivery_id": delivery.pk},
        "api:cancel": whole,
        "api:stop": whole,
        "api:repack": whole,
    }


def our_addresses() -> dict[str, bool]:
    """Name of every address of ours, and whether it takes arguments."""
    return {
        name: takes_arguments
        for name, takes_arguments in _walk(get_resolver(), "", takes_arguments=False)
        if not name.startswith(("admin:", "account_"))
    }


def _walk(
    resolver: URLResolver, prefix: str, *, takes_arguments: bool
) -> Iterator[tuple[str, bool]]:
    for entry in resolver.url_patterns:
        arguments = takes_arguments or bool(entry.pattern.regex.groups)
        if isinstance(entry, URLPattern):
            yield prefix + str(entry.name), arguments
        else:
            space = f"{prefix}{entry.namespace}:" if entry.namespace else prefix
            yield from _walk(entry, space, takes_arguments=arguments)


def test_every_address_of_an_object_is_tried_below(alices: dict[str, dict[str, object]]) -> None:
    with_objects = {name for name, arguments in our_addresses().items() if arguments}

    assert with_objects - FOR_EVERYBODY == set(alices)


def test_a_stranger_finds_nothing_of_alice_at_any_address(
    as_charlie: Client, alices: dict[str, dict[str, object]], simulation: Simulation
) -> None:
    before = (list(Run.objects.values()), Delivery.objects.values_list("permalink_revoked").get())

    for name, arguments in alices.items():
        for method in METHODS:
            response = as_charlie.generic(method.upper(), reverse(name, kwargs=arguments))
            assert response.status_code in {404, 405}, (name, method)
            assert simulation.title.encode() not in response.content
            assert b"secret-link" not in response.content
    assert before == (
        list(Run.objects.values()),
        Delivery.objects.values_list("permalink_revoked").get(),
    )


def test_lists_show_a_stranger_nothing_of_alice(as_charlie: Client, simulation: Simulation) -> None:
    for address in ("/simulations/", "/api/v1/simulations", "/account/"):
        assert str(simulation.pk).encode() not in as_charlie.get(address).content


def test_anonymous_people_are_sent_to_the_login_from_every_address(
    client: Client, alices: dict[str, dict[str, object]]
) -> None:
    for name in our_addresses().keys() - FOR_EVERYBODY:
        address = reverse(name, kwargs=alices.get(name))
        for method in METHODS:
            response = client.generic(method.upper(), address, follow=False)
            if response.status_code == 302:
                assert response["Location"].startswith(("/accounts/login/", "/simulations/")), name
            else:
                assert response.status_code in {401, 405}, (name, method)


def test_an_administrator_sees_what_users_submitted(
    as_root: Client, alices: dict[str, dict[str, object]]
) -> None:
    for name in ("simulation", "simulation-run", "api:get_simulation", "api:list_runs"):
        assert as_root.get(reverse(name, kwargs=alices[name])).status_code == 200


def test_not_even_an_administrator_opens_another_users_drafts_or_tokens(
    as_root: Client, alices: dict[str, dict[str, object]]
) -> None:
    for name in ("simulation-choose", "token-revoke"):
        assert as_root.post(reverse(name, kwargs=alices[name])).status_code == 404


def test_the_admin_is_closed_to_users(as_charlie: Client) -> None:
    for address in ("/admin/", "/admin/storages/storagebackend/", "/admin/accounts/user/"):
        assert as_charlie.get(address).status_code in {302, 403}
