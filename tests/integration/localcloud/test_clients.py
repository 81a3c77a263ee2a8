"""Programs that people have already: curl and wget."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import uuid
from pathlib import Path

import httpx
import pytest

from simcrate.localcloud.digests import repr_digest
from tests.servers.localcloud import LocalCloud

BYTES = os.urandom(3_000_000)
SHA256 = hashlib.sha256(BYTES).hexdigest()
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "no_proxy": "*"}

pytestmark = pytest.mark.services


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    path = tmp_path / "crate.bin"
    path.write_bytes(BYTES)
    return path


def run(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_uploads_with_a_digest_and_fetches_the_link(cloud: LocalCloud, crate: Path) -> None:
    secret = cloud.secret.reveal()
    target = f"{cloud.url}/upload/{uuid.uuid4()}/crate.bin"
    digest = f"Repr-Digest: {repr_digest(SHA256)}"

    answer = run("curl", "-sS", "-u", f":{secret}", "-H", digest, "-T", str(crate), target)

    fetched = crate.with_name("fetched")
    run("curl", "-sS", "-o", str(fetched), json.loads(answer)["url"])
    assert fetched.read_bytes() == BYTES


def test_curl_resumes_an_upload_that_was_broken_off(cloud: LocalCloud, crate: Path) -> None:
    secret = cloud.secret.reveal()
    target = f"{cloud.url}/upload/{uuid.uuid4()}/crate.bin"
    slowly = ["curl", "-sS", "-u", f":{secret}", "--limit-rate", "1M", "-m", "1"]
    broken = subprocess.run(
        [*slowly, "-T", str(crate), target], env=ENVIRONMENT, timeout=60, check=False
    )

    head = run("curl", "-sS", "-u", f":{secret}", "-I", target)
    offset = next(
        line.split(":")[1].strip() for line in head.splitlines() if line.startswith("upload-offset")
    )
    answer = run("curl", "-sS", "-u", f":{secret}", "-C", offset, "-T", str(crate), target)

    assert broken.returncode == 28  # curl's own time limit
    assert int(offset) > 0
    assert json.loads(answer)["sha256"] == SHA256


def test_wget_continues_a_download(client: httpx.Client, tmp_path: Path) -> None:
    url = client.put(f"/upload/{uuid.uuid4()}/crate.bin", content=BYTES).json()["url"]
    (tmp_path / "crate.bin").write_bytes(BYTES[:1_000_000])

    run("wget", "-q", "-c", "-P", str(tmp_path), url)

    assert (tmp_path / "crate.bin").read_bytes() == BYTES
