"""The steps of the doctor that are the same for every storage backend.

A backend's `check` looks after credentials and target, and ends with `yield from canary_steps(self)`:
space, then a small file that is written, linked, fetched as anybody would, compared, deleted, and looked
for again.
"""

from __future__ import annotations

import hashlib
import secrets
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from uuid import uuid4

import httpx

from simcrate.errors import (
    StorageAuthError,
    StorageBusyError,
    StorageError,
    StorageFullError,
    StorageIntegrityError,
    StorageNotFoundError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.storage.base import (
    Finding,
    Link,
    LinkPolicy,
    Source,
    StorageBackend,
    StoredCrate,
)

CANARY_BYTES = 1024
FETCH_TIMEOUT_S = 30.0
CLOCK_SKEW_LIMIT_S = (
    300.0  # more than any healthy clock is off, less than an hour's wrong time zone
)

TODO: dict[type[StorageError], str] = {
    StorageAuthError: "write valid credentials into the definition, with the permissions that the docs name",
    StorageFullError: "free space there, or define a backend with more",
    StorageBusyError: "try again later; if it stays so, ask the provider to raise the limit",
    StorageUnreachableError: "check the address, that the server runs, and the firewalls between",
    StorageIntegrityError: "check proxies between here and there, and the storage's disk",
    StorageNotFoundError: "check that the target named in the definition exists and was not moved",
    StorageRefusedError: "allow it in the provider's settings, or change the definition",
}

Fetch = Callable[[Link], bytes]
"""Get what a link serves as an anonymous user; raises `StorageError`."""


def todo_for(error: StorageError) -> str:
    """What an administrator does about an error of this class."""
    return next(
        (TODO[cls] for cls in type(error).__mro__ if cls in TODO), "see the log of the worker"
    )


def finding_of(step: str, error: StorageError) -> Finding:
    """The finding that a step ended with an error."""
    return Finding(step=step, ok=False, seen=str(error), todo=todo_for(error))


def fetch_anonymously(link: Link, *, trust: ssl.SSLContext | None = None) -> bytes:
    """GET the link with no credentials at all, following redirects.

    Args:
        link: as it would be sent to a user.
        trust: the certificates that users trust; None: those of this machine.

    Raises:
        StorageUnreachableError: no answer, or a failure of the server.
        StorageRefusedError: any other status than 200.
    """
    try:
        with httpx.Client(
            follow_redirects=True, timeout=FETCH_TIMEOUT_S, verify=trust or True
        ) as client:
            answer = client.get(link.url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        message = "could not fetch the link as an anonymous user: no answer"
        raise StorageUnreachableError(message, detail=f"{type(error).__name__}: {error}") from error
    if answer.status_code != httpx.codes.OK:
        message = f"could not fetch the link as an anonymous user: HTTP {answer.status_code}"
        raise (StorageUnreachableError if answer.is_server_error else StorageRefusedError)(message)
    return answer.content


def clock_skew_s(answer: httpx.Response, now_s: float) -> float | None:
    """How far the server's clock is ahead of ours, in seconds; None where it does not say.

    Args:
        answer: its `Date` header counts (RFC 9110, 6.6.1).
        now_s: our clock, seconds since 1970.
    """
    try:
        return parsedate_to_datetime(answer.headers["Date"]).timestamp() - now_s
    except (KeyError, ValueError):
        return None


def canary_steps(backend: StorageBackend, *, fetch: Fetch = fetch_anonymously) -> Iterator[Finding]:
    """Space, write, link, fetch, delete, gone.

    Whatever fails after the write, the canary is deleted.  Ends after the first step that fails, but
    for `delete` and `gone`, which follow every write.
    """
    canary = _Canary(backend, fetch)
    for step in (canary.space, canary.write):
        finding = _attempt(step)
        yield finding
        if not finding.ok:
            return
    for step in (canary.link, canary.fetch):
        finding = _attempt(step)
        yield finding
        if not finding.ok:
            break
    for step in (canary.delete, canary.gone):
        yield _attempt(step)


def _attempt(step: Callable[[], Finding]) -> Finding:
    try:
        return step()
    except StorageError as error:
        return finding_of(step.__name__, error)


@dataclass(slots=True)
class _Canary:
    """One small file on its way through a backend; each method is a step and bears its name."""

    backend: StorageBackend
    fetch_link: Fetch
    content: bytes = field(default_factory=lambda: secrets.token_bytes(CANARY_BYTES))
    stored: StoredCrate | None = None
    made_link: Link | None = None

    def space(self) -> Finding:
        space = self.backend.space()
        if space.free_bytes is None:
            return Finding(step="space", ok=True, seen="the provider does not say how much is free")
        seen = f"{space.free_bytes / 1e9:.1f} GB free"
        if space.free_bytes < CANARY_BYTES:
            return Finding(step="space", ok=False, seen=seen, todo=TODO[StorageFullError])
        return Finding(step="space", ok=True, seen=seen)

    def write(self) -> Finding:
        with _source(self.content) as source:
            self.stored = self.backend.upload(
                source,
                f"{uuid4()}/simcrate-check.zip",
                save_resume=lambda _: None,
                progress=lambda _: None,
            )
        compared = (
            f"its {self.stored.digest.partition(':')[0]} digest"
            if self.stored.digest
            else "its size"
        )
        return Finding(
            step="write", ok=True, seen=f"wrote {CANARY_BYTES} bytes and compared {compared}"
        )

    def link(self) -> Finding:
        assert self.stored is not None
        self.made_link = self.backend.link(self.stored, LinkPolicy())
        remarks = "; ".join(("made a link", *self.made_link.remarks))
        return Finding(step="link", ok=True, seen=remarks)

    def fetch(self) -> Finding:
        assert self.made_link is not None
        received = self.fetch_link(self.made_link)
        if received != self.content:
            seen = f"the link serves {len(received)} bytes that are not the {CANARY_BYTES} written"
            todo = (
                "open the link in a private browser window: a login page or a preview stands there"
            )
            return Finding(step="fetch", ok=False, seen=seen, todo=todo)
        return Finding(step="fetch", ok=True, seen="an anonymous user gets the same bytes")

    def delete(self) -> Finding:
        assert self.stored is not None
        self.backend.delete(self.stored)
        return Finding(step="delete", ok=True, seen="deleted the file")

    def gone(self) -> Finding:
        assert self.stored is not None
        try:
            self.backend.stat(self.stored)
        except StorageNotFoundError:
            return Finding(step="gone", ok=True, seen="the file is gone")
        todo = "remove 'simcrate-check.zip' by hand, and allow this account to delete"
        return Finding(step="gone", ok=False, seen="the file is still there", todo=todo)


@contextmanager
def _source(content: bytes) -> Iterator[Source]:
    with tempfile.TemporaryDirectory(prefix="simcrate-check-") as folder:
        path = Path(folder) / "simcrate-check.zip"
        path.write_bytes(content)
        yield Source(path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
