"""Dropbox and Seafile reach a slow provider's bandwidth, in bounded memory.

A double delays each request by 20 ms and lets all bodies together have 50 MB/s, in a process of its own; the
upload runs in another, so that its memory is measured alone.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import resource
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import Row

DELAY_S = 0.02
CAP_MB_PER_S = 50.0
CRATE_BYTES = 256 * 1024 * 1024
MEMORY_LIMIT_MB = 80.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """How the uploading process finds the double."""

    kind: str
    token: str
    config: dict[str, Any]
    environment: dict[str, str]


def run() -> list[Row]:
    """Throughput and memory of both kinds."""
    with tempfile.TemporaryDirectory() as folder:
        crate_path = Path(folder) / "crate.zip"
        digest = _write_crate(crate_path)
        rows = []
        for kind, serve in (("Seafile", serve_seafile), ("Dropbox", serve_dropbox)):
            elapsed_s, growth_mb = _measure(serve, crate_path, digest)
            speed = CRATE_BYTES / 1e6 / elapsed_s
            rows += [
                Row(
                    claim=f"upload to {kind} with 20 ms a request and a cap",
                    ours=f"{speed:.1f} MB/s",
                    peer=f"the cap {CAP_MB_PER_S:.0f} MB/s",
                    ratio=speed / CAP_MB_PER_S,
                    target=0.85,
                ),
                Row(
                    claim=f"memory that an upload to {kind} adds",
                    ours=f"{growth_mb:.0f} MB",
                    peer=f"the limit {MEMORY_LIMIT_MB:.0f} MB",
                    ratio=MEMORY_LIMIT_MB / max(growth_mb, 1.0),
                    target=1.0,
                ),
            ]
    return rows


def serve_seafile(pipe: Connection) -> None:
    """Run the double of Seafile until the other end of the pipe closes."""
    from tests.servers.http_double import Throttle
    from tests.servers.seafile import seafile_server

    throttle = Throttle(delay_s=DELAY_S, bytes_per_s=CAP_MB_PER_S * 1e6)
    with seafile_server(throttle=throttle) as server:
        account = server.state.add_account("alice@loop.test")
        library = server.state.add_library("results", account.login)
        config = {"token": account.token, "repoid": library.id, "server": server.url}
        pipe.send(Target(kind="seafile", token="", config=config, environment={}))
        _wait_for_the_end(pipe)


def serve_dropbox(pipe: Connection) -> None:
    """Run the double of Dropbox until the other end of the pipe closes."""
    from tests.servers.dropbox import dropbox_server
    from tests.servers.http_double import Throttle

    throttle = Throttle(delay_s=DELAY_S, bytes_per_s=CAP_MB_PER_S * 1e6)
    with dropbox_server(throttle) as server:
        token = server.state.add_access_token()
        pipe.send(Target(kind="dropbox", token=token, config={}, environment=server.environment))
        _wait_for_the_end(pipe)


def upload_and_measure(pipe: Connection, target: Target, crate_path: Path, digest: str) -> None:
    """Upload a small crate to have everything loaded, then the large one; send seconds and MB."""
    os.environ.update(target.environment)
    from simcrate.storage import Source, StorageDefinition, open_backend
    from simcrate.storage.contract import make_source, new_name

    definition = StorageDefinition(
        name=target.kind, id=target.kind, token=target.token, config=target.config
    )
    with tempfile.TemporaryDirectory() as folder, closing(open_backend(definition)) as backend:
        small = make_source(Path(folder) / "small.zip", b"small")
        large = Source(path=crate_path, size_bytes=CRATE_BYTES, sha256=digest)
        backend.upload(small, new_name(), save_resume=lambda _: None, progress=lambda _: None)
        idle_bytes = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
        started = time.perf_counter()
        backend.upload(large, new_name(), save_resume=lambda _: None, progress=lambda _: None)
        elapsed_s = time.perf_counter() - started
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    pipe.send((elapsed_s, (peak_bytes - idle_bytes) / 1e6))


def _measure(serve: Any, crate_path: Path, digest: str) -> tuple[float, float]:  # noqa: ANN401
    ours, theirs = _spawn.Pipe()
    server = _spawn.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    theirs.close()
    with ours:
        target = ours.recv()
        answer, end = _spawn.Pipe(duplex=False)
        client = _spawn.Process(target=upload_and_measure, args=(end, target, crate_path, digest))
        client.start()
        end.close()
        with answer:
            elapsed_s, growth_mb = answer.recv()
        client.join()
    server.join()
    return elapsed_s, growth_mb


def _wait_for_the_end(pipe: Connection) -> None:
    try:
        pipe.recv()
    except EOFError:
        return


def _write_crate(path: Path) -> str:
    digest = hashlib.sha256()
    block = os.urandom(1024 * 1024)
    with path.open("wb") as file:
        for number in range(CRATE_BYTES // len(block)):
            part = number.to_bytes(8, "big") + block[8:]
            digest.update(part)
            file.write(part)
    return digest.hexdigest()
