"""Logging in, logging out, addresses, registration, tokens."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core import mail
from django.test import Client
from pytest_django import Settings

from simcrate.errors import BadInputError
from simcrate.portal.accounts.models import User
from simcrate.portal.accounts.queries import confirmed_addresses
from simcrate.portal.accounts.services import create_user
from simcrate.secret import Secret

PASSWORD = "correct-horse-battery"


@pytest.fixture
def bob(db: None, settings: Settings) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return create_user(username="bob", password=Secret(PASSWORD), confirmed_email="bob@example.org")


@pytest.mark.parametrize("login", ["bob", "bob@example.org"])
def test_people_log_in_with_name_or_address(client: Client, bob: User, login: str) -> None:
    response = client.post("/accounts/login/", {"login": login, "password": PASSWORD})

    assert response["Location"] == "/simulations/"


def test_an_address_is_the_same_in_capital_letters(client: Client, bob: User) -> None:
    create_user(username="eve", password=Secret(PASSWORD), confirmed_email="Eve@Example.org")

    response = client.post("/accounts/login/", {"login": "EVE@example.org", "password": PASSWORD})

    assert response["Location"] == "/simulations/"
    with pytest.raises(BadInputError, match="already"):
        create_user(username="rob", password=Secret(PASSWORD), confirmed_email="Bob@example.org")


def test_addresses_that_were_kept_in_capitals_are_lowered_unless_two_users_share_one(
    bob: User,
) -> None:
    for name in ("Eve@A.org", "BOB@example.org"):
        user = User.objects.create(username=name, email=name)
        EmailAddress.objects.create(user=user, email=name, verified=True)
    migration = import_module("simcrate.portal.accounts.migrations.0002_lower_addresses")
    migration.lower_addresses(apps, None)

    kept = {"eve@a.org", "BOB@example.org", "bob@example.org"}
    assert set(User.objects.values_list("email", flat=True)) == kept
    assert set(EmailAddress.objects.values_list("email", flat=True)) == kept


def test_a_wrong_password_and_an_unknown_user_look_the_same(client: Client, bob: User) -> None:
    wrong = client.post("/accounts/login/", {"login": "bob", "password": "x" * 12})
    unknown = client.post("/accounts/login/", {"login": "nobody", "password": "x" * 12})

    assert wrong.context["form"].errors == unknown.context["form"].errors
    assert wrong.status_code == unknown.status_code


def test_guessing_passwords_is_slowed_down(client: Client, bob: User) -> None:
    for _ in range(12):
        client.post("/accounts/login/", {"login": "bob", "password": "guess"})

    response = client.post("/accounts/login/", {"login": "bob", "password": PASSWORD})

    assert response.status_code != 302


def test_logging_out_takes_a_post(client: Client, bob: User) -> None:
    client.force_login(bob)

    client.get("/accounts/logout/")
    assert client.get("/simulations/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/simulations/").status_code == 302


def test_closing_an_account_ends_its_sessions_at_once(client: Client, bob: User) -> None:
    client.force_login(bob)
    assert client.get("/simulations/").status_code == 200

    User.objects.update(is_active=False)

    assert client.get("/simulations/").status_code == 302


def test_registration_is_closed_by_default(client: Client, db: None) -> None:
    values = {"username": "eve", "email": "eve@example.org", "password1": PASSWORD}

    page = client.post("/accounts/signup/", {**values, "password2": PASSWORD}).content.decode()

    assert not User.objects.exists()
    assert "closed" in page.lower()


def test_open_registration_confirms_the_address_first(
    client: Client, db: None, settings: Settings
) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, registration="open")
    values = {"username": "eve", "email": "eve@example.org", "password1": PASSWORD}

    client.post("/accounts/signup/", {**values, "password2": PASSWORD})

    assert confirmed_addresses(User.objects.get()) == []
    assert [message.to for message in mail.outbox] == [["eve@example.org"]]


@pytest.fixture
def _open_registration(settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, registration="open")
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


@pytest.mark.usefixtures("_open_registration")
def test_nobody_who_registered_logs_in_before_the_address_is_confirmed(
    client: Client, bob: User
) -> None:
    EmailAddress.objects.filter(user=bob).update(verified=False)

    client.post("/accounts/login/", {"login": "bob", "password": PASSWORD})
    assert client.get("/simulations/").status_code == 302
    link = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[-1].body))
    assert link
    client.post(link[0])

    client.post("/accounts/login/", {"login": "bob", "password": PASSWORD})
    assert client.get("/simulations/").status_code == 200


@pytest.mark.usefixtures("_open_registration")
def test_a_user_whom_an_administrator_made_needs_no_address(client: Client, bob: User) -> None:
    EmailAddress.objects.all().delete()

    client.post("/accounts/login/", {"login": "bob", "password": PASSWORD})

    assert client.get("/simulations/").status_code == 200


def test_an_added_address_counts_only_after_its_confirmation(client: Client, bob: User) -> None:
    client.force_login(bob)

    client.post("/accounts/email/", {"action_add": "", "email": "bob@lab.example"})

    assert confirmed_addresses(bob) == ["bob@example.org"]
    assert mail.outbox[-1].to == ["bob@lab.example"]
    EmailAddress.objects.filter(email="bob@lab.example").update(verified=True)
    assert confirmed_addresses(bob) == ["bob@example.org", "bob@lab.example"]


def test_a_password_reset_tells_nobody_who_has_an_account(client: Client, bob: User) -> None:
    known = client.post("/accounts/password/reset/", {"email": "bob@example.org"})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.org"})

    assert known["Location"] == unknown["Location"]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("password/reset/", {"email": "bob@example.org"}),
        ("password/reset/", {"email": "nobody@example.org"}),
        ("signup/", {"username": "eve", "email": "eve@example.org"}),
        ("signup/", {"username": "eve", "email": "bob@example.org"}),
    ],
    ids=["reset", "reset of nobody", "confirmation", "known already"],
)
@pytest.mark.usefixtures("bob", "_open_registration")
def test_a_mail_leads_to_the_public_url_whatever_host_was_asked(
    client: Client, path: str, form: dict[str, str]
) -> None:
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    client.post(f"/accounts/{path}", {**passwords, **form}, headers={"Host": "localhost:4444"})

    (sent,) = mail.outbox
    text = f"{sent.subject} {sent.body}"
    assert "localhost" not in text
    assert "http://127.0.0.1:8000/accounts/" in text


@pytest.mark.usefixtures("bob", "_open_registration")
def test_a_registration_tells_nobody_whose_address_is_taken(client: Client) -> None:
    taken, free = (
        client.post(
            "/accounts/signup/",
            {"username": "eve", "email": email, "password1": PASSWORD, "password2": PASSWORD},
        )
        for email in ("bob@example.org", "eve@example.org")
    )

    assert (taken.status_code, taken["Location"]) == (free.status_code, free["Location"])


@pytest.mark.usefixtures("_open_registration")
def test_logging_in_has_one_name_and_nobody_without_an_address_is_to_be_asked(
    client: Client, bob: User
) -> None:
    paths = ["signup", "login", "password/reset", "password/reset/done", "confirm-email"]
    texts = [client.get(f"/accounts/{path}/").text for path in paths]
    login = {"login": "bob", "password": PASSWORD}
    texts.append(client.post("/accounts/login/", login, follow=True).text)
    texts += [client.get(f"/accounts/{path}/").text for path in ("logout", "email")]
    texts.append(client.post("/accounts/logout/", follow=True).text)

    assert "You are logged in as bob." in texts[5]
    assert "You are logged out." in texts[-1]
    for text in texts:
        assert not re.search("sign(ed)? ?(in|out)|make an account|contact us", text, re.IGNORECASE)


def test_of_an_address_only_that_is_offered_which_can_be_done(client: Client, bob: User) -> None:
    def offered() -> list[str]:
        page = client.get("/accounts/email/").text
        return re.findall(r'name="action_(\w+)"', page)

    client.force_login(bob)
    assert offered() == ["remove", "add"]

    other = EmailAddress.objects.create(user=bob, email="zoe@example.org")
    assert offered() == ["send", "remove", "add"]

    other.verified = True
    other.save()
    assert offered() == ["primary", "remove", "add"]
    client.post("/accounts/email/", {"email": other.email, "action_primary": ""})
    assert confirmed_addresses(bob) == ["zoe@example.org", "bob@example.org"]


def test_two_users_of_one_name_are_refused_with_a_sentence(bob: User) -> None:
    with pytest.raises(BadInputError, match="already a user 'bob'"):
        create_user(username="bob", password=Secret(PASSWORD))


def test_a_token_is_shown_once_and_can_be_revoked(client: Client, bob: User) -> None:
    client.force_login(bob)

    page = client.post("/account/", {"name": "laptop", "scope": "write"})
    value = page.context["fresh_token"]

    assert value.startswith("sc_")
    assert value not in client.get("/account/").content.decode()
    headers = {"Authorization": f"Bearer {value}"}
    assert Client(headers=headers).get("/api/v1/simulations").status_code == 200
    client.post(f"/account/tokens/{bob.api_tokens.get().pk}/revoke/")
    assert Client(headers=headers).get("/api/v1/simulations").status_code == 401


def test_two_tokens_of_one_name_are_refused(client: Client, bob: User) -> None:
    client.force_login(bob)
    client.post("/account/", {"name": "laptop", "scope": "read"})

    page = client.post("/account/", {"name": "laptop", "scope": "read"})

    assert page.status_code == 422
    assert "a token named" in page.content.decode()


def test_mail_without_a_server_lands_in_the_outbox_and_the_pages_say_so(
    client: Client, bob: User, settings: Settings, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND = "simcrate.portal.mail.OutboxBackend"
    settings.OUTBOX_DIR = tmp_path / "outbox"

    mail.send_mail("subject", "text", None, ["bob@example.org"])

    [letter] = (tmp_path / "outbox").iterdir()
    assert letter.suffix == ".eml"
    assert b"bob@example.org" in letter.read_bytes()
    client.force_login(bob)
    assert "var/outbox" in client.get("/simulations/").content.decode()
