"""Bad input and attacks: a proper status, nothing half-visible, and the server stays up."""

from __future__ import annotations

import hashlib
import time
import uuid
from pathlib import Path

import httpx
import pytest

from simcrate.localcloud.digests import repr_digest
from tests.servers.localcloud import LocalCloud, local_cloud
from tests.servers.wire import ask, connect, head, read_answer, wait_for_offset

MB = 1_000_000


def authorization(cloud: LocalCloud) -> str:
    return cloud.headers["Authorization"]


@pytest.mark.parametrize(
    "target",
    [
        "/upload/../../etc/cron.d/x",
        "/upload/%2e%2e/%2e%2e/etc/x",
        "/upload/a%2f..%2fb",
        "/upload//etc/passwd",
        "/upload/%2fetc%2fpasswd",
        "/upload/a\\..\\b",
        "/upload/",
        "/upload/a//b",
        "/upload/nul%00.zip",
        "/upload/line%0d%0aSet-Cookie:x.zip",
        "/upload/%ff%fe.zip",
        "/upload/" + "x" * 256,
        "/upload/" + "y/" * 600 + "z",
    ],
)
def test_hostile_name_is_refused_and_nothing_is_stored(
    cloud: LocalCloud, client: httpx.Client, target: str
) -> None:
    before = client.get("/space").json()["objects"]
    raw = head("PUT", target, Authorization=authorization(cloud), Content_Length="1") + b"x"

    answer = ask(cloud.url, raw)

    assert (answer.status, answer.problem["code"]) == (400, "bad-name")
    assert client.get("/space").json()["objects"] == before


def test_body_shorter_than_its_content_length_is_no_object_and_may_be_continued(
    cloud: LocalCloud, client: httpx.Client
) -> None:
    name, content = f"{uuid.uuid4()}/x.bin", bytes(range(250)) * 400
    auth = authorization(cloud)
    with connect(cloud.url) as connection:
        request = head("PUT", f"/upload/{name}", Authorization=auth, Content_Length="100000")
        connection.sendall(request + content[:70_000])
        wait_for_offset(client, f"/upload/{name}", 70_000)

    rest = {"Content-Range": "bytes 70000-99999/100000"}
    assert client.get("/objects", params={"prefix": name}).json()["objects"] == []
    answer = client.put(f"/upload/{name}", content=content[70_000:], headers=rest)
    while answer.status_code == 423:  # until the broken connection was noticed
        answer = client.put(f"/upload/{name}", content=content[70_000:], headers=rest)

    assert answer.json()["sha256"] == hashlib.sha256(content).hexdigest()


def test_bytes_after_the_content_length_are_another_request(
    cloud: LocalCloud, client: httpx.Client
) -> None:
    name = f"{uuid.uuid4()}/x.bin"
    request = head("PUT", f"/upload/{name}", Authorization=authorization(cloud), Content_Length="3")
    with connect(cloud.url) as connection:
        connection.sendall(request + b"abcdefgh")
        first = read_answer(connection)

    assert first.status in {201, 400}
    for stored in client.get("/objects", params={"prefix": name}).json()["objects"]:
        assert stored["size"] == 3


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Transfer_Encoding": "chunked"}, 411),
        ({"Content_Length": "-5"}, 400),
        ({"Content_Length": "5, 6"}, 400),
        ({"Content_Length": "99999999999999999999999"}, 400),
        ({"Content_Length": "5", "Content_Encoding": "gzip"}, 415),
        ({"Content_Length": "5", "Content_Range": "bytes 0-4/3"}, 400),
        ({"Content_Length": "5", "Content_Range": "lines 1-2"}, 400),
        ({"Content_Length": "5", "Repr_Digest": "sha-256=nonsense"}, 400),
        ({"Content_Length": "5", "Repr_Digest": "sha-256=:AAAA:"}, 400),
        ({"Content_Length": "5", "Cloud_Expires": "soon"}, 400),
        ({"Content_Length": "5", "Cloud_Expires": "2001-01-01T00:00:00Z"}, 400),
        ({"Content_Length": "5", "Cloud_Expires": "2099-01-01T00:00:00"}, 400),
        ({"Content_Length": "5", "Cloud_Max_Downloads": "-1"}, 400),
    ],
)
def test_upload_with_headers_that_cannot_be_is_refused(
    cloud: LocalCloud, headers: dict[str, str], status: int
) -> None:
    target = f"/upload/{uuid.uuid4()}/x.bin"
    raw = head("PUT", target, Authorization=authorization(cloud), **headers)

    answer = ask(cloud.url, raw + b"01234")

    assert answer.status == status
    assert answer.problem["status"] == status


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_problem_document(cloud: LocalCloud, raw: bytes) -> None:
    answer = ask(cloud.url, raw)

    assert (answer.status, answer.problem["code"]) == (400, "bad-request")


