"""Remind owners of crates that expire soon; the message of `notify` with other words."""

from __future__ import annotations

from datetime import datetime

from simcrate.delivery import Reminder
from simcrate.pipeline.notify import Post, write_message


def remind(reminder: Reminder, *, sender: str, post: Post, written_at: datetime) -> None:
    """Send one reminder.

    Raises:
        NotifyError: the mail was not accepted; nothing is known to have been sent.
    """
    message = write_message(
        subject=f"Results of '{reminder.title}' expire on {reminder.expires_at:%d %B}",
        sender=sender,
        recipient=reminder.email,
        message_id=reminder.message_id,
        written_at=written_at,
        paragraphs=_paragraphs(reminder),
    )
    post.send(message)


def _paragraphs(reminder: Reminder) -> list[str]:
    return [
        "Hello,",
        f"the crate of the simulation '{reminder.title}' is kept in {reminder.storage} until "
        f"{reminder.expires_at:%d %B %Y, %H:%M} UTC and removed then. "
        "Nobody has fetched it through its permalink yet:",
        reminder.permalink_url,
        f"To keep it longer, press 'Extend' on its page: {reminder.page_url}",
        "SimCrate",
    ]
