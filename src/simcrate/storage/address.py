"""`host:port` as people write it: IPv4, IPv6 in brackets, host names."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

DEFAULT_PORT = 8976  # of local-cloud

_BRACKETED = re.compile(r"\[(?P<host>[^\]]*)\](?::(?P<port>.*))?")
_PLAIN = re.compile(r"(?P<host>[^:]*)(?::(?P<port>.*))?")
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
    r"(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens."""

    host: str
    """A name, or an IP address without brackets."""
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read `10.10.160.10:8976`, `[::1]:8976`, `cloud.example.org:8976`; without a port it is 8976.

    Raises:
        ValueError: with a clause that says what is wrong and how it is written.
    """
    text = text.strip()
    if "://" in text:
        raise ValueError(
            f"'{text}' is a URL; write HOST:PORT, and for https set 'tls' in the config"
        )
    match = (_BRACKETED if text.startswith("[") else _PLAIN).fullmatch(text)
    if match is None or (text.count(":") > 1 and not text.startswith("[")):
        message = (
            f"'{text}' is no address; write HOST:PORT, an IPv6 address in brackets ([::1]:8976)"
        )
        raise ValueError(message)
    host = match["host"]
    valid = _is_ipv6(host) if text.startswith("[") else _HOST_NAME.fullmatch(host) is not None
    if not valid:
        raise ValueError(f"'{host}' in '{text}' is neither a host name nor an IP address")
    return Address(host=host, port=_parse_port(match["port"], text))


def _parse_port(text: str | None, address: str) -> int:
    if text is None:
        return DEFAULT_PORT
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16):
        raise ValueError(f"the port in '{address}' must be a number from 1 to 65535")
    return int(text)


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True
