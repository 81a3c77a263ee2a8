"""`host:port` as people write it."""

from __future__ import annotations

import pytest

from simcrate.storage.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.10.160.10:8976", "10.10.160.10", 8976),
        ("[::1]:9000", "::1", 9000),
        ("[fe80::1]", "fe80::1", 8976),
        ("cloud.example.org:443", "cloud.example.org", 443),
        ("cloud_server", "cloud_server", 8976),
        ("  localhost:8976\n", "localhost", 8976),
    ],
)
def test_addresses_are_read_as_people_write_them(text: str, host: str, port: int) -> None:
    assert parse_address(text) == Address(host=host, port=port)


@pytest.mark.parametrize("text", ["10.10.160.10:8976", "[::1]:8976", "cloud.example.org:8976"])
def test_an_address_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("http://10.10.160.10:8976", "is a URL"),
        ("::1", "in brackets"),
        ("fe80::1:8976", "in brackets"),
        ("[::1", "no address"),
        ("[10.0.0.1]:80", "neither a host name nor an IP address"),
        ("", "neither a host name nor an IP address"),
        (":8976", "neither a host name nor an IP address"),
        ("user@host:1", "neither a host name nor an IP address"),
        ("host/path:1", "neither a host name nor an IP address"),
        ("a b:1", "neither a host name nor an IP address"),
        ("host:", "from 1 to 65535"),
        ("host:0", "from 1 to 65535"),
        ("host:65536", "from 1 to 65535"),
        ("host:http", "from 1 to 65535"),
        ("host:²", "from 1 to 65535"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_address(text)
