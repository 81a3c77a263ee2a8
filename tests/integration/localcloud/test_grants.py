"""One-use grants and space that is set aside."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterator

import httpx
import pytest

from simcrate.localcloud.digests import repr_digest
from tests.servers.localcloud import LocalCloud
from tests.servers.wire import connect, head, wait_for_offset

TUS = {"Tus-Resumable": "1.0.0"}


def key() -> str:
    return f"{uuid.uuid4()}/part.zip"


def digest(content: bytes) -> dict[str, str]:
    return {"Repr-Digest": repr_digest(hashlib.sha256(content).hexdigest())}


@pytest.fixture
def bearer(cloud: LocalCloud, client: httpx.Client) -> Iterator[httpx.Client]:
    """A client with a grant for 1,000 bytes and nothing else."""
    grant = client.post("/grants", json={"size": 1000}).json()["grant"]
    headers = {"Authorization": f"Bearer {grant}"}
    with httpx.Client(base_url=cloud.url, headers=headers, trust_env=False) as with_grant:
        yield with_grant


def test_grant_brings_one_object_that_belongs_to_the_secret(
    bearer: httpx.Client, client: httpx.Client
) -> None:
    stored = bearer.put(f"/upload/{key()}", content=b"part").json()

    assert client.get(f"/objects/{stored['id']}").json()["size"] == 4


def test_replayed_grant_brings_nothing_else(bearer: httpx.Client, client: httpx.Client) -> None:
    bearer.put(f"/upload/{(name := key())}", content=b"part", headers=digest(b"part"))

    other = bearer.put(f"/upload/{name}", content=b"else", headers=digest(b"else"))
    elsewhere = bearer.put(f"/upload/{key()}", content=b"part", headers=digest(b"part"))
    blind = bearer.put(f"/upload/{name}", content=b"part")

    codes = [answer.json()["code"] for answer in (other, elsewhere, blind)]
    assert codes == ["grant-used"] * 3
    assert len(client.get("/objects", params={"prefix": name}).json()["objects"]) == 1


def test_bearer_who_missed_the_answer_gets_it_again(bearer: httpx.Client) -> None:
    first = bearer.put(f"/upload/{(name := key())}", content=b"part", headers=digest(b"part"))
    again = bearer.put(f"/upload/{name}", content=b"part", headers=digest(b"part"))

    assert again.status_code == 200
    assert again.json()["id"] == first.json()["id"]


def test_failed_digest_does_not_use_the_grant_up(bearer: httpx.Client) -> None:
    wrong = bearer.put(f"/upload/{key()}", content=b"part", headers=digest(b"else"))
    right = bearer.put(f"/upload/{key()}", content=b"part", headers=digest(b"part"))

    assert [wrong.status_code, right.status_code] == [422, 201]


def test_grant_takes_no_more_than_its_size(bearer: httpx.Client) -> None:
    answer = bearer.put(f"/upload/{key()}", content=bytes(1001))

    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/objects"), ("POST", "/grants"), ("GET", "/space")]
)
def test_grant_does_nothing_but_bring_its_object(
    bearer: httpx.Client, method: str, path: str
) -> None:
    answer = bearer.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (403, "not-yours")


def test_grant_for_a_name_and_digest_takes_only_those(
    cloud: LocalCloud, client: httpx.Client
) -> None:
    sha256 = hashlib.sha256(b"part").hexdigest()
    asked = {"size": 10, "key": (name := key()), "sha256": sha256}
    grant = client.post("/grants", json=asked).json()["grant"]
    headers = {"Authorization": f"Bearer {grant}"}
    with httpx.Client(base_url=cloud.url, headers=headers, trust_env=False) as bearer:
        elsewhere = bearer.put(f"/upload/{key()}", content=b"part")
        other = bearer.put(f"/upload/{name}", content=b"else")
        right = bearer.put(f"/upload/{name}", content=b"part")

    assert [elsewhere.status_code, other.status_code, right.status_code] == [403, 422, 201]


def test_grant_that_has_expired_takes_nothing(cloud: LocalCloud, client: httpx.Client) -> None:
    grant = client.post("/grants", json={"size": 10, "expires_in_s": 0}).json()["grant"]

    headers = {"Authorization": f"Bearer {grant}"}
    answer = httpx.put(f"{cloud.url}/upload/x", content=b"x", headers=headers, trust_env=False)

    assert (answer.status_code, answer.json()["code"]) == (410, "expired")


def test_grant_takes_the_space_of_one_upload_however_many_it_announces(
    bearer: httpx.Client, client: httpx.Client
) -> None:
    before = client.get("/space").json()["announced"]
    for number in range(4):
        announced = announce(bearer, f"part{number}")
        assert announced.status_code == 201

    assert client.get("/space").json()["announced"] - before == 1000
    stored = bearer.put(f"/upload/{key()}", content=bytes(1000))
    assert stored.status_code == 201
    assert client.get("/space").json()["announced"] == before


def test_upload_that_another_one_by_the_same_grant_has_replaced_takes_no_bytes(
    bearer: httpx.Client,
) -> None:
    first, second = (announce(bearer, name).headers["location"] for name in ("a", "b"))
    stream = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    answers = [bearer.patch(it, content=bytes(1000), headers=stream) for it in (first, second)]

    assert [answer.status_code for answer in answers] == [404, 204]


def test_grant_that_is_sending_begins_no_other_upload(
    cloud: LocalCloud, client: httpx.Client
) -> None:
    size = 200_000
    grant = client.post("/grants", json={"size": size}).json()["grant"]
    headers = {"Authorization": f"Bearer {grant}"}
    with httpx.Client(base_url=cloud.url, headers=headers, trust_env=False) as bearer:
        begun = announce(bearer, "a", size).headers["location"]
        stream = {"Content_Type": "application/offset+octet-stream", "Upload_Offset": "0"}
        header = head(
            "PATCH",
            begun,
            Authorization=headers["Authorization"],
            Content_Length=str(size),
            Tus_Resumable="1.0.0",
            **stream,
        )
        with connect(cloud.url) as sending:
            sending.sendall(header + bytes(size // 2))
            wait_for_offset(bearer, begun, 64_000)
            other = announce(bearer, "b", size)

    assert (other.status_code, other.json()["code"]) == (423, "locked")


def test_grant_brings_no_parts_to_be_joined(bearer: httpx.Client) -> None:
    answer = bearer.post("/files", headers=TUS | {"Upload-Length": "9", "Upload-Concat": "partial"})

    assert (answer.status_code, answer.json()["code"]) == (403, "not-yours")


def announce(bearer: httpx.Client, name: str, size: int = 1000) -> httpx.Response:
    encoded = base64.b64encode(name.encode()).decode()
    metadata = {"Upload-Length": str(size), "Upload-Metadata": f"filename {encoded}"}
    return bearer.post("/files", headers=TUS | metadata)


def test_reserved_space_is_used_up_by_its_upload(client: httpx.Client) -> None:
    before = client.get("/space").json()["announced"]
    reservation = client.post("/reservations", json={"size": 5}).json()

    during = client.get("/space").json()["announced"]
    headers = {"Cloud-Reservation": reservation["id"]}
    client.put(f"/upload/{key()}", content=b"12345", headers=headers)

    assert during - before == 5
    assert client.get("/space").json()["announced"] == before


def test_reservation_beyond_the_disk_is_refused(client: httpx.Client) -> None:
    answer = client.post("/reservations", json={"size": 1 << 60})

    assert (answer.status_code, answer.json()["code"]) == (507, "full")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"size": -1}',
        b'{"size": true}',
        b'{"size": 1, "what": 2}',
        b'{"size": 1, "key": "../x"}',
        b'{"size": 1, "sha256": "x"}',
        b"[" * 50_000,
        b'{"size": ' + b"9" * 10_000 + b"}",
    ],
)
def test_grant_that_cannot_be_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/grants", content=body)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
