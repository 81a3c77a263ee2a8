"""One server's parts, put together once and handed to every handler."""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from starlette.requests import Request

from simcrate.durable import replace_file
from simcrate.localcloud.audit import AuditLog
from simcrate.localcloud.blobs import BlobStore
from simcrate.localcloud.clock import Clock
from simcrate.localcloud.config import Config
from simcrate.localcloud.counters import Counters
from simcrate.localcloud.coverage import DownloadCounter
from simcrate.localcloud.ledger import open_ledger
from simcrate.localcloud.limits import RateLimit
from simcrate.localcloud.sessions import Sessions

P = ParamSpec("P")
T = TypeVar("T")

KEY_BYTES = 32


class Cloud:
    """Ledger, blobs and what lives in memory beside them.

    Args:
        config: as given at start; the folder is made if absent.
        clock: seconds since 1970.

    Raises:
        BadInputError: the folder has blobs and no ledger.
    """

    def __init__(self, config: Config, *, clock: Clock = time.time) -> None:
        config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.config = config
        self.clock = clock
        self.ledger = open_ledger(config.folder)
        self.blobs = BlobStore(config.folder)
        self.sessions = Sessions()
        self.downloads = DownloadCounter(self.ledger)
        self.counters = Counters()
        self.audit = AuditLog(config.audit_file or config.folder / "audit.jsonl", clock)
        self.requests = RateLimit(per_s=config.requests_per_s, burst=4 * config.requests_per_s)
        per_minute = config.failures_per_minute
        self.failures = RateLimit(per_s=per_minute / 60, burst=per_minute)
        self.public_url = config.public_url.rstrip("/")
        self._key = _own_key(config.folder / "key")
        self._pool = ThreadPoolExecutor(config.threads, thread_name_prefix="local-cloud")

    def now(self) -> float:
        """Seconds since 1970."""
        return self.clock()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what may block (disk, hash, durable transaction) beside the event loop.

        A cancelled caller waits for the thread first: it may be using the caller's file.
        """
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, partial(function, *args, **kwargs))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def derive_token(self, purpose: str, subject: str) -> str:
        """A token that only this server can make, the same each time and stored nowhere."""
        digest = hmac.digest(self._key, f"{purpose}:{subject}".encode(), "sha256")
        return digest[:20].hex()

    def close(self) -> None:
        """Finish what the threads are doing and close the files."""
        self._pool.shutdown(wait=True)
        self.ledger.close()


def cloud_of(request: Request) -> Cloud:
    """The server that a request came to."""
    cloud = request.app.state.cloud
    assert isinstance(cloud, Cloud)
    return cloud


def _own_key(path: Path) -> bytes:
    if not path.exists():
        replace_file(path, os.urandom(KEY_BYTES), mode=0o600)
    return path.read_bytes()
