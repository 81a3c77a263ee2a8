"""Upload 1 GB to local-cloud, against `rclone copy` to `rclone serve webdav` and `curl -T` to copyparty.

All on loopback, in turns, each server on an empty folder of one disk.  Ours compares the SHA-256 and
has the file on the disk when it answers; the peers do neither.  Ours is timed in a process that runs
already, as a worker does; the peers' clients start in some hundredths of a second.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import Row
from benchmarks._peers import copyparty, rclone, rclone_webdav
from tests.servers.localcloud import local_cloud

SIZE_BYTES = 1_000_000_000
BLOCK_BYTES = 10_000_000
ROUNDS = 3
MEMORY_TARGET_MB = 80.0

UPLOAD = """
import json, os, resource, sys, time
from pathlib import Path
from simcrate.storage import Source, StorageDefinition, open_backend

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10

address, path, sha256 = sys.argv[1:]
definition = StorageDefinition(
    name="bench", id="local", token=address, config={"secret": os.environ["BENCH_SECRET"]}
)
backend = open_backend(definition)
backend.space()
idle_mb = resident_mb()
source = Source(path=Path(path), size_bytes=os.path.getsize(path), sha256=sha256)
began = time.perf_counter()
backend.upload(source, "bench/1GB.zip", save_resume=lambda _: None, progress=lambda _: None)
print(json.dumps([time.perf_counter() - began, peak_mb() - idle_mb]))
"""


def run(size_bytes: int = SIZE_BYTES) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="simcrate-bench-") as name:
        folder = Path(name)
        crate, sha256 = _write_crate(folder / "1GB.zip", size_bytes)
        grown_mb: list[float] = []
        ways: dict[str, Callable[[Path], float]] = {
            "ours": lambda store: _ours(store, crate, sha256, grown_mb),
            "rclone copy to rclone serve webdav": lambda store: _rclone(store, crate),
            "curl -T to copyparty": lambda store: _curl(store, crate),
        }
        best_s = dict.fromkeys(ways, float("inf"))
        for _ in range(ROUNDS):
            for way, upload in ways.items():
                store = folder / "store"
                store.mkdir()
                best_s[way] = min(best_s[way], upload(store))
                shutil.rmtree(store)
    ours_s = best_s.pop("ours")
    speeds = [
        Row(
            claim=f"upload of {size_bytes / 1e9:.1f} GB to local-cloud, digest compared",
            ours=f"{size_bytes / ours_s / 1e6:.0f} MB/s",
            peer=f"{way}: {size_bytes / peer_s / 1e6:.0f} MB/s",
            ratio=peer_s / ours_s,
            target=1.0,
        )
        for way, peer_s in best_s.items()
    ]
    return [*speeds, _memory(size_bytes, max(grown_mb))]


def _memory(size_bytes: int, grown_mb: float) -> Row:
    return Row(
        claim=f"memory of the uploader over idle, {size_bytes / 1e9:.1f} GB",
        ours=f"{grown_mb:.1f} MB",
        peer=f"allowed: {MEMORY_TARGET_MB:.0f} MB",
        ratio=MEMORY_TARGET_MB / max(grown_mb, 0.1),
        target=1.0,
    )


def _write_crate(path: Path, size_bytes: int) -> tuple[Path, str]:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size_bytes // BLOCK_BYTES):
            block = os.urandom(BLOCK_BYTES)
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return path, digest.hexdigest()


def _ours(store: Path, crate: Path, sha256: str, grown_mb: list[float]) -> float:
    with local_cloud(store / "cloud") as server:
        environment = {**os.environ, "BENCH_SECRET": server.secret.reveal()}
        command = [sys.executable, "-c", UPLOAD, server.address, str(crate), sha256]
        outcome = subprocess.run(command, env=environment, check=True, capture_output=True)
    elapsed_s, megabytes = json.loads(outcome.stdout)
    grown_mb.append(megabytes)
    return float(elapsed_s)


def _rclone(store: Path, crate: Path) -> float:
    with rclone_webdav(store) as url:
        return _timed([str(rclone()), "copy", str(crate), ":webdav:", "--webdav-url", url])


def _curl(store: Path, crate: Path) -> float:
    with copyparty(store) as url:
        return _timed(["curl", "--silent", "--fail", "-o", os.devnull, "-T", str(crate), f"{url}/"])


def _timed(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began
