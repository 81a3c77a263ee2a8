"""Stage 7: the outcome becomes a mail.

`compose` writes the message, a `Post` sends it: `SmtpPost` to a mail server, `OutboxPost` into
`var/outbox/*.eml` where none is configured.  The Message-ID is fixed per delivery, so that a message that
was sent twice is one message to mail programs.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Protocol

from simcrate.durable import replace_file
from simcrate.errors import NotifyError, RecipientRefusedError
from simcrate.pipeline.jobs import Completion
from simcrate.secret import Secret

STAGE = "notify"
SMTP_TIMEOUT_S = 30.0
NO_SUCH_RECIPIENT = re.compile(rb"\s*5\.1\.(1|2|3|6|10)\b")
"""What says that the address itself is wrong (RFC 3463, section 3.2; RFC 7505, section 4.2).

Other answers of 5xx may be about us: a relay that does not know us any more gives them to every recipient.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is announced of a simulation."""

    title: str
    message_id: str
    written_at: datetime
    """Aware UTC, the same for every try: a duplicate is the same message to the byte."""
    page_url: str
    """The simulation's page on the portal."""
    runs: str
    """How the runs ended, as in `3 completed, 1 failed`."""
    completion: Completion
    problems: Sequence[str]
    """One sentence for each thing that went wrong."""
    link_url: str = ""
    """Empty: there is no link, and `error` says why."""
    permalink_url: str = ""
    expires_at: datetime | None = None
    """None: kept for ever."""
    size_bytes: int = 0
    sha256: str = ""
    error: str = ""

    @property
    def is_delivered(self) -> bool:
        """Whether there is something to fetch."""
        return bool(self.link_url)


class Post(Protocol):
    """Something that sends a message."""

    def send(self, message: EmailMessage) -> None:
        """Send it; raises `NotifyError`."""
        ...


def notify(outcome: Outcome, *, sender: str, recipient: str, post: Post) -> None:
    """Tell the user.

    Raises:
        NotifyError: the mail was not accepted; nothing is known to have been sent.
    """
    post.send(compose(outcome, sender=sender, recipient=recipient))


def compose(outcome: Outcome, *, sender: str, recipient: str) -> EmailMessage:
    """Write the message, as plain text and as HTML."""
    return write_message(
        subject=_subject(outcome),
        sender=sender,
        recipient=recipient,
        message_id=outcome.message_id,
        written_at=outcome.written_at,
        paragraphs=_paragraphs(outcome),
    )


def write_message(
    *,
    subject: str,
    sender: str,
    recipient: str,
    message_id: str,
    written_at: datetime,
    paragraphs: Sequence[str],
) -> EmailMessage:
    """A message of some paragraphs, as plain text and as HTML."""
    message = EmailMessage()
    message["Subject"] = _one_line(subject)
    message["From"] = sender
    message["To"] = recipient
    message["Date"] = format_datetime(written_at)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n\n".join(paragraphs) + "\n")
    message.add_alternative(_html(paragraphs), subtype="html")
    return message


def _subject(outcome: Outcome) -> str:
    """All of it that many people read."""
    if not outcome.is_delivered:
        return f"Results of '{outcome.title}' could not be delivered"
    match outcome.completion:
        case Completion.ALL:
            return f"Results of '{outcome.title}' are ready"
        case Completion.SOME:
            return f"Results of '{outcome.title}' are ready in part: {outcome.runs}"
        case Completion.NONE:
            return f"No run of '{outcome.title}' completed: {outcome.runs}"


