"""Crates above 4 GB, and memory that does not grow with them."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

GIB = 1 << 30

PACK_AND_VERIFY = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from simcrate.crate import Provenance, gather, pack_crate, verify_crate

def peak_kib():  # getrusage would count the memory of the process that started this one
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

tree, target = map(Path, sys.argv[1:])
provenance = Provenance(title="large", description="", created_at=datetime(2026, 1, 1, tzinfo=UTC))
before_kib = peak_kib()
packed = pack_crate(gather(tree), provenance, target)
verification = verify_crate(target)
after_kib = peak_kib()
print(json.dumps({
    "growth_mb": (after_kib - before_kib) / 1024,
    "size_bytes": packed.size_bytes,
    "sha256": packed.sha256,
    "faults": len(verification.faults),
}))
"""


def sparse_file(path: Path, size_bytes: int, head: bytes = b"") -> None:
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size_bytes)


def pack_and_verify(tree: Path, target: Path) -> dict[str, float]:
    command = [sys.executable, "-c", PACK_AND_VERIFY, str(tree), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts: dict[str, float] = json.loads(done.stdout)
    return facts


def test_memory_does_not_grow_with_file_sizes(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    sparse_file(tree / "deflated.vec", GIB // 4)
    sparse_file(tree / "stored.gz", GIB // 4, head=b"\x1f\x8b\x08")

    facts = pack_and_verify(tree, tmp_path / "crate.zip")

    assert facts["growth_mb"] < 75, facts
    assert facts["faults"] == 0


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.timeout(900)
def test_crate_above_4_gb_is_accepted_by_every_tool_in_constant_memory(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    sparse_file(tree / "a-deflated.vec", 4 * GIB + 1)
    sparse_file(tree / "b-stored.gz", 4 * GIB + 1, head=b"\x1f\x8b\x08")
    (tree / "c-behind.sca").write_text("behind 4 GiB\n")
    crate = tmp_path / "crate.zip"

    facts = pack_and_verify(tree, crate)

    assert facts["size_bytes"] > 4 * GIB
    assert facts["growth_mb"] < 150
    assert facts["faults"] == 0
    subprocess.run(["unzip", "-tqq", crate], check=True)
    subprocess.run(["bsdtar", "-xf", crate, "-C", tree], check=True)
    with zipfile.ZipFile(crate) as archive:
        assert archive.read("results/c-behind.sca") == b"behind 4 GiB\n"
        assert archive.testzip() is None
    manifest = ["sha256sum", "-c", "--quiet", "manifest-sha256.txt"]
    subprocess.run(manifest, check=True, cwd=tree)
