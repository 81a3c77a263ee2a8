"""What is kept in memory of unfinished uploads: who is sending, and the running hash.

Losing it costs time, never correctness: the hash is made again from the file.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from simcrate.localcloud.blobs import Hash
from simcrate.localcloud.problems import Problem

KEPT_HASHES = 1000
IDLE_S = 2.0  # a sender that was silent for this long may be cut off by another one


@dataclass(slots=True, kw_only=True)
class Sender:
    """The one request that may write to an upload."""

    cut: Callable[[], None] | None
    """Closes the request's connection; None where there is none."""
    heard_at: float = field(default_factory=time.monotonic)

    def heard(self) -> None:
        """Bytes arrived."""
        self.heard_at = time.monotonic()


class Sessions:
    """Senders (event loop only) and running hashes (any thread) by upload id."""

    def __init__(self) -> None:
        self._senders: dict[str, Sender] = {}
        self._hashes: OrderedDict[str, tuple[int, Hash]] = OrderedDict()
        self._hashing = threading.Lock()

    @property
    def active(self) -> int:
        """Requests that are sending just now."""
        return len(self._senders)

    def is_sending(self, upload_id: str) -> bool:
        """Whether a request is writing to an upload."""
        return upload_id in self._senders

    @contextmanager
    def sending(self, upload_id: str, *, cut: Callable[[], None] | None) -> Iterator[Sender]:
        """Be the only sender of an upload.

        Raises:
            Problem: another client is sending; if it has been silent it is cut off, so that the next
                try succeeds.
        """
        if (other := self._senders.get(upload_id)) is not None:
            if other.cut is not None and time.monotonic() - other.heard_at > IDLE_S:
                other.cut()
            message = "another client is sending this upload just now; try again in a moment"
            raise Problem("locked", message, headers={"Retry-After": "1"})
        self._senders[upload_id] = sender = Sender(cut=cut)
        try:
            yield sender
        finally:
            del self._senders[upload_id]

    def keep_hash(self, upload_id: str, offset: int, running: Hash) -> None:
        """Remember the hash of the first `offset` bytes."""
        with self._hashing:
            self._hashes[upload_id] = (offset, running)
            self._hashes.move_to_end(upload_id)
            while len(self._hashes) > KEPT_HASHES:
                self._hashes.popitem(last=False)

    def take_hash(self, upload_id: str, offset: int) -> Hash | None:
        """The hash of the first `offset` bytes, if it is known; it is the caller's then."""
        with self._hashing:
            known = self._hashes.pop(upload_id, None)
        return known[1] if known is not None and known[0] == offset else None
