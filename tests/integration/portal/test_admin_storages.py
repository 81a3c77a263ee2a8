"""*Storage backends* in the admin: seven fields, secrets that go in and never come out."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client
from pytest_django import Settings

from simcrate.errors import DefinitionError
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.start import prepare
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.storages.services import create_or_update, get_definition, import_definitions
from simcrate.storage import StorageDefinition

LIST = "/admin/storages/storagebackend/"
ADD = LIST + "add/"
SECRETS = {
    "app_key": "g234cl8j7654omi",
    "app_secret": "60v543ou17899z1",
    "refresh_token": "Zjyi908CUig321AAAAAAAWUs1vErUWCtpCVqT5629zE7098OKH5S26781uU7qax5",
}
DROPBOX = {
    "name": "Dropbox OAuth2",
    "identifier": "dropbox",
    "token": "",
    "config": json.dumps(SECRETS),
    "keep_days": "7",
    "desc": "of the group",
    "active": "on",
}
SEAFILE = {
    **DROPBOX,
    "name": "Seafile",
    "identifier": "seafile",
    "config": '{"token": "ef3d0a5l8j7654omi", "repoid": "60v4389103438eda4d789f543ou17899z1"}',
}
LOCAL = {
    **DROPBOX,
    "name": "Local storage",
    "identifier": "local",
    "token": "10.10.160.10:8976",
    "config": "",
}


def change_page(identifier: str) -> str:
    return f"{LIST}{StorageBackend.objects.get(identifier=identifier).pk}/change/"


def save(client: Client, address: str, values: dict[str, str], **changes: str) -> str:
    """The page that answers, as text."""
    return html.unescape(client.post(address, {**values, **changes}, follow=True).content.decode())


def test_the_seven_fields_have_their_display_names(as_root: Client) -> None:
    page = as_root.get(ADD).content.decode()

    for name in ("name", "identifier", "token", "config", "keep days", "description", "active"):
        assert f"Backend {name}" in page
    assert "Storage backends" in page


@pytest.mark.parametrize("example", [DROPBOX, LOCAL], ids=["dropbox", "local"])
def test_the_examples_of_the_order_are_saved_as_they_stand(
    as_root: Client, example: dict[str, str]
) -> None:
    save(as_root, ADD, example)

    definition = get_definition(example["identifier"])
    assert definition.active
    assert definition.token == example["token"]
    assert dict(definition.config) == json.loads(example["config"] or "{}")


def test_a_seafile_without_any_server_is_saved_inactive_with_the_reason(as_root: Client) -> None:
    page = save(as_root, ADD, SEAFILE)

    assert not StorageBackend.objects.get(identifier="seafile").active
    assert "not made active" in page
    assert "server" in page


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"identifier": "dropbox_oauth2"}, "does not start with a known kind"),
        ({"identifier": "Dropbox"}, "dropbox, seafile, local"),
        ({"identifier": "dropbox:"}, "label"),
        ({"config": '{"app_key": "x",\n "app_secret" "y"}'}, "line 2, column 15"),
        ({"config": '{"app_key": "x", "app_sekret": "y"}'}, "'app_sekret'"),
        ({"config": '{"app_key": 5, "app_secret": "y", "refresh_token": "z"}'}, "must be a text"),
        ({"config": '{"app_key": "x", "app_key": "y"}'}, "a key twice"),
        ({"keep_days": "-1"}, "greater than or equal to 0"),
        ({"keep_days": "99999999"}, "at most 36500 days"),
        ({"name": ""}, "required"),
    ],
)
def test_a_wrong_definition_is_refused_with_what_is_wrong(
    as_root: Client, changes: dict[str, str], says: str
) -> None:
    page = save(as_root, ADD, DROPBOX, **changes)

    assert says in page
    assert not StorageBackend.objects.exists()


def test_an_identifier_is_unique_and_a_second_of_a_kind_has_a_label(as_root: Client) -> None:
    save(as_root, ADD, DROPBOX)

    assert "already exists" in save(as_root, ADD, DROPBOX)
    save(as_root, ADD, DROPBOX, identifier="dropbox:lab2")
    assert StorageBackend.objects.count() == 2


def test_secrets_never_come_back_to_the_browser(as_root: Client) -> None:
    save(as_root, ADD, DROPBOX)

    for address in (change_page("dropbox"), LIST):
        page = as_root.get(address).content.decode()
        assert SECRETS["app_secret"] not in page
        assert SECRETS["refresh_token"] not in page
    assert "__unmodified__" in as_root.get(change_page("dropbox")).content.decode()


def test_a_refused_form_does_not_repeat_stored_secrets(as_root: Client) -> None:
    save(as_root, ADD, DROPBOX)

    page = save(as_root, change_page("dropbox"), DROPBOX, config='{"nonsense": "__unmodified__"}')

    assert SECRETS["app_secret"] not in page


def test_saving_unmodified_keeps_the_secret_and_changes_the_rest(as_root: Client) -> None:
    save(as_root, ADD, DROPBOX)
    shown = {**SECRETS, "app_secret": "__unmodified__", "refresh_token": "__unmodified__"}

    save(as_root, change_page("dropbox"), DROPBOX, config=json.dumps(shown), name="Renamed")

    definition = get_definition("dropbox")
    assert definition.name == "Renamed"
    assert dict(definition.config) == SECRETS


def test_a_new_secret_replaces_one_and_keeps_the_others(as_root: Client) -> None:
    save(as_root, ADD, DROPBOX)
    shown = {**SECRETS, "app_secret": "a-new-secret-1", "refresh_token": "__unmodified__"}

    save(as_root, change_page("dropbox"), DROPBOX, config=json.dumps(shown))

    assert dict(get_definition("dropbox").config) == {**SECRETS, "app_secret": "a-new-secret-1"}


def test_the_address_of_a_local_backend_is_no_secret(as_root: Client) -> None:
    save(as_root, ADD, LOCAL)

    assert "10.10.160.10:8976" in as_root.get(change_page("local")).content.decode()


def test_a_stored_secret_is_not_sent_to_another_address(as_root: Client) -> None:
    stored = {**LOCAL, "config": '{"secret": "only-for-the-first-host"}'}
    save(as_root, ADD, stored)
    kept = {**stored, "config": '{"secret": "__unmodified__"}'}
    page = save(as_root, change_page("local"), kept, token="evil.example:8976")

    assert "the backend token changed; write their values again: 'secret'" in page
    assert get_definition("local").token == "10.10.160.10:8976"


def test_the_address_changes_when_the_secret_is_written_again(as_root: Client) -> None:
    stored = {**LOCAL, "config": '{"secret": "only-for-the-first-host"}'}
    save(as_root, ADD, stored)
    save(as_root, change_page("local"), stored, token="new.example:8976")

    assert get_definition("local").token == "new.example:8976"


def test_a_stored_secret_is_not_kept_for_another_kind(as_root: Client) -> None:
    save(as_root, ADD, LOCAL, config='{"secret": "only-for-the-first-host"}')
    config = '{"token": "__unmodified__", "repoid": "r", "secret": "__unmodified__"}'
    page = save(as_root, change_page("local"), SEAFILE, config=config)

    assert "not stored here: 'token'" in page
    assert get_definition("local").kind == "local"


def test_the_database_file_holds_no_secret_in_clear(as_root: Client) -> None:
    save(as_root, ADD, DROPBOX)

    with connection.cursor() as cursor:
        cursor.execute("SELECT token, config FROM storages_storagebackend")
        row = repr(cursor.fetchone())
    for secret in SECRETS.values():
        assert secret not in row


def test_a_lost_key_raises_and_never_shows_ciphertext(
    as_root: Client, settings: Settings, tmp_path: Path
) -> None:
    save(as_root, ADD, DROPBOX)
    prepare(tmp_path)
    settings.VAR_DIR = tmp_path

    with pytest.raises(DefinitionError, match="put the key back"):
        get_definition("dropbox")


def test_a_definition_whose_key_is_lost_costs_no_page_but_its_own(
    as_root: Client, simulation: Simulation, settings: Settings, tmp_path: Path
) -> None:
    Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, machine="here", keep_days=7
    )
    prepare(tmp_path)
    settings.VAR_DIR = tmp_path
    page = f"/simulations/{simulation.pk}"
    lists = ["/simulations/", f"{page}/", f"/api/v1{page}", LIST, "/admin/deliveries/delivery/"]

    assert [as_root.get(address).status_code for address in lists] == [200] * len(lists)
    check = as_root.post(f"{LIST}{simulation.storage.pk}/check/").content.decode()
    assert "put the key back" in html.unescape(check)


def test_a_definition_whose_key_is_lost_is_told_of_in_its_form_and_can_be_written_again(
    as_root: Client, settings: Settings, tmp_path: Path
) -> None:
    save(as_root, ADD, DROPBOX)
    prepare(tmp_path)
    settings.VAR_DIR = tmp_path
    page = change_page("dropbox")

    assert "put the key back" in html.unescape(as_root.get(page).content.decode())
    assert "put the key back" in save(as_root, page, DROPBOX, config="", desc="changed")
    masked = dict.fromkeys(SECRETS, "__unmodified__")
    assert "not stored here" in save(as_root, page, DROPBOX, config=json.dumps(masked))
    assert StorageBackend.objects.get(identifier="dropbox").desc == DROPBOX["desc"]
    save(as_root, page, DROPBOX, desc="written again")
    assert dict(get_definition("dropbox").config) == SECRETS


def test_a_new_key_is_used_once_a_definition_is_saved_and_the_old_one_can_go(
    as_root: Client, settings: Settings, tmp_path: Path
) -> None:
    prepare(tmp_path)
    settings.VAR_DIR = tmp_path
    keys = tmp_path / "secrets" / "field-keys"
    save(as_root, ADD, DROPBOX)
    new_key = Fernet.generate_key().decode()
    keys.write_text(f"{new_key}\n{keys.read_text()}")

    masked = dict.fromkeys(SECRETS, "__unmodified__")
    save(as_root, change_page("dropbox"), DROPBOX, config=json.dumps(masked))
    keys.write_text(new_key)

    assert dict(get_definition("dropbox").config) == SECRETS


def test_deactivating_strands_no_delivery_under_way(
    as_root: Client, simulation: Simulation
) -> None:
    delivery = Delivery.objects.create(
        simulation=simulation,
        storage=simulation.storage,
        machine="here",
        file_name="x",
        keep_days=7,
    )

    save(as_root, change_page("local"), {k: v for k, v in LOCAL.items() if k != "active"})

    delivery.refresh_from_db()
    assert not delivery.storage.active
    assert delivery.storage.definition().token == "10.10.160.10:8976"
    assert delivery.state == "spooled"


def test_a_backend_that_has_deliveries_cannot_be_deleted(
    as_root: Client, simulation: Simulation
) -> None:
    Delivery.objects.create(
        simulation=simulation,
        storage=simulation.storage,
        machine="here",
        file_name="x",
        keep_days=7,
    )
    address = change_page("local").replace("change", "delete")

    response = as_root.post(address, {"post": "yes"})

    assert StorageBackend.objects.filter(identifier="local").exists()
    assert response.status_code == 403


def test_a_backend_that_has_deliveries_stays_of_its_kind(
    as_root: Client, simulation: Simulation
) -> None:
    Delivery.objects.create(
        simulation=simulation,
        storage=simulation.storage,
        machine="here",
        file_name="x",
        keep_days=7,
    )

    page = save(as_root, change_page("local"), DROPBOX)

    assert "make a new definition for another kind" in page


def test_the_doctor_shows_what_it_found_and_what_to_do(as_root: Client) -> None:
    save(as_root, ADD, LOCAL, token="127.0.0.1:9")
    address = change_page("local").replace("change", "check")

    before = as_root.get(address).content.decode()
    after = as_root.post(address).content.decode()

    assert "Check Local storage now" in before
    assert "Crates cannot be delivered here" in after
    assert "✗ failed" in after


def test_the_doctor_is_not_for_users(as_charlie: Client, as_root: Client) -> None:
    save(as_root, ADD, LOCAL)

    response = as_charlie.post(change_page("local").replace("change", "check"))

    assert response.status_code in {302, 403}


def test_an_import_is_all_or_nothing(db: None) -> None:
    good = StorageDefinition(name="Local", id="local", token="127.0.0.1:8976")
    bad = StorageDefinition(name="Attic", id="attic")

    with pytest.raises(DefinitionError, match="attic"):
        import_definitions([good, bad])

    assert not StorageBackend.objects.exists()


def test_an_import_with_unmodified_keeps_what_is_stored(db: None) -> None:
    create_or_update(StorageDefinition(name="Dropbox", id="dropbox", config=SECRETS))
    masked = dict.fromkeys(SECRETS, "__unmodified__")

    create_or_update(StorageDefinition(name="Renamed", id="dropbox", config=masked))

    assert dict(get_definition("dropbox").config) == SECRETS
    assert get_definition("dropbox").name == "Renamed"


def test_unmodified_without_anything_stored_is_refused(db: None) -> None:
    with pytest.raises(DefinitionError, match="write their values"):
        create_or_update(
            StorageDefinition(name="D", id="dropbox", config={"app_key": "__unmodified__"})
        )
