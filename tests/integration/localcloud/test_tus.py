"""tus 1.0.0, by an existing client and by hand."""

from __future__ import annotations

import base64
import hashlib
import io
import uuid
from pathlib import Path

import httpx
import pytest
from tusclient import client as tus

from simcrate.localcloud.digests import repr_digest
from tests.servers.localcloud import LocalCloud, local_cloud

BYTES = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(BYTES).hexdigest()
TUS = {"Tus-Resumable": "1.0.0"}
STREAM = TUS | {"Content-Type": "application/offset+octet-stream"}


def name() -> str:
    return base64.b64encode(f"{uuid.uuid4()}/crate.zip".encode()).decode()


def create(client: httpx.Client, size: int, **headers: str) -> str:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    metadata = {"Upload-Length": str(size), "Upload-Metadata": f"filename {name()}"}
    answer = client.post("/files", headers=TUS | metadata | named)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def patch(
    client: httpx.Client, location: str, offset: int, content: bytes, **headers: str
) -> httpx.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    sent = STREAM | {"Upload-Offset": str(offset)} | named
    return client.patch(location, content=content, headers=sent)


def test_tuspy_uploads_in_chunks_and_the_link_gives_the_bytes(cloud: LocalCloud) -> None:
    uploader = tus.TusClient(f"{cloud.url}/files", headers=cloud.headers).uploader(
        file_stream=io.BytesIO(BYTES), chunk_size=300_000, metadata={"filename": "tuspy.bin"}
    )

    uploader.upload()

    with cloud.client() as client:
        stored = client.get(str(uploader.url)).json()
        assert stored["sha256"] == SHA256
        assert client.get(stored["url"]).content == BYTES


def test_tuspy_resumes_after_the_server_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with local_cloud(folder) as first:
        uploader = tus.TusClient(f"{first.url}/files", headers=first.headers).uploader(
            file_stream=io.BytesIO(BYTES), chunk_size=300_000, metadata={"filename": "x.bin"}
        )
        uploader.upload(stop_at=300_000)
        first.kill()
    with local_cloud(folder) as second, second.client() as client:
        uploader.set_url(str(uploader.url).replace(first.url, second.url))
        uploader.offset = uploader.get_offset()

        assert uploader.offset == 300_000
        uploader.upload()
        assert client.get(str(uploader.url)).json()["sha256"] == SHA256


def test_options_tells_version_extensions_and_algorithms_without_a_secret(
    anonymous: httpx.Client,
) -> None:
    headers = anonymous.options("/files").headers

    assert headers["tus-version"] == "1.0.0"
    assert set(headers["tus-extension"].split(",")) == {
        *("creation", "creation-with-upload", "checksum"),
        *("expiration", "termination", "concatenation"),
    }
    assert headers["tus-checksum-algorithm"] == "sha256,sha1"


def test_creation_with_upload_of_everything_is_finished_at_once(client: httpx.Client) -> None:
    headers = STREAM | {"Upload-Length": "5", "Upload-Metadata": f"filename {name()}"}

    answer = client.post("/files", content=b"12345", headers=headers)

    assert answer.headers["upload-offset"] == "5"
    assert client.get(answer.headers["cloud-object-url"]).content == b"12345"
    assert client.get(answer.headers["cloud-object-location"]).json()["size"] == 5


def test_head_tells_offset_length_metadata_and_expiry(client: httpx.Client) -> None:
    location = create(client, 10)
    patch(client, location, 0, b"abc")

    headers = client.head(location, headers=TUS).headers

    assert (headers["upload-offset"], headers["upload-length"]) == ("3", "10")
    assert headers["upload-metadata"].startswith("filename ")
    assert "upload-expires" in headers
    assert headers["cache-control"] == "no-store"


