"""`kill -9` at any instant: after the restart there is the whole object or none."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import httpx
import pytest

from simcrate.localcloud.digests import repr_digest
from tests.servers.localcloud import LocalCloud, local_cloud
from tests.servers.wire import connect, head

BYTES = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(BYTES).hexdigest()
KEY = "6f1c/crate.zip"
MOST_CALLS = 60
FEWEST_DEATHS = {"fsync": 4, "rename": 1, "fdatasync": 1, "pwrite64": 5, "write": 1, "openat": 5}


def put(cloud: LocalCloud) -> httpx.Response:
    with cloud.client() as client:
        headers = {"Repr-Digest": repr_digest(SHA256)}
        return client.put(f"/upload/{KEY}", content=BYTES, headers=headers)


def stored(cloud: LocalCloud) -> list[dict[str, str]]:
    with cloud.client() as client:
        found: list[dict[str, str]] = client.get("/objects").json()["objects"]
        for each in found:
            assert hashlib.sha256(client.get(each["url"]).content).hexdigest() == SHA256
        return found


def test_put_goes_on_after_kill_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with local_cloud(folder) as first, connect(first.url) as connection, first.client() as client:
        request = head(
            "PUT",
            f"/upload/{KEY}",
            Authorization=first.headers["Authorization"],
            Content_Length=str(len(BYTES)),
        )
        connection.sendall(request + BYTES[:200_000])
        offset = 0
        while offset < 131_072:
            offset = int(client.head(f"/upload/{KEY}").headers.get("upload-offset", 0))
        first.kill()
    with local_cloud(folder) as second, second.client() as client:
        offset = int(client.head(f"/upload/{KEY}").headers["upload-offset"])
        rest = {"Content-Range": f"bytes {offset}-{len(BYTES) - 1}/{len(BYTES)}"}
        answer = client.put(f"/upload/{KEY}", content=BYTES[offset:], headers=rest)

        assert offset >= 131_072
        assert answer.json()["sha256"] == SHA256


def test_client_that_missed_the_answer_finds_its_object_after_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with local_cloud(folder) as first:
        before = put(first).json()
        first.kill()
    with local_cloud(folder) as second:
        again = put(second)

        assert (again.status_code, again.json()["id"]) == (200, before["id"])
        assert len(stored(second)) == 1


@pytest.mark.services
@pytest.mark.parametrize("call", ["fsync", "rename", "fdatasync"])
def test_kill_at_every_committing_call_leaves_the_whole_object_or_none(
    tmp_path: Path, call: str
) -> None:
    kill_at_every(call, tmp_path)


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.parametrize("call", ["pwrite64", "write", "openat"])
def test_kill_at_every_other_call_leaves_the_whole_object_or_none(
    tmp_path: Path, call: str
) -> None:
    kill_at_every(call, tmp_path)


def kill_at_every(call: str, tmp_path: Path) -> None:
    """Kill a server at its n-th such call, for every n, and look at what the next one finds.

    strace counts the calls of each thread, so the server has one thread that touches files.
    """
    deaths = 0
    with local_cloud(tmp_path / "new"):
        pass  # what is killed has its secret, key and ledger already
    for nth in range(1, MOST_CALLS):
        folder = tmp_path / f"{call}-{nth}"
        shutil.copytree(tmp_path / "new", folder)
        died = die_at(call, nth, folder)
        with local_cloud(folder) as after:
            assert len(stored(after)) <= 1
            assert put(after).status_code in {200, 201}
            assert len(stored(after)) == 1
        assert len(list((folder / "blobs").glob("*/*"))) == 1
        if not died:
            break
        deaths += 1
    assert deaths >= FEWEST_DEATHS[call]


def die_at(call: str, nth: int, folder: Path) -> bool:
    """Upload to a server that is killed at its n-th call; whether it died."""
    prefix = ["strace", "-D", "-f", "-qq", "-o", "/dev/null"]
    prefix += ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}"]
    try:
        with local_cloud(folder, "--threads", "1", prefix=prefix) as server:
            put(server)
            return server.process.poll() is not None
    except (OSError, RuntimeError, httpx.HTTPError):
        return True  # in mid-answer, or before its ready line
