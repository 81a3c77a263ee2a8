"""Looking inside a zip without unpacking it."""

from __future__ import annotations

import io
import struct
import uuid
import zipfile
from collections.abc import Mapping

import httpx
import pytest

FILES = {
    "report.html": b"<h1>Report</h1><script>alert(1)</script><img src='figures/delay.svg'>",
    "figures/delay.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "csv/delay.csv": b"time_s,delay_s\n" + b"1.0,0.25\n" * 5000,
    "results/General-0.sca": b"version 3\n",
    "evil<script>.txt": b"text",
    "../up.txt": b"up",
    "javascript:alert(1).txt": b"name",
}


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def stored(client: httpx.Client, content: bytes, **headers: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"/upload/{uuid.uuid4()}/crate.zip"
    answer: dict[str, str] = client.put(path, content=content, headers=named).json()
    return answer


@pytest.fixture
def inside(client: httpx.Client) -> str:
    return stored(client, zipped(FILES))["inside_url"]


def test_page_shows_tree_report_and_figures(inside: str, anonymous: httpx.Client) -> None:
    page = anonymous.get(inside)

    assert page.status_code == 200
    assert 'href="./report.html"' in page.text
    assert 'src="./figures/delay.svg"' in page.text
    assert 'href="./?in=csv%2F"' in page.text
    assert 'name="viewport"' in page.text


def test_page_of_a_directory_shows_its_files(inside: str, anonymous: httpx.Client) -> None:
    page = anonymous.get(inside, params={"in": "csv/"})

    assert 'href="./csv/delay.csv"' in page.text
    assert "report.html" not in page.text.partition("<h2>")[2]


def test_page_runs_no_scripts_and_escapes_hostile_names(
    inside: str, anonymous: httpx.Client
) -> None:
    page = anonymous.get(inside)

    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "evil<script>" not in page.text
    assert 'href="javascript:' not in page.text


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_member_is_served_alone(
    client: httpx.Client, anonymous: httpx.Client, method: int, coding: str
) -> None:
    url = stored(client, zipped(FILES, method))["inside_url"]

    answer = anonymous.get(url + "csv/delay.csv", headers={"Accept-Encoding": coding})

    assert answer.content == FILES["csv/delay.csv"]
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_member_is_sandboxed(inside: str, anonymous: httpx.Client) -> None:
    headers = anonymous.get(inside + "report.html").headers

    policy = headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow-scripts" not in policy
    assert headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("name", ["nothing.txt", "%2e%2e/up", "csv/", "csv", "%ff%fe"])
def test_member_that_is_not_there_is_not_found(
    inside: str, anonymous: httpx.Client, name: str
) -> None:
    answer = anonymous.get(inside + name)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip",
        b"PK\x05\x06" + b"\xff" * 18,
        zipped(FILES)[:-30],
        b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, 0xFFFFFFF0, 0, 0),
    ],
    ids=["empty", "text", "nonsense", "truncated", "huge directory"],
)
def test_what_is_no_zip_cannot_be_looked_into(
    client: httpx.Client, anonymous: httpx.Client, content: bytes
) -> None:
    answer = anonymous.get(stored(client, content)["inside_url"])

    assert (answer.status_code, answer.json()["code"]) == (422, "not-readable")


def test_directory_larger_than_the_limit_is_refused_whatever_the_zip64_locator_points_at(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    members, size = 100_000, 100_000 * 100
    record = (b"PK\6\6", 44, 45, 45, 0, 0)
    decoy = struct.pack("<4sQ2H2I4Q", *record, 1, 1, 100, 0)
    line = (b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 54, 0, 0, 0, 0, 0, 0)
    directory = (struct.pack("<4s6H3I5H2I", *line) + b"x" * 54) * members
    true = struct.pack("<4sQ2H2I4Q", *record, members, members, size, len(decoy))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, 0, 1)
    end = b"PK\5\6" + bytes(4) + b"\xff" * 12 + bytes(2)

    answer = anonymous.get(stored(client, decoy + directory + true + locator + end)["inside_url"])

    assert (answer.status_code, answer.json()["code"]) == (422, "not-readable")
    assert "too many members" in answer.json()["detail"]


def test_zip_bomb_is_refused_at_once(client: httpx.Client, anonymous: httpx.Client) -> None:
    url = stored(client, zipped({"bomb.csv": bytes(100 << 20)}))["inside_url"]

    answer = anonymous.get(url + "bomb.csv", headers={"Accept-Encoding": "identity"})

    assert (answer.status_code, answer.json()["code"]) == (422, "not-readable")


def test_member_that_says_less_than_it_unpacks_to_stops_there(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    content = zipped({"liar.csv": b"x" * 100_000})
    lying = content.replace(struct.pack("<L", 100_000), struct.pack("<L", 1_000))
    url = stored(client, lying)["inside_url"]

    answer = anonymous.get(url + "liar.csv", headers={"Accept-Encoding": "identity"})

    assert answer.content == b"x" * 1_000


def test_links_with_a_download_limit_are_not_looked_into(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    answer = anonymous.get(stored(client, zipped(FILES), Cloud_Max_Downloads="1")["inside_url"])

    assert (answer.status_code, answer.json()["code"]) == (422, "not-readable")


def test_inside_of_a_link_with_a_password_asks_for_it(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    url = stored(client, zipped(FILES), Cloud_Password="sesame street")["inside_url"]

    assert anonymous.get(url).status_code == 401
    assert anonymous.get(url, auth=("", "sesame street")).status_code == 200
