"""Messages, the copies that nodes carry, and the buffers that hold them."""

from __future__ import annotations

from collections.abc import Iterator, KeysView
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one node wants another to have."""

    id: int
    source: int
    destination: int
    size_bytes: int
    created_s: float
    expires_s: float
    """Infinite when it never expires."""


@dataclass(slots=True, kw_only=True)
class Copy:
    """A message in a node's buffer."""

    message: Message

    hop_count: int
    """Transfers it has behind it; 0 at the source."""

    tokens: int
    """Copies that this one stands for; only routing that limits copies looks at it."""

    sending: int = 0
    """How many transfers of it are going on; a copy that is being sent is not dropped."""


class Buffer:
    """Copies in the order in which they came, at most one of each message."""

    def __init__(self, capacity_bytes: float) -> None:
        self.capacity_bytes = capacity_bytes
        """Infinite for no limit."""

        self.used_bytes = 0
        self._copies: dict[int, Copy] = {}

    def __contains__(self, message_id: int) -> bool:
        return message_id in self._copies

    def __iter__(self) -> Iterator[Copy]:
        return iter(self._copies.values())

    def __len__(self) -> int:
        return len(self._copies)

    @property
    def message_ids(self) -> KeysView[int]:
        """Messages that it holds a copy of."""
        return self._copies.keys()

    def get(self, message_id: int) -> Copy | None:
        """The copy of a message, if there is one."""
        return self._copies.get(message_id)

    def add(self, copy: Copy) -> None:
        """Put a copy in; there must be room."""
        assert copy.message.id not in self._copies
        self._copies[copy.message.id] = copy
        self.used_bytes += copy.message.size_bytes

    def remove(self, message_id: int) -> Copy:
        """Take a copy out."""
        copy = self._copies.pop(message_id)
        self.used_bytes -= copy.message.size_bytes
        return copy

    def victims(self, size_bytes: int) -> list[Copy] | None:
        """The copies to drop, oldest first, so that so many bytes fit; None when they cannot fit."""
        missing = self.used_bytes + size_bytes - self.capacity_bytes
        chosen: list[Copy] = []
        for copy in self._copies.values():
            if missing <= 0:
                break
            if not copy.sending:
                chosen.append(copy)
                missing -= copy.message.size_bytes
        return chosen if missing <= 0 else None
