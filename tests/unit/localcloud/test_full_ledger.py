"""The ledger cannot be written once the bytes are whole, verified and published."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from simcrate.localcloud import uploads
from simcrate.localcloud.blobs import Hash, hash_file
from simcrate.localcloud.objects import list_objects
from tests.unit.localcloud.conftest import Server

SHA256_OF_12345 = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
REPR_DIGEST = {"Repr-Digest": "sha-256=:WZRHGrsBESr8wYFZ9sx0tPURuZgG2lmzyvWpwXPKz8U=:"}
TUS = {"Tus-Resumable": "1.0.0"}


def fail(*_: object, **__: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def put(
    server: Server, content: bytes = b"12345", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """Status of the answer, and its problem code if it has one."""
    answer = server.client.put("/upload/a/x.bin", content=content, headers=headers)
    return answer.status_code, answer.json().get("code", "")


def put_in_vain(
    server: Server, content: bytes = b"12345", headers: dict[str, str] | None = None
) -> None:
    """Bring bytes whose object cannot be entered."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(uploads, "commit_object", fail)
        assert put(server, content, headers) == (507, "full")
    assert objects(server) == []


def objects(server: Server) -> list[str]:
    return [stored.sha256 for stored in list_objects(server.cloud.ledger, owner=None)]


def granted(server: Server, **terms: str) -> dict[str, str]:
    """The header that bears a new grant."""
    grant = server.client.post("/grants", json={"size": 5, **terms}).json()["grant"]
    return {"Authorization": f"Bearer {grant}"}


@pytest.mark.parametrize("times", [1, 2])
def test_same_again_by_the_same_grant_finds_what_could_not_be_entered_before(
    server: Server, times: int
) -> None:
    headers = granted(server, key="a/x.bin", sha256=SHA256_OF_12345)
    for _ in range(times):
        put_in_vain(server, headers=headers)

    assert [put(server, headers=headers) for _ in range(2)] == [(200, "")] * 2
    assert objects(server) == [SHA256_OF_12345]


@pytest.mark.parametrize("second", [b"12345", b"54321"])
def test_grant_that_names_no_bytes_gives_the_object_of_those_that_come_next(
    server: Server, second: bytes
) -> None:
    headers = granted(server)
    put_in_vain(server, headers=headers)

    assert put(server, second, headers) == (201, "")
    assert len(objects(server)) == 1


def test_same_again_by_a_secret_needs_no_second_copy(server: Server) -> None:
    put_in_vain(server, headers=REPR_DIGEST)

    assert put(server, headers=REPR_DIGEST) == (200, "")
    assert len(list(server.cloud.blobs.blobs())) == 1


def test_upload_by_put_that_is_given_up_stores_nothing(server: Server) -> None:
    put_in_vain(server)

    assert server.client.delete("/upload/a/x.bin").status_code == 204
    assert (objects(server), list(server.cloud.blobs.blobs())) == ([], [])


def test_upload_by_tus_that_is_given_up_stores_nothing(server: Server) -> None:
    put_in_vain(server)
    (row,) = server.cloud.ledger.rows("SELECT upload_id FROM uploads")

    assert server.client.delete(f"/files/{row['upload_id']}", headers=TUS).status_code == 204
    assert (objects(server), list(server.cloud.blobs.blobs())) == ([], [])


def test_grant_of_an_upload_that_is_given_up_may_be_used_again(server: Server) -> None:
    headers = granted(server)
    put_in_vain(server, headers=headers)

    server.client.delete("/upload/a/x.bin", headers=headers)

    assert put(server, b"54321", headers) == (201, "")


def test_rounds_that_cannot_enter_an_upload_do_not_read_it_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_vain(server)
    read: list[Path] = []

    def hash_seen(path: Path) -> Hash:
        read.append(path)
        return hash_file(path)

    with monkeypatch.context() as patched:
        patched.setattr(uploads, "commit_object", fail)
        patched.setattr(uploads, "hash_file", hash_seen)
        for days in (30, 0, 0):
            server.days_pass(days)
        assert objects(server) == []

    server.days_pass(0)

    assert read == []
    assert objects(server) == [SHA256_OF_12345]