def test_headers_without_end_are_refused(cloud: LocalCloud) -> None:
    answer = ask(cloud.url, b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 70_000)

    assert (answer.status, answer.problem["code"]) == (431, "headers-too-large")


def test_too_large_upload_is_refused_before_its_first_byte(tmp_path: Path) -> None:
    with local_cloud(tmp_path / "store", "--max-bytes", "1000") as cloud:
        raw = head(
            "PUT",
            "/upload/x.bin",
            Authorization=authorization(cloud),
            Content_Length="1001",
            Expect="100-continue",
        )

        answer = ask(cloud.url, raw)

    assert (answer.status, answer.problem["code"]) == (507, "full")
    assert answer.problem["free_bytes"] == 1000


def test_stored_bytes_are_not_asked_for_again(cloud: LocalCloud, client: httpx.Client) -> None:
    content = uuid.uuid4().bytes
    client.put(f"/upload/{uuid.uuid4()}/x.bin", content=content)
    raw = head(
        "PUT",
        f"/upload/{uuid.uuid4()}/y.bin",
        Authorization=authorization(cloud),
        Content_Length=str(len(content)),
        Repr_Digest=repr_digest(hashlib.sha256(content).hexdigest()),
        Expect="100-continue",
    )

    answer = ask(cloud.url, raw)

    assert answer.status == 201


def test_second_client_on_one_upload_waits_until_the_first_falls_silent(
    cloud: LocalCloud, client: httpx.Client
) -> None:
    content, tus = bytes(range(250)) * 400, {"Tus-Resumable": "1.0.0"}
    length = {"Upload-Length": str(len(content))}
    location = client.post("/files", headers=tus | length).headers["location"]
    stream = tus | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "70000"}
    first_head = head(
        "PATCH",
        location,
        Authorization=authorization(cloud),
        Content_Type="application/offset+octet-stream",
        Content_Length="100000",
        Tus_Resumable="1.0.0",
        Upload_Offset="0",
    )
    with connect(cloud.url) as first:
        first.sendall(first_head + content[:70_000])
        wait_for_offset(client, location, 70_000)
        answers = [client.patch(location, content=content[70_000:], headers=stream)]
        while answers[-1].status_code == 423:
            time.sleep(0.2)
            answers.append(client.patch(location, content=content[70_000:], headers=stream))
        assert first.recv(1000) == b""  # the silent one was cut off

    assert answers[0].status_code == 423
    assert answers[-1].status_code == 204
    assert client.get(answers[-1].headers["cloud-object-url"]).content == content


def test_disk_that_is_full_in_mid_upload_leaves_nothing_and_small_ones_still_fit(
    tmp_path: Path,
) -> None:
    prefix = ["prlimit", f"--fsize={5 * MB}"]
    with local_cloud(tmp_path / "store", prefix=prefix) as cloud, cloud.client() as client:
        large = client.put("/upload/large.bin", content=bytes(20 * MB))
        small = client.put("/upload/small.bin", content=bytes(1 * MB))
        listed = client.get("/objects").json()["objects"]

    assert (large.status_code, large.json()["code"]) == (507, "full")
    assert small.status_code == 201
    assert [stored["key"] for stored in listed] == ["small.bin"]
    assert list((tmp_path / "store" / "incoming").iterdir()) == []


def test_guessing_secrets_is_throttled(tmp_path: Path) -> None:
    with local_cloud(tmp_path / "store", "--failures-per-minute", "5") as cloud:
        headers = {"Authorization": "Bearer guess"}
        statuses = [
            httpx.get(f"{cloud.url}/objects", headers=headers, trust_env=False).status_code
            for _ in range(7)
        ]
        with cloud.client() as client:
            known = client.get("/objects").status_code

    assert statuses == [401] * 5 + [429] * 2
    assert known == 200  # at the same address, with a right secret


def test_client_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    options = ["--requests-per-s", "1"]
    with local_cloud(tmp_path / "store", *options) as cloud, cloud.client() as client:
        answers = [client.get("/space") for _ in range(8)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].headers["retry-after"] == "1"


def test_made_up_credentials_share_the_rate_of_their_address(tmp_path: Path) -> None:
    options = ["--requests-per-s", "1", "--failures-per-minute", "1000"]
    with local_cloud(tmp_path / "store", *options) as cloud:
        answers = [
            httpx.get(f"{cloud.url}/space", auth=("", f"guess{number}"), trust_env=False)
            for number in range(8)
        ]

    assert {401, 429} == {answer.status_code for answer in answers}


def test_one_credential_has_one_rate_however_it_is_written(tmp_path: Path) -> None:
    with local_cloud(tmp_path / "store", "--requests-per-s", "1") as cloud:
        secret = cloud.secret.reveal()
        answers = [
            httpx.get(f"{cloud.url}/space", auth=(f"user{number}", secret), trust_env=False)
            for number in range(8)
        ]

    assert {200, 429} == {answer.status_code for answer in answers}
