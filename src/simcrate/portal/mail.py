"""Where the portal's own mail goes: an SMTP server, or files in `var/outbox` where there is none."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from simcrate.durable import replace_file
from simcrate.errors import BadInputError
from simcrate.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """An SMTP server and how to talk to it."""

    host: str
    port: int
    user: str
    password: Secret
    tls: bool
    """TLS from the first byte."""
    starttls: bool


def parse_smtp_url(url: str) -> MailServer:
    """Read `smtp://user:password@host:port?starttls=1`, or `smtps://…`.

    Raises:
        BadInputError: it is no such URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        message = (
            "SIMCRATE_SMTP_URL cannot be used: write smtp://user:password@host:port?starttls=1"
        )
        raise BadInputError(message)
    tls = parts.scheme == "smtps"
    return MailServer(
        host=parts.hostname,
        port=parts.port or (465 if tls else 25),
        user=unquote(parts.username or ""),
        password=Secret(unquote(parts.password or "")),
        tls=tls,
        starttls=not tls and parse_qs(parts.query).get("starttls") == ["1"],
    )


class OutboxBackend(BaseEmailBackend):
    """Writes each mail to a file of its own, readable by every mail program."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write each whole or not at all, as whoever watches the outbox expects."""
        outbox_dir: Path = settings.OUTBOX_DIR
        outbox_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        for message in email_messages:
            path = outbox_dir / f"{uuid.uuid4()}.eml"
            replace_file(path, message.message().as_bytes())
        return len(email_messages)
