"""Bytes of a file into a response, at the client's pace and with little memory.

A chunk starts small and grows while the client takes it at once: a fast client gets 1 MiB at a time,
a thousand slow ones hold 32 KiB each.  What the page cache has is read in the event loop, which is
quicker than a thread's turn; the disk itself is only ever waited for in a thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator

from starlette.types import Send

from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.ranges import Span

MIN_CHUNK_BYTES = 32 << 10
MAX_CHUNK_BYTES = 1 << 20
NOTHING = {"type": "http.response.body", "body": b"", "more_body": True}
"""Sending it returns when what was sent before has left this process."""
NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)  # Linux
PROMPT_S = 0.05  # after a chunk taken within this the next one is larger


async def pump(cloud: Cloud, descriptor: int, span: Span, send: Send) -> AsyncIterator[Span]:
    """Send the bytes of a span as parts of a body that goes on; yields each part before it is sent.

    Raises:
        OSError: the file is shorter than the ledger says.
    """
    position, chunk_bytes = span.start, MIN_CHUNK_BYTES
    while position < span.end:
        wanted = min(chunk_bytes, span.end - position)
        data: memoryview | bytes | None = read_cached(descriptor, position, wanted)
        if data is None:
            data = await cloud.run(os.pread, descriptor, wanted, position)
        if not data:
            message = "a blob is shorter than the ledger says; run local-cloud scrub"
            raise OSError(message)
        yield Span(position, position + len(data))
        began = time.monotonic()
        await send({"type": "http.response.body", "body": data, "more_body": True})
        await send(NOTHING)
        position += len(data)
        chunk_bytes = next_chunk(chunk_bytes, time.monotonic() - began)


def next_chunk(chunk_bytes: int, took_s: float) -> int:
    """How much to send next, after a chunk that took so long."""
    wanted = chunk_bytes + chunk_bytes // 4 if took_s < PROMPT_S else chunk_bytes // 2
    return max(MIN_CHUNK_BYTES, min(wanted, MAX_CHUNK_BYTES))


def read_cached(descriptor: int, position: int, wanted: int) -> memoryview | None:
    """Bytes from the page cache, perhaps fewer than wanted; None if a thread has to read them."""
    if NOWAIT is None:
        return None
    buffer = bytearray(wanted)
    try:
        count = os.preadv(descriptor, [buffer], position, NOWAIT)
    except OSError:  # the disk would be waited for, or the file system cannot tell
        return None
    return memoryview(buffer)[:count] if count else None
