"""What whoever has a link can do with it."""

from __future__ import annotations

import hashlib
import uuid

import httpx
import pytest

from tests.servers.localcloud import LocalCloud

BYTES = bytes(range(256)) * 10


def put(
    client: httpx.Client, filename: str = "crate.zip", content: bytes = BYTES, **headers: str
) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"/upload/{uuid.uuid4()}/{filename}"
    answer = client.put(path, content=content, headers=named)
    assert answer.status_code == 201, answer.text
    stored: dict[str, str] = answer.json()
    return stored


def test_head_tells_size_and_digest_without_bytes(client: httpx.Client) -> None:
    stored = put(client)

    answer = client.head(stored["url"])

    assert answer.headers["content-length"] == str(len(BYTES))
    assert answer.headers["etag"] == f'"{stored["sha256"]}"'
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [("0-0", 0, 1), ("100-", 100, 2560), ("-5", 2555, 2560), ("2000-99999", 2000, 2560)],
)
def test_one_range(client: httpx.Client, wanted: str, start: int, end: int) -> None:
    answer = client.get(put(client)["url"], headers={"Range": f"bytes={wanted}"})

    assert (answer.status_code, answer.content) == (206, BYTES[start:end])


def test_several_ranges_come_as_multipart(client: httpx.Client) -> None:
    answer = client.get(put(client)["url"], headers={"Range": "bytes=0-1,10-12"})

    boundary = answer.headers["content-type"].partition("boundary=")[2].encode()
    parts = answer.content.split(b"--" + boundary)
    assert answer.status_code == 206
    assert [part.split(b"\r\n\r\n")[1].rstrip(b"\r\n") for part in parts[1:3]] == [
        BYTES[0:2],
        BYTES[10:13].rstrip(b"\r\n"),
    ]


def test_range_beyond_the_end_is_not_satisfiable(client: httpx.Client) -> None:
    answer = client.get(put(client)["url"], headers={"Range": "bytes=9999-"})

    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */2560"


def test_if_range_with_another_etag_gives_the_whole(client: httpx.Client) -> None:
    stored = put(client)
    headers = {"Range": "bytes=0-9", "If-Range": '"other"'}

    assert client.get(stored["url"], headers=headers).status_code == 200
    headers["If-Range"] = f'"{stored["sha256"]}"'
    assert client.get(stored["url"], headers=headers).status_code == 206


def test_range_of_a_head_is_ignored(client: httpx.Client) -> None:
    answer = client.head(put(client)["url"], headers={"Range": "bytes=0-9"})

    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(BYTES)))


def test_if_none_match_gives_304(client: httpx.Client) -> None:
    stored = put(client)

    answer = client.get(stored["url"], headers={"If-None-Match": f'"{stored["sha256"]}"'})

    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("filename", "plain"),
    [
        ("%22quoted%22.zip", "_quoted_.zip"),
        ("sp%20ace.zip", "sp ace.zip"),
        ("%C3%BCmlaut%E2%82%AC.zip", "_mlaut_.zip"),
        ("100%25.zip", "100_.zip"),
        ("%3Bfilename%3Dx.exe", ";filename=x.exe"),
    ],
)
def test_awkward_file_name_is_given_safely(client: httpx.Client, filename: str, plain: str) -> None:
    stored = put(client, filename)

    answer = client.get(stored["url"])

    assert answer.content == BYTES
    assert f'filename="{plain}"' in answer.headers["content-disposition"]


def test_link_with_another_file_name_is_not_there(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    url = put(client)["url"]

    assert anonymous.get(url.replace("crate.zip", "other.zip")).status_code == 404
    assert anonymous.get(url.removesuffix("crate.zip")).status_code == 404


@pytest.mark.parametrize("path", ["/", "/blobs", "/incoming/", "/ledger.sqlite3", "/audit.jsonl"])
def test_nothing_is_listed(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_password_is_asked_for_and_checked(client: httpx.Client, anonymous: httpx.Client) -> None:
    stored = put(client, Cloud_Password="open sesame")

    without = anonymous.get(stored["url"])
    wrong = anonymous.get(stored["url"], auth=("any", "close sesame"))
    right = anonymous.get(
        stored["url"], auth=("any", "open sesame"), headers={"Range": "bytes=0-4"}
    )

    assert [without.status_code, wrong.status_code, right.status_code] == [401, 401, 206]
    assert without.headers["www-authenticate"].startswith("Basic ")


def test_wrong_passwords_are_throttled(client: httpx.Client, anonymous: httpx.Client) -> None:
    stored = put(client, Cloud_Password="open sesame")

    guesses = [("any", f"guess {attempt}") for attempt in range(8)]
    answers = [anonymous.get(stored["url"], auth=guess) for guess in guesses]

    throttled = [answer for answer in answers if answer.status_code == 429]
    assert throttled
    assert int(throttled[0].headers["retry-after"]) >= 1


def test_download_limit_counts_whole_downloads_however_they_came(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    stored = put(client, Cloud_Max_Downloads="1")

    anonymous.head(stored["url"])
    first = anonymous.get(stored["url"], headers={"Range": "bytes=0-1499"})
    resumed = anonymous.get(stored["url"], headers={"Range": "bytes=1400-"})
    after = anonymous.get(stored["url"])

    assert first.content[:1400] + resumed.content == BYTES
    assert (after.status_code, after.json()["code"]) == (410, "downloads-used")


def test_fetching_all_but_one_byte_again_and_again_ends(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    stored = put(client, Cloud_Max_Downloads="1")

    answers = [anonymous.get(stored["url"], headers={"Range": "bytes=1-"}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [206, 206, 206, 410]


def test_headers_keep_a_hostile_page_harmless(client: httpx.Client) -> None:
    stored = put(client, "page.html", b"<script>alert(1)</script>", Content_Type="text/html")

    headers = client.get(stored["url"]).headers

    assert headers["content-disposition"].startswith("attachment")
    assert "sandbox" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    assert headers["x-content-type-options"] == "nosniff"


def test_links_are_made_from_the_public_url_never_from_the_host_header(
    cloud: LocalCloud, client: httpx.Client
) -> None:
    stored = put(client, Host="evil.example")

    assert stored["url"].startswith(cloud.url)
    assert hashlib.sha256(client.get(stored["url"]).content).hexdigest() == stored["sha256"]
