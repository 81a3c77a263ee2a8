"""A file goes in by one PUT and comes out by its link."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from simcrate.localcloud.digests import repr_digest

BYTES = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(BYTES).hexdigest()


def key() -> str:
    return f"{uuid.uuid4()}/crate.zip"


def put(client: httpx.Client, name: str, content: bytes = BYTES, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.put(f"/upload/{name}", content=content, headers=named)


def test_put_with_the_right_digest_is_stored_and_fetched_by_its_link(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    answer = put(client, name := key(), Repr_Digest=repr_digest(SHA256))

    stored = answer.json()
    assert answer.status_code == 201
    assert (stored["key"], stored["size"], stored["sha256"]) == (name, len(BYTES), SHA256)
    fetched = anonymous.get(stored["url"])
    assert fetched.content == BYTES
    assert fetched.headers["repr-digest"] == repr_digest(SHA256)


def test_link_is_random_and_holds_nothing_of_the_key_but_the_file_name(
    client: httpx.Client,
) -> None:
    stored = put(client, name := key()).json()

    delivery, filename = name.split("/")
    assert delivery not in stored["url"]
    assert stored["url"].endswith(f"/{filename}")
    assert len(stored["url"].split("/")[-2]) == 22  # 128 bits in base64url


def test_put_with_a_wrong_digest_stores_nothing(client: httpx.Client) -> None:
    answer = put(client, name := key(), Repr_Digest=repr_digest("0" * 64))

    assert answer.status_code == 422
    assert answer.json()["code"] == "digest-mismatch"
    assert client.get("/objects", params={"prefix": name}).json()["objects"] == []


def test_same_key_and_digest_again_gives_the_same_object(client: httpx.Client) -> None:
    first = put(client, name := key(), Repr_Digest=repr_digest(SHA256))
    again = put(client, name, Repr_Digest=repr_digest(SHA256))

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


def test_same_key_with_other_bytes_is_another_object(client: httpx.Client) -> None:
    first = put(client, name := key()).json()
    second = put(client, name, b"other").json()

    assert first["id"] != second["id"]
    assert client.get(first["url"]).content == BYTES


def test_claim_of_stored_bytes_under_another_key_moves_no_bytes_and_has_its_own_link(
    client: httpx.Client,
) -> None:
    stored = put(client, key()).json()
    body = {"key": key(), "sha256": SHA256, "size": len(BYTES)}
    claimed = client.post("/objects", json=body, headers={"Cloud-Expires": "3600"})

    assert claimed.status_code == 201
    assert claimed.json()["url"] != stored["url"]
    assert claimed.json()["expires_at"] is not None
    assert client.delete(f"/objects/{stored['id']}").status_code == 204
    assert client.get(claimed.json()["url"]).content == BYTES


def test_claim_of_unknown_bytes_says_to_send_them(client: httpx.Client) -> None:
    body = {"key": key(), "sha256": "1" * 64, "size": 5}

    answer = client.post("/objects", json=body)

    assert answer.status_code == 404
    assert answer.json()["code"] == "not-stored"


def test_expiry_in_seconds_is_told_as_a_time_and_as_sunset(client: httpx.Client) -> None:
    answer = put(client, key(), Cloud_Expires="7200")

    expires_at = datetime.fromisoformat(answer.json()["expires_at"])
    assert timedelta(minutes=119) < expires_at - datetime.now(UTC) <= timedelta(hours=2)
    assert "sunset" in answer.headers


def test_without_expiry_an_object_is_kept_for_ever(client: httpx.Client) -> None:
    assert put(client, key()).json()["expires_at"] is None
    assert put(client, key(), Cloud_Expires="0").json()["expires_at"] is None


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_upload_without_a_right_secret_is_refused_with_a_reason(
    anonymous: httpx.Client, headers: dict[str, str]
) -> None:
    answer = anonymous.put("/upload/x.zip", content=b"x", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == ("secret-unknown" if headers else "secret-needed")


def test_delete_needs_the_right_etag(client: httpx.Client) -> None:
    stored = put(client, key()).json()
    path = f"/objects/{stored['id']}"

    wrong = client.delete(path, headers={"If-Match": '"0"'})
    right = client.delete(path, headers={"If-Match": f'"{SHA256}"'})
    again = client.delete(path)

    assert [wrong.status_code, right.status_code, again.status_code] == [412, 204, 204]
    assert client.get(stored["url"]).status_code == 410


def test_delete_token_deletes_its_object_without_the_secret(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    stored = put(client, key()).json()
    other = put(client, key()).json()
    headers = {"Authorization": f"Bearer {stored['delete_token']}"}

    assert anonymous.delete(f"/objects/{other['id']}", headers=headers).status_code == 401
    assert anonymous.delete(f"/objects/{stored['id']}", headers=headers).status_code == 204


def test_patch_extends_holds_and_keeps_for_ever(client: httpx.Client) -> None:
    stored = put(client, key(), Cloud_Expires="60").json()
    path = f"/objects/{stored['id']}"

    extended = client.patch(path, json={"expires": 86_400}).json()
    held = client.patch(path, json={"held": True}).json()
    for_ever = client.patch(path, json={"expires": None, "held": False}).json()

    assert extended["expires_at"] > stored["expires_at"]
    assert held["held"] is True
    assert (for_ever["expires_at"], for_ever["held"]) == (None, False)


def test_range_of_a_download(client: httpx.Client) -> None:
    stored = put(client, key()).json()

    answer = client.get(stored["url"], headers={"Range": "bytes=10-19"})

    assert answer.status_code == 206
    assert answer.content == BYTES[10:20]
    assert answer.headers["content-range"] == f"bytes 10-19/{len(BYTES)}"


def test_space_counts_what_is_stored(client: httpx.Client) -> None:
    before = client.get("/space").json()
    put(client, key(), b"12345")

    after = client.get("/space").json()

    assert after["used"] - before["used"] == 5
    assert after["objects"] - before["objects"] == 1


def test_health_tells_service_and_protocol_without_a_secret(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/healthz").json()

    assert answer == {"service": "local-cloud", "protocol": "1.0", "secret_needed": True}
    assert anonymous.get("/readyz").json() == {"ready": True}
