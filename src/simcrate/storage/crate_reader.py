"""Read a crate for an upload once, in order, hashing what passes.

The digests are those of the bytes that were sent.  `confirm` is asked before the request that makes the
remote file visible: a crate that changed on the way is never seen by anybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from simcrate.errors import StorageIntegrityError
from simcrate.storage.base import Source
from simcrate.storage.reading import OpenSource, open_source

BLOCK_BYTES = 1024 * 1024  # of one read; hashing and sending overlap at this grain


class Hasher(Protocol):
    """What a provider's own digest is computed with."""

    def update(self, data: bytes, /) -> object:
        """Take the next bytes."""


class CrateReader:
    """A crate that is being sent; see `read_crate`."""

    def __init__(self, opened: OpenSource, hasher: Hasher) -> None:
        self._opened = opened
        self._sha256 = hashlib.sha256()
        self._hashers: tuple[Hasher, ...] = (hasher, self._sha256)
        self._hashed = 0
        self.position = 0
        """Of the next byte."""

    @property
    def at_end(self) -> bool:
        """Whether the next byte would be beyond the crate."""
        return self.position == self._opened.source.size_bytes

    def blocks(self, end: int) -> Iterator[bytes]:
        """The bytes from the position up to `end`, in blocks.

        Raises:
            StorageIntegrityError: the crate became shorter.
        """
        return self._pieces(end, BLOCK_BYTES)

    def read_to(self, end: int) -> bytes:
        """The bytes from the position up to `end`, in one; raises like `blocks`."""
        return b"".join(self._pieces(end, max(1, end - self.position)))

    def skip_to(self, offset: int) -> None:
        """Pass over what the backend has already; it is hashed all the same."""
        for _ in self.blocks(offset):
            pass

    def go_back_to(self, offset: int) -> None:
        """Read again from there; what was hashed is not hashed twice."""
        self.position = offset

    def confirm(self) -> None:
        """State that what was read, to its end, is the crate that was packed.

        Raises:
            StorageIntegrityError: it is not, or the file was touched meanwhile.
        """
        self._opened.require_unchanged()
        if not self.at_end or self._sha256.hexdigest() != self._opened.source.sha256:
            raise StorageIntegrityError(
                "could not upload the crate: it is not what was packed any more; nothing was stored,"
                " pack it again",
                detail=f"{self._opened.source.path}: SHA-256 {self._sha256.hexdigest()}",
            )

    def _pieces(self, end: int, piece_bytes: int) -> Iterator[bytes]:
        for piece in self._opened.pieces(self.position, end, piece_bytes=piece_bytes):
            fresh = piece[max(0, self._hashed - self.position) :]
            for hasher in self._hashers:
                hasher.update(fresh)
            self._hashed += len(fresh)
            self.position += len(piece)
            yield piece


@contextmanager
def read_crate(source: Source, hasher: Hasher) -> Iterator[CrateReader]:
    """Open a crate; the hasher is given every byte once and in order.

    Raises:
        StorageIntegrityError: it has not the announced size, or cannot be read.
    """
    with open_source(source) as opened:
        yield CrateReader(opened, hasher)


def hash_crate(source: Source, hasher: Hasher) -> None:
    """Give a whole crate to a hasher; raises like `read_crate` and `CrateReader.confirm`."""
    with read_crate(source, hasher) as reader:
        reader.skip_to(source.size_bytes)
        reader.confirm()
