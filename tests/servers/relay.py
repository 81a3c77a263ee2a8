"""Carries bytes between sockets: `python relay.py FROM=TO ...`, each end `tcp:PORT` or `unix:PATH`.

It writes `ready` when it listens everywhere.  TCP is that of loopback; a UNIX socket is reached from every
network namespace, so that two relays lead from one loopback to another.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from functools import partial

READY = "ready"
CHUNK_BYTES = 1 << 16

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def main(routes: list[str]) -> None:
    for route in routes:
        source, _, target = route.partition("=")
        await listen(source, target)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def listen(source: str, target: str) -> None:
    kind, _, place = source.partition(":")
    carry = partial(relay, target)
    if kind == "unix":
        await asyncio.start_unix_server(carry, place)
    else:
        await asyncio.start_server(carry, "127.0.0.1", int(place))


async def connect(target: str) -> Ends:
    kind, _, place = target.partition(":")
    if kind == "unix":
        return await asyncio.open_unix_connection(place)
    return await asyncio.open_connection("127.0.0.1", int(place))


async def relay(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, both ways, to its end; a target that is not there hangs up."""
    try:
        far_reader, far_writer = await connect(target)
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # either side may be killed at any time
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
