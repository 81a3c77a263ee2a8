"""Names, digests, ranges, expiries: what comes in headers and paths."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcrate.localcloud.coverage import Coverage
from simcrate.localcloud.digests import parse_sha256, parse_tus_checksum, repr_digest
from simcrate.localcloud.limits import RateLimit
from simcrate.localcloud.mediatypes import DEFAULT_MEDIA_TYPE, checked_media_type
from simcrate.localcloud.names import content_disposition, parse_key
from simcrate.localcloud.passwords import hash_password, matches_password
from simcrate.localcloud.problems import PROBLEMS, Problem
from simcrate.localcloud.pump import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, next_chunk
from simcrate.localcloud.ranges import Span, parse_range
from simcrate.localcloud.wish import Wish, parse_expiry

NOW = 1_800_000_000.0
SIZE = 100


@contextmanager
def refusal(code: str) -> Iterator[None]:
    """Around what may be refused, but only with this code."""
    try:
        yield
    except Problem as problem:
        if problem.problem != code:
            raise


@given(st.binary(max_size=60))
def test_key_is_refused_or_has_no_way_up(raw: bytes) -> None:
    with refusal("bad-name"):
        key = parse_key(raw)
        assert not {"", ".", ".."} & set(key.split("/"))
        assert not any(ord(letter) < 32 for letter in key)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80))
def test_content_disposition_is_one_line_of_ascii(filename: str) -> None:
    value = content_disposition(filename)

    assert value.isascii()
    assert value.isprintable()
    assert value.count('"') == 2


@given(st.binary(min_size=32, max_size=32))
def test_digest_header_round_trip(raw: bytes) -> None:
    assert parse_sha256(repr_digest(raw.hex())) == raw.hex()


@given(st.text(max_size=80))
def test_any_digest_header_is_read_or_refused(text: str) -> None:
    for parse in (parse_sha256, parse_tus_checksum):
        with refusal("bad-digest"):
            parse(text)


def test_digest_header_with_other_algorithms_beside_is_read() -> None:
    header = f"sha-512=:AAAA:, {repr_digest('0' * 64)}"

    assert parse_sha256(header) == "0" * 64
    assert parse_sha256("md5=:AAAA:") is None


@given(st.text(alphabet="0123456789-, =bytes", max_size=40), st.integers(0, 200))
def test_any_range_header_gives_spans_within_the_content(text: str, size: int) -> None:
    for value in (text, f"bytes={text}"):
        for span in parse_range(value, size) or []:
            assert 0 <= span.start < span.end <= size


@pytest.mark.parametrize(
    ("value", "spans"),
    [
        (None, None),
        ("lines=1-2", None),
        ("bytes=", None),
        ("bytes=5-2", None),
        ("bytes=0-0", [Span(0, 1)]),
        ("bytes=90-", [Span(90, 100)]),
        ("bytes=-10", [Span(90, 100)]),
        ("bytes=-0", []),
        ("bytes=100-", []),
        ("bytes=10-19,0-4,15-30", [Span(0, 5), Span(10, 31)]),
        ("bytes=" + "0-0," * 16 + "0-0", None),
    ],
)
def test_range_header_means(value: str | None, spans: list[Span] | None) -> None:
    assert parse_range(value, SIZE) == spans


@given(st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)), max_size=30))
def test_downloads_never_exceed_what_the_least_served_byte_was_served(
    pairs: list[tuple[int, int]],
) -> None:
    coverage, served = Coverage(size_bytes=SIZE), [0] * SIZE
    for first, second in pairs:
        start, end = min(first, second), max(first, second)
        if start == end:
            continue
        coverage.add(Span(start, end))
        for position in range(start, end):
            served[position] += 1

    assert coverage.downloads == min(served)
    assert coverage.served_bytes == sum(served)


def test_expiry_is_seconds_or_a_time_and_zero_is_for_ever() -> None:
    assert parse_expiry("3600", now=NOW) == (3600.0, None)
    assert parse_expiry("2030-01-01T00:00:00Z", now=NOW) == (None, 1_893_456_000.0)
    assert parse_expiry("0", now=NOW) == parse_expiry(None, now=NOW) == (None, None)


@given(st.text(max_size=30))
def test_any_expiry_is_read_or_refused(text: str) -> None:
    with refusal("bad-expiry"):
        keep_s, expires_at = parse_expiry(text, now=NOW)
        assert keep_s is None or keep_s > 0
        assert expires_at is None or expires_at > NOW


def test_server_maximum_goes_before_the_wish() -> None:
    assert Wish(keep_s=100).expiry(NOW, max_keep_s=10) == NOW + 10
    assert Wish().expiry(NOW, max_keep_s=10) == NOW + 10
    assert Wish(keep_s=5).expiry(NOW, max_keep_s=10) == NOW + 5
    assert Wish().expiry(NOW, max_keep_s=None) is None


@pytest.mark.parametrize("value", ["text/html\r\nX: y", "nonsense", "", None, "a/" + "b" * 300])
def test_what_is_no_media_type_becomes_plain_bytes(value: str | None) -> None:
    assert checked_media_type(value) == DEFAULT_MEDIA_TYPE


def test_media_type_with_a_parameter_is_kept() -> None:
    assert checked_media_type("text/csv; charset=utf-8") == "text/csv; charset=utf-8"


def test_password_matches_only_itself() -> None:
    hashed = hash_password("sesame")

    assert "sesame" not in hashed
    assert matches_password("sesame", hashed)
    assert not matches_password("Sesame", hashed)


def test_rate_limit_lets_a_burst_pass_and_then_a_steady_rate() -> None:
    now = [0.0]
    limit = RateLimit(per_s=1, burst=2, clock=lambda: now[0])
    for _ in range(2):
        limit.require("alice")
        limit.take("alice")

    with pytest.raises(Problem) as refused:
        limit.require("alice")
    assert refused.value.headers == {"Retry-After": "1"}
    limit.require("bob")
    now[0] = 1.0
    limit.require("alice")


def test_chunk_grows_while_it_is_taken_at_once_and_shrinks_for_a_slow_client() -> None:
    chunk_bytes = MIN_CHUNK_BYTES
    for _ in range(20):
        chunk_bytes = next_chunk(chunk_bytes, 0.001)
    assert chunk_bytes == MAX_CHUNK_BYTES
    for _ in range(10):
        chunk_bytes = next_chunk(chunk_bytes, 1.0)
    assert chunk_bytes == MIN_CHUNK_BYTES


def test_every_problem_has_a_status_of_refusal_and_a_title() -> None:
    for status, title in PROBLEMS.values():
        assert 400 <= status < 600
        assert title
