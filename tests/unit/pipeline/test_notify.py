from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

from simcrate.errors import NotifyError, RecipientRefusedError
from simcrate.pipeline.jobs import Completion
from simcrate.pipeline.notify import OutboxPost, Outcome, SmtpPost, compose, notify
from tests.servers.ports import free_port

DELIVERED = Outcome(
    title="Epidemic <b>study</b>",
    message_id="<1234@simcrate>",
    written_at=datetime(2026, 11, 25, 12, tzinfo=UTC),
    page_url="http://portal.example/simulations/1/",
    runs="3 completed, 1 failed",
    completion=Completion.SOME,
    problems=["Run 3: it ran out of memory."],
    link_url="http://cloud.example/abc/epidemic.zip",
    permalink_url="http://portal.example/r/xyz",
    expires_at=datetime(2026, 12, 2, 12, tzinfo=UTC),
    size_bytes=1234567,
    sha256="ab" * 32,
)
FAILED = replace(DELIVERED, link_url="", error="quota exceeded; free space.")


def text_of(outcome: Outcome, kind: str = "plain") -> str:
    message = compose(outcome, sender="a@example.org", recipient="b@example.org")
    body = message.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def test_the_mail_says_where_what_and_how_long() -> None:
    text = text_of(DELIVERED)

    for fact in (
        "http://cloud.example/abc/epidemic.zip",
        "http://portal.example/r/xyz",
        "02 December 2026, 12:00 UTC",
        "1,234,567 bytes",
        "ab" * 32,
        "3 completed, 1 failed",
        "Run 3: it ran out of memory.",
    ):
        assert fact in text


def test_a_delivery_that_failed_says_why_and_that_nothing_is_lost() -> None:
    text = text_of(FAILED)

    assert "quota exceeded; free space." in text
    assert "Nothing was deleted" in text
    assert "could not be delivered" in compose(FAILED, sender="a@b.c", recipient="d@e.f")["Subject"]


@pytest.mark.parametrize(
    ("completion", "subject"),
    [
        (Completion.ALL, "Results of 'S' are ready"),
        (Completion.SOME, "Results of 'S' are ready in part: 3 completed, 1 failed"),
        (Completion.NONE, "No run of 'S' completed: 3 completed, 1 failed"),
    ],
)
def test_the_subject_says_how_much_of_it_there_is(completion: Completion, subject: str) -> None:
    outcome = replace(DELIVERED, title="S", completion=completion)

    assert compose(outcome, sender="a@b.c", recipient="d@e.f")["Subject"] == subject


def test_without_an_expiry_it_is_kept_for_ever() -> None:
    assert "kept for ever" in text_of(replace(DELIVERED, expires_at=None))


def test_a_hostile_title_stays_text() -> None:
    assert "<b>" not in text_of(DELIVERED, "html")
    assert "&lt;b&gt;" in text_of(DELIVERED, "html")


def test_a_title_with_line_ends_adds_no_header() -> None:
    outcome = replace(DELIVERED, title="x\r\nBcc: everybody@example.org")
    message = compose(outcome, sender="a@example.org", recipient="b@example.org")

    assert message["Bcc"] is None


def test_a_duplicate_is_the_same_message() -> None:
    one, two = (compose(DELIVERED, sender="a@b.c", recipient="d@e.f") for _ in range(2))

    assert one["Message-ID"] == two["Message-ID"] == "<1234@simcrate>"
    assert one["Date"] == two["Date"]


def test_in_the_outbox_a_duplicate_replaces_its_twin(tmp_path: Path) -> None:
    for _ in range(2):
        notify(DELIVERED, sender="a@b.c", recipient="d@e.f", post=OutboxPost(tmp_path / "outbox"))

    (path,) = (tmp_path / "outbox").iterdir()
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["To"] == "d@e.f"


def test_an_outbox_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")

    with pytest.raises(NotifyError, match="outbox"):
        notify(DELIVERED, sender="a@b.c", recipient="d@e.f", post=OutboxPost(tmp_path / "outbox"))


@pytest.fixture
def smtp_server(tmp_path: Path) -> Iterator[Controller]:
    mailbox = Mailbox(tmp_path / "mailbox")
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


def test_a_mail_server_gets_it(tmp_path: Path, smtp_server: Controller) -> None:
    post = SmtpPost(host="127.0.0.1", port=smtp_server.port)
    notify(DELIVERED, sender="a@b.c", recipient="d@e.f", post=post)

    (path,) = (tmp_path / "mailbox" / "new").iterdir()
    assert b"Message-ID: <1234@simcrate>" in path.read_bytes()


def test_a_mail_server_that_is_down_is_an_error_that_can_be_retried() -> None:
    with pytest.raises(NotifyError) as caught:
        notify(
            DELIVERED, sender="a@b.c", recipient="d@e.f", post=SmtpPost(host="127.0.0.1", port=9)
        )

    assert caught.value.retryable
    assert "again" not in str(
        caught.value
    )  # whoever tries it again says so, and whoever gives up does not


class Refusing:
    """A mail server that does not take the recipient."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    async def handle_RCPT(self, *_: object) -> str:  # noqa: N802 - aiosmtpd's name
        return self._answer


@pytest.mark.parametrize(
    ("answer", "is_final"),
    [
        ("550 5.1.1 no such user", True),
        ("556 5.1.10 takes no mail", True),
        ("550 5.1.8 sender's domain not found", False),
        ("554 5.7.1 relay access denied", False),
        ("550 no", False),
        ("452 mailbox full", False),
    ],
)
def test_a_recipient_that_is_refused_is_named_and_it_is_known_whether_for_good(
    answer: str, *, is_final: bool
) -> None:
    controller = Controller(Refusing(answer), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        with pytest.raises(NotifyError, match=r"mail for d@e\.f") as caught:
            notify(
                DELIVERED, sender="a@b.c", recipient="d@e.f",
                post=SmtpPost(host="127.0.0.1", port=controller.port),
            )  # fmt: skip
    finally:
        controller.stop()

    assert caught.value.retryable != is_final
    assert isinstance(caught.value, RecipientRefusedError) == is_final