def _paragraphs(outcome: Outcome) -> list[str]:
    if outcome.is_delivered:
        kept = (
            f"It is kept until {outcome.expires_at:%d %B %Y, %H:%M} UTC."
            if outcome.expires_at
            else "It is kept for ever."
        )
        facts = f"Size: {outcome.size_bytes:,} bytes\nSHA-256: {outcome.sha256}"
        first = [
            f"the simulation '{outcome.title}' has ended ({outcome.runs}), and its crate is ready:",
            outcome.link_url,
            f"{kept} The permalink always leads to the newest working link:",
            outcome.permalink_url,
            facts,
            "To check the file: simcrate verify FILE.zip, or sha256sum FILE.zip.",
        ]
    else:
        first = [
            f"the simulation '{outcome.title}' has ended ({outcome.runs}), "
            "but its crate could not be delivered:",
            outcome.error,
            "Nothing was deleted: what was recorded is kept on the worker until it is delivered or "
            "discarded; both can be done on its page.",
        ]
    problems = ["What went wrong on the way:\n" + "\n".join(f"- {p}" for p in outcome.problems)]
    return [
        "Hello,",
        *first,
        *(problems if outcome.problems else []),
        f"Everything about it: {outcome.page_url}",
        "SimCrate",
    ]


def _html(paragraphs: Sequence[str]) -> str:
    body = "\n".join(f"<p>{_linked(paragraph)}</p>" for paragraph in paragraphs)
    return f'<html lang="en"><body style="font-family: sans-serif">\n{body}\n</body></html>\n'


def _linked(paragraph: str) -> str:
    """Escaped text, with addresses as links and line ends kept."""
    words = []
    for word in escape(paragraph).replace("\n", "<br>\n").split(" "):
        is_link = word.startswith(("http://", "https://"))
        words.append(f'<a href="{word}">{word}</a>' if is_link else word)
    return " ".join(words)


def _one_line(text: str) -> str:
    """Header text: a title is a user's and may hold line ends."""
    return " ".join(text.split())


class OutboxPost:
    """Writes messages to a directory: for machines without a mail server."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def send(self, message: EmailMessage) -> None:
        """One file for each Message-ID: a duplicate replaces its twin."""
        name = str(message["Message-ID"]).strip("<>").replace("/", "_") + ".eml"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            replace_file(self._directory / name, bytes(message))
        except OSError as error:
            text = f"could not write the mail to the outbox: {error.strerror}"
            raise NotifyError(text, detail=str(error)) from error


class SmtpPost:
    """Sends messages through a mail server.

    Args:
        host: the server's name or address.
        port: the server's port.
        user: whom to log in as; empty: nobody.
        password: the user's.
        tls: TLS from the first byte.
        starttls: TLS by the STARTTLS command; a server without it is an error.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str = "",
        password: Secret | None = None,
        tls: bool = False,
        starttls: bool = False,
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._tls = tls
        self._starttls = starttls

    def send(self, message: EmailMessage) -> None:
        """Hand the message over; it counts as sent when the server has accepted it.

        Raises:
            RecipientRefusedError: the server says that there is no such address, which repeating does not change.
            NotifyError: anything else went wrong.
        """
        try:
            with self._connect() as server:
                if self._starttls:
                    server.starttls(context=ssl.create_default_context())
                if self._user and self._password:
                    server.login(self._user, self._password.reveal())
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise _refused(error) from error
        except (OSError, smtplib.SMTPException) as error:
            text = "could not send the mail: the mail server did not accept it"
            raise NotifyError(text, detail=f"{self._host}:{self._port}: {error}") from error

    def _connect(self) -> smtplib.SMTP:
        if self._tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, timeout=SMTP_TIMEOUT_S, context=context)
        return smtplib.SMTP(self._host, self._port, timeout=SMTP_TIMEOUT_S)


def _refused(error: smtplib.SMTPRecipientsRefused) -> NotifyError:
    """Whether it helps to come back is in the enhanced status code."""
    recipient, (code, answer) = next(iter(error.recipients.items()))
    said = f"could not send the mail: the mail server does not take mail for {recipient} ({code})"
    if NO_SUCH_RECIPIENT.match(answer):
        text = f"{said}; correct the address and look at the page instead"
        return RecipientRefusedError(text, detail=repr(answer))
    return NotifyError(said, detail=repr(answer))
