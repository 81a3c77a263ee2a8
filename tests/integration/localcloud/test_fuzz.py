"""Requests that follow the documented protocol and bend it: a proper answer to each, and the server stays up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from simcrate.localcloud.problems import PROBLEMS
from tests.servers.localcloud import LocalCloud, local_cloud
from tests.servers.wire import ask, head

ID = "0123456789abcdef" * 2
LINK = "A" * 22

texts = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30
)
numbers = st.one_of(
    st.integers(-2, 1 << 70).map(str), st.sampled_from(["0", "5", "1e3", "0x10", "५"])
)
digests = st.sampled_from(
    ["sha-256=:AAAA:", "md5=:AAAA:", f"sha-256=:{'A' * 43}=:", "sha1 AAAA", "=::"]
)
expiries = st.sampled_from(
    ["0", "60", "soon", "2099-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "9" * 30]
)
ranges = st.sampled_from(
    ["bytes=0-", "bytes=-1", "bytes=5-2,1-", "bytes 0-4/5", "bytes 3-4/5", "bytes=" + "0-," * 50]
)
members = st.dictionaries(
    st.sampled_from(["key", "sha256", "size", "expires", "held", "expires_in_s", "what"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        texts,
        st.lists(st.integers(), max_size=2),
    ),
    max_size=4,
)
methods = st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE"])
segments = st.one_of(
    texts, st.sampled_from(["..", "%2e%2e", "%00", "%ff", "x" * 300, ID, LINK, ""])
)
paths = st.one_of(
    st.sampled_from(
        [
            *("/", "/healthz", "/readyz", "/metrics", "/space", "/grants", "/reservations"),
            *("/objects", "/files", f"/objects/{ID}", f"/files/{ID}", f"/reservations/{ID}"),
            *(f"/{LINK}/x.zip", f"/inside/{LINK}/", f"/inside/{LINK}/a/b", "/upload/x"),
        ]
    ),
    st.lists(segments, max_size=4).map("/".join).map("/upload/{}".format),
    st.tuples(st.sampled_from(["objects", "files", "inside", LINK]), segments).map(
        lambda pair: f"/{pair[0]}/{pair[1]}"
    ),
    texts.map("/objects?after={}".format),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Repr-Digest": digests,
        "Content-Digest": digests,
        "Upload-Checksum": digests,
        "Cloud-Expires": st.one_of(expiries, texts),
        "Cloud-Max-Downloads": numbers,
        "Cloud-Reservation": texts,
        "Content-Range": ranges,
        "Range": ranges,
        "If-Match": texts,
        "If-Range": texts,
        "If-None-Match": texts,
        "Tus-Resumable": st.sampled_from(["1.0.0", "1.0.0", "2.0"]),
        "Upload-Length": numbers,
        "Upload-Offset": numbers,
        "Upload-Metadata": st.one_of(texts, st.just("filename eA==")),
        "Upload-Concat": st.sampled_from(["partial", "final;", f"final;/files/{ID}"]),
        "Content-Type": st.one_of(texts, st.just("application/offset+octet-stream")),
        "Content-Encoding": st.just("gzip"),
        "Expect": st.just("100-continue"),
        "X-Forwarded-For": texts,
    },
)
bodies = st.one_of(
    st.binary(max_size=50), members.map(lambda content: json.dumps(content).encode())
)
credentials = st.sampled_from(["secret", "secret", "secret", "wrong", "none"])


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    options = ["--failures-per-minute", "1000000", "--requests-per-s", "100000"]
    folder: Path = tmp_path_factory.mktemp("fuzz") / "store"
    with local_cloud(folder, *options) as running:
        yield running


def bend(
    target: LocalCloud, method: str, path: str, sent: dict[str, str], body: bytes, credential: str
) -> None:
    """Send one request and look at its answer."""
    if credential != "none":
        secret = target.secret.reveal() if credential == "secret" else "wrong"
        sent = sent | {"Authorization": f"Bearer {secret}"}
    sent = sent | {"Content-Length": str(len(body)), "Connection": "close"}
    latin = {name: value.encode("utf-8").decode("latin-1") for name, value in sent.items()}
    raw = head(method, path.replace(" ", "%20").encode().decode("latin-1"), **latin)

    answer = ask(target.url, raw + body)

    assert answer.status < 500 or answer.status == 507, answer
    if answer.status >= 400 and method != "HEAD":
        status, _ = PROBLEMS[answer.problem["code"]]
        assert answer.problem["status"] == answer.status == status


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(methods, paths, headers, bodies, credentials)
def test_every_request_gets_a_proper_answer(
    target: LocalCloud,
    method: str,
    path: str,
    sent: dict[str, str],
    body: bytes,
    credential: str,
) -> None:
    bend(target, method, path, sent, body, credential)


@pytest.mark.slow
@settings(
    max_examples=10_000, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
@given(methods, paths, headers, bodies, credentials)
def test_every_request_of_many_gets_a_proper_answer(
    target: LocalCloud,
    method: str,
    path: str,
    sent: dict[str, str],
    body: bytes,
    credential: str,
) -> None:
    bend(target, method, path, sent, body, credential)


def test_after_all_that_the_server_is_up_and_its_objects_are_whole(target: LocalCloud) -> None:
    with target.client() as client:
        assert client.get("/readyz").status_code == 200
        for stored in client.get("/objects").json()["objects"]:
            if not stored["has_password"] and not stored["max_downloads"]:
                content = client.get(stored["url"]).content
                assert hashlib.sha256(content).hexdigest() == stored["sha256"]
    assert target.process.poll() is None
    assert "Traceback" not in (target.folder.parent / "store.log").read_text()
