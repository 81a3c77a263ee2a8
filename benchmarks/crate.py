"""Pack and verify about 500 MB of results, against zip, Python's zipfile, sha256sum and unzip.

The results are one run, several times over: the directory that `SIMCRATE_BENCH_DATA` names, or a generated
run of the same shape (text vectors in blocks, event numbers, times to the picosecond).  Our own times are the
best of three, since they are short; the peers run once.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import Row
from simcrate.crate import Provenance, gather, pack_crate, verify_crate

TOTAL_BYTES = 480_000_000
REPEATS = 3
SIZE_MARGIN = 1.02
MOST_MB = 150.0
VECTORS = 200
BLOCK_LINES = 30

MEASURE_MEMORY = """
import sys
from pathlib import Path
from benchmarks.crate import pack, peak_mb
before = peak_mb()
pack(Path(sys.argv[1]), Path(sys.argv[2]))
print(peak_mb() - before)
"""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="simcrate-bench-") as name:
        scratch = Path(name)
        tree = results_several_times_over(scratch / "results")
        size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
        return [*packing(tree, scratch, f"{size / 1e6:.0f} MB"), *verifying(scratch)]


def packing(tree: Path, scratch: Path, size: str) -> list[Row]:
    ours, zips, zipfiles = scratch / "ours.zip", scratch / "zip.zip", scratch / "zipfile.zip"
    ours_s = min(timed(pack, tree, ours) for _ in range(REPEATS))
    zip_s = timed(pack_with_zip, tree, zips)
    zipfile_s = timed(pack_with_zipfile, tree, zipfiles)
    smallest = min(zips.stat().st_size, zipfiles.stat().st_size)
    our_size = ours.stat().st_size
    growth_mb = memory_growth_mb(tree, scratch / "memory.zip")
    claim = f"pack {size} of results, manifest and digests included"
    return [
        Row(claim=claim, ours=f"{ours_s:.2f} s", peer=f"zip -6: {zip_s:.1f} s",
            ratio=zip_s / ours_s, target=15.0),
        Row(claim=claim, ours=f"{ours_s:.2f} s", peer=f"Python's zipfile: {zipfile_s:.1f} s",
            ratio=zipfile_s / ours_s, target=15.0),
        Row(claim="size of that crate", ours=f"{our_size / 1e6:.1f} MB",
            peer=f"the smaller of these two: {smallest / 1e6:.1f} MB",
            ratio=smallest / our_size, target=1 / SIZE_MARGIN),
        Row(claim="memory for that", ours=f"grew by {growth_mb:.0f} MB",
            peer=f"allowed: {MOST_MB:.0f} MB", ratio=MOST_MB / max(growth_mb, 1.0), target=1.0),
    ]  # fmt: skip


def verifying(scratch: Path) -> list[Row]:
    crate = scratch / "ours.zip"
    ours_s = min(timed(verify_crate, crate) for _ in range(REPEATS))
    peer_s = timed(sha256sum_and_unzip, crate)
    return [
        Row(
            claim=f"verify that crate ({crate.stat().st_size / 1e6:.0f} MB)",
            ours=f"{ours_s:.2f} s",
            peer=f"sha256sum and unzip -t: {peer_s:.2f} s",
            ratio=peer_s / ours_s,
            target=1.0,
        )
    ]


def pack(tree: Path, target: Path) -> None:
    provenance = Provenance(
        title="benchmark", description="", created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    pack_crate(gather(tree), provenance, target)


def pack_with_zip(tree: Path, target: Path) -> None:
    subprocess.run(["zip", "-6", "-q", "-r", target, "."], cwd=tree, check=True)


def pack_with_zipfile(tree: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(tree.rglob("*")):
            archive.write(path, path.relative_to(tree))


def sha256sum_and_unzip(crate: Path) -> None:
    subprocess.run(["sha256sum", crate], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["unzip", "-tqq", crate], check=True)


def memory_growth_mb(tree: Path, target: Path) -> float:
    command = [sys.executable, "-c", MEASURE_MEMORY, tree, target]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def peak_mb() -> float:
    """Peak memory of this process; `getrusage` would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def timed(work: Callable[..., object], *arguments: Path) -> float:
    started_at = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started_at


def results_several_times_over(target: Path) -> Path:
    given = os.environ.get("SIMCRATE_BENCH_DATA")
    one = Path(given) if given else generated_run(target.with_name("one"))
    size = sum(path.stat().st_size for path in one.rglob("*") if path.is_file())
    for copy in range(max(1, round(TOTAL_BYTES / size))):
        shutil.copytree(one, target / str(copy))
    return target


def generated_run(directory: Path, lines: int = 1_200_000) -> Path:
    """A vector file of some 40 MB: blocks of lines per vector, as OMNeT++ writes them."""
    dice = random.Random(1)
    directory.mkdir()
    event, at = 0, 0.0
    with (directory / "General-#0.vec").open("w") as file:
        file.write("version 3\nrun General-0-20260101-00:00:00-1\n")
        for vector in range(VECTORS):
            file.write(f"vector {vector} Net.node[{vector}].app delay:vector ETV\n")
        for block in range(lines // BLOCK_LINES):
            vector = dice.randrange(VECTORS)
            for _ in range(BLOCK_LINES):
                event += dice.randrange(1, 400)
                at += dice.expovariate(8.0)
                value = dice.randrange(1024) if vector % 2 else round(dice.random() / 50, 12)
                file.write(f"{vector}\t{event}\t{at:.12f}\t{value}\n")
            if block % 100 == 0:
                at *= 0.999
    return directory
