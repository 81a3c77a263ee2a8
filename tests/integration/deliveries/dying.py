"""A delivery in a process of its own, which kills itself with SIGKILL at its n-th step.

A step is a request to the storage backend or a write of the ledger; the process dies before it, or after
it was answered.  Nothing of the delivery itself is changed.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import requests

from simcrate.delivery import DeliveryRecord, FileLedger, deliver, open_ledger
from simcrate.storage import PatientBackends, RetryPolicy, StorageDefinition
from simcrate.storage.patient import BLIP

STEPS: tuple[tuple[type, str], ...] = (
    (FileLedger, "_write"),
    (httpx.HTTPTransport, "handle_request"),
    (requests.adapters.HTTPAdapter, "send"),
)
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One crate on its way to one storage backend."""

    folder: Path
    delivery_id: UUID
    definition: StorageDefinition
    environment: Mapping[str, str] = field(default_factory=dict)
    policy: RetryPolicy = BLIP

    @property
    def crate_path(self) -> Path:
        return self.folder / str(self.delivery_id) / "study.zip"

    @property
    def announced_path(self) -> Path:
        return self.folder / "announced"

    def put(self, content: bytes) -> None:
        self.crate_path.parent.mkdir(parents=True)
        self.crate_path.write_bytes(content)

    def sha256(self) -> str:
        return hashlib.sha256(self.crate_path.read_bytes()).hexdigest()

    def run(self, *, sha256: str = "") -> DeliveryRecord:
        """As a worker does it; the digest is the file's if none is given."""

        def announce(record: DeliveryRecord) -> None:
            with self.announced_path.open("a") as file:
                file.write(f"{record.message_id}\n")

        with open_ledger(
            self.crate_path,
            delivery_id=self.delivery_id,
            size_bytes=self.crate_path.stat().st_size,
            sha256=sha256 or self.sha256(),
            keep_days=7,
        ) as ledger:
            backends = PatientBackends(policy=self.policy)
            return deliver(ledger, lambda: backends.open(self.definition), announce)


def die_at(errand: Errand, step: int, *, after: bool) -> bool:
    """Run it in a process that dies at that step; false when it came to its end before."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_run_and_die, args=(errand, step, after))
    process.start()
    process.join(TIMEOUT_S)
    assert process.exitcode in {0, -signal.SIGKILL}, process.exitcode
    return process.exitcode != 0


def _run_and_die(errand: Errand, step: int, after: bool) -> None:  # noqa: FBT001 - positional by multiprocessing
    os.environ.update(errand.environment)
    numbers = itertools.count()
    for owner, name in STEPS:
        setattr(owner, name, _deadly(getattr(owner, name), numbers, step, after=after))
    errand.run()


def _deadly(
    work: Callable[..., Any], numbers: itertools.count[int], step: int, *, after: bool
) -> Callable[..., Any]:
    @functools.wraps(work)
    def deadly(*args: object, **kwargs: object) -> object:
        is_due = next(numbers) == step
        if is_due and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        value = work(*args, **kwargs)
        if is_due:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    return deadly
