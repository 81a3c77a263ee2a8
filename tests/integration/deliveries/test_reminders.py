"""Owners who are not known to have fetched a crate are reminded before it goes."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from simcrate.cli.bench import make_bench
from simcrate.cli.upkeep import REMIND_FOR_S, remind_owners
from simcrate.errors import NotifyError, RecipientRefusedError
from simcrate.pipeline.notify import SMTP_TIMEOUT_S, OutboxPost
from simcrate.pipeline.remind import remind
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.reminders import due_reminders, reminded
from simcrate.portal.simulations.models import Simulation
from tests.integration.deliveries.conftest import Announce, days_pass


def test_nobody_is_reminded_while_there_is_time(announced: Announce) -> None:
    announced()
    days_pass(3.9)

    assert due_reminders() == []


def test_the_owner_is_reminded_some_days_before_and_once(announced: Announce) -> None:
    delivery = announced()
    days_pass(4.1)
    (reminder,) = due_reminders()
    reminded(reminder)

    assert reminder.email == "alice@example.org"
    assert reminder.delivery_id == delivery.pk
    assert due_reminders() == []
    assert delivery.events.get().what == "reminded"


def test_another_expiry_is_another_reminder(announced: Announce) -> None:
    announced()
    days_pass(4.1)
    (first,) = due_reminders()
    reminded(first)
    days_pass(-5)  # extended
    days_pass(5.5)
    Delivery.objects.update(reminded_for=datetime(2020, 1, 1, tzinfo=UTC))
    (second,) = due_reminders()

    assert first.message_id != second.message_id


def test_whoever_has_fetched_it_is_not_reminded(client: Client, announced: Announce) -> None:
    client.get(f"/r/{announced().permalink}")
    days_pass(4.1)

    assert due_reminders() == []


def test_a_look_without_a_fetch_does_not_count(client: Client, announced: Announce) -> None:
    client.head(f"/r/{announced().permalink}")
    days_pass(4.1)

    assert len(due_reminders()) == 1


@pytest.mark.parametrize(
    "changes",
    [{"keep_days": 3}, {"state": "removed"}, {"permalink_revoked": True}, {"expires_at": None}],
)
def test_what_cannot_be_fetched_or_is_kept_shortly_is_not_reminded_of(
    announced: Announce, changes: dict[str, object]
) -> None:
    announced(**changes)
    days_pass(4.1)

    assert due_reminders() == []


def test_who_wants_no_mail_gets_none(announced: Announce) -> None:
    Simulation.objects.update(notify_email="")
    announced()
    days_pass(4.1)

    assert due_reminders() == []


def test_an_address_that_was_removed_gets_no_mail(
    announced: Announce, as_alice: Client, simulation: Simulation
) -> None:
    announced()
    days_pass(4.1)
    EmailAddress.objects.update(email="new@example.org")
    assert [reminder.email for reminder in due_reminders()] == ["new@example.org"]

    EmailAddress.objects.all().delete()
    assert due_reminders() == []
    page = as_alice.get(f"/simulations/{simulation.pk}/").content.decode()
    assert "<dd>nobody <small>alice@example.org is no confirmed address of alice any more" in page


def test_the_message_says_until_when_and_what_to_do(announced: Announce, tmp_path: Path) -> None:
    delivery = announced()
    days_pass(4.1)
    (reminder,) = due_reminders()
    for _ in range(2):  # a duplicate replaces its twin
        remind(reminder, sender="a@b", post=OutboxPost(tmp_path), written_at=datetime.now(UTC))

    (path,) = tmp_path.glob("*.eml")
    message = message_from_bytes(path.read_bytes(), policy=default)
    text = message.get_body(("plain",))
    assert text is not None
    assert f"/r/{delivery.permalink}" in text.get_content()
    assert "Extend" in text.get_content()
    assert "expire on" in message["Subject"]


class PickyPost:
    """Takes no mail for one of the recipients."""

    def __init__(self, refused: str) -> None:
        self._refused = refused
        self.taken: list[str] = []

    def send(self, message: EmailMessage) -> None:
        if message["To"] == self._refused:
            raise RecipientRefusedError
        self.taken.append(message["To"])


class SilentPost:
    """A mail server that accepts connections and never answers; time passes by its `clock` only."""

    def __init__(self) -> None:
        self.waited_s = 0.0

    def send(self, message: EmailMessage) -> None:
        self.waited_s += SMTP_TIMEOUT_S
        raise NotifyError

    def clock(self) -> float:
        return self.waited_s


def test_a_mail_server_that_never_answers_is_not_waited_for_with_every_reminder(
    announced: Announce, simulation: Simulation
) -> None:
    for _ in range(8):
        announced(simulation=simulation)
    days_pass(4.1)
    post = SilentPost()

    remind_owners(replace(make_bench(), post=post), post.clock)

    assert len(due_reminders()) == 8
    assert post.waited_s == REMIND_FOR_S


def test_an_address_that_is_refused_costs_nobody_else_the_reminder(
    announced: Announce, simulation: Simulation
) -> None:
    announced()
    other = Simulation.objects.defer(None).get(pk=simulation.pk)
    other.pk, other.notify_email = uuid.uuid4(), "gone@example.org"
    other.save(force_insert=True)
    EmailAddress.objects.create(user=other.owner, email=other.notify_email, verified=True)
    announced(simulation=other)
    days_pass(4.1)
    for refused in ("gone@example.org", "alice@example.org"):
        post = PickyPost(refused)
        remind_owners(replace(make_bench(), post=post))

        assert len(post.taken) == 1