def test_wrong_offset_is_a_conflict_that_names_the_right_one(client: httpx.Client) -> None:
    location = create(client, 10)
    patch(client, location, 0, b"abc")

    answer = patch(client, location, 5, b"abc")

    assert answer.status_code == 409
    assert answer.json()["expected_offset"] == 3


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_part_with_a_wrong_checksum_is_dropped_and_may_be_sent_again(
    client: httpx.Client, algorithm: str
) -> None:
    location = create(client, 6, Repr_Digest=repr_digest(hashlib.sha256(b"abcdef").hexdigest()))
    right = base64.b64encode(hashlib.new(algorithm, b"def").digest()).decode()
    patch(client, location, 0, b"abc")

    wrong = patch(client, location, 3, b"xyz", Upload_Checksum=f"{algorithm} {right}")
    offset = client.head(location, headers=TUS).headers["upload-offset"]
    again = patch(client, location, 3, b"def", Upload_Checksum=f"{algorithm} {right}")

    assert (wrong.status_code, offset, again.status_code) == (460, "3", 204)
    assert client.get(again.headers["cloud-object-url"]).content == b"abcdef"


def test_unknown_checksum_algorithm_is_a_bad_request(client: httpx.Client) -> None:
    answer = patch(client, create(client, 3), 0, b"abc", Upload_Checksum="md5 AAAA")

    assert (answer.status_code, answer.json()["code"]) == (400, "bad-digest")


def test_whole_with_another_digest_than_announced_is_gone(client: httpx.Client) -> None:
    location = create(client, 3, Repr_Digest=repr_digest("0" * 64))

    answer = patch(client, location, 0, b"abc")

    assert answer.status_code == 422
    assert client.head(location, headers=TUS).status_code == 404


def test_more_bytes_than_announced_are_refused(client: httpx.Client) -> None:
    answer = patch(client, create(client, 3), 0, b"abcdef")

    assert answer.status_code == 413


def test_terminated_upload_is_gone(client: httpx.Client) -> None:
    location = create(client, 3)

    assert client.delete(location, headers=TUS).status_code == 204
    assert client.head(location, headers=TUS).status_code == 404


def test_parts_are_joined_in_order(client: httpx.Client) -> None:
    parts = []
    for content in (b"first,", b"second,", b"third"):
        parts.append(create(client, len(content), Upload_Concat="partial"))
        patch(client, parts[-1], 0, content)
    headers = TUS | {"Upload-Concat": "final;" + " ".join(parts)}

    answer = client.post("/files", headers=headers | {"Upload-Metadata": f"filename {name()}"})

    assert answer.status_code == 201
    assert client.get(answer.headers["cloud-object-url"]).content == b"first,second,third"
    assert client.head(parts[0], headers=TUS).status_code == 404
    assert (
        client.head(answer.headers["location"], headers=TUS)
        .headers["upload-concat"]
        .startswith("final;")
    )
    assert patch(client, answer.headers["location"], 18, b"").status_code == 403


def test_joining_an_unfinished_part_says_so(client: httpx.Client) -> None:
    part = create(client, 5, Upload_Concat="partial")

    answer = client.post("/files", headers=TUS | {"Upload-Concat": f"final;{part}"})

    assert (answer.status_code, answer.json()["code"]) == (409, "not-finished")


def test_upload_of_another_owner_is_not_there(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    location = create(client, 3)

    assert anonymous.head(location, headers=TUS).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "3"}, 412),
        (TUS, 411),
        (TUS | {"Upload-Length": "-1"}, 400),
        (TUS | {"Upload-Length": "99999999999999999999"}, 400),
        (TUS | {"Upload-Length": "999999999999999999"}, 507),
        (TUS | {"Upload-Length": "3", "Upload-Metadata": "filename !!!"}, 400),
        (TUS | {"Upload-Length": "3", "Upload-Metadata": "filename Li4veA=="}, 400),
        (TUS | {"Upload-Length": "3", "Upload-Concat": "final;nonsense"}, 400),
    ],
)
def test_creation_that_cannot_be_is_refused(
    client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/files", headers=headers)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_empty_upload_is_an_object_at_once(client: httpx.Client) -> None:
    answer = client.post("/files", headers=TUS | {"Upload-Length": "0"})

    assert client.get(answer.headers["cloud-object-url"]).content == b""
