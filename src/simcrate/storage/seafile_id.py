"""The id that Seafile gives to a file's content, computed here.

Content is cut into blocks of 8 MiB (`fixed_block_size`, the servers' default); the id is the SHA-1 of a
JSON text with the blocks' SHA-1s and the size.  Matched on servers 11.0.3 and 12.0.4, plain and chunked.
It does not hold for encrypted libraries, nor where an administrator changed the block size.

Source: observed; the exchanges are in `tests/data/seafile`.
"""

from __future__ import annotations

import hashlib
import json

BLOCK_BYTES = 8 * 1024 * 1024
EMPTY_ID = "0" * 40  # Seafile stores no object for an empty file


class SeafileId:
    """A hasher like those of `hashlib`; SHA-1 is Seafile's choice and guards against accidents only."""

    def __init__(self) -> None:
        self._block = _sha1()
        self._room = BLOCK_BYTES
        self._ids: list[str] = []
        self._size = 0

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        self._size += len(view)
        while view:
            part, view = view[: self._room], view[self._room :]
            self._block.update(part)
            self._room -= len(part)
            if not self._room:
                self._end_block()

    def hexdigest(self) -> str:
        """The id of what was taken so far; ends the hashing."""
        if self._room < BLOCK_BYTES:
            self._end_block()
        if not self._size:
            return EMPTY_ID
        seafile = {"block_ids": self._ids, "size": self._size, "type": 1, "version": 1}
        return _sha1(json.dumps(seafile, sort_keys=True).encode()).hexdigest()

    def _end_block(self) -> None:
        self._ids.append(self._block.hexdigest())
        self._block = _sha1()
        self._room = BLOCK_BYTES


def _sha1(data: bytes = b"") -> hashlib._Hash:
    return hashlib.sha1(data, usedforsecurity=False)
