"""Requests byte by byte, for what no well-behaved client sends."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response that was read until its connection or its length ended."""

    status: int
    head: str
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document."""
        assert "application/problem+json" in self.head, self.head
        content: dict[str, Any] = json.loads(self.body)
        return content


def connect(url: str) -> socket.socket:
    """A connection to a server."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), TIMEOUT_S)


def head(method: str, target: str, **headers: str) -> bytes:
    """A request's head; underscores in names are hyphens."""
    lines = [f"{method} {target} HTTP/1.1", "Host: test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def read_answer(connection: socket.socket, *, has_body: bool = True) -> Answer:
    """The next final response on a connection."""
    status, body = 100, b""
    text = ""
    while status == 100:
        data = body
        while b"\r\n\r\n" not in data:
            data += _more(connection)
        raw_head, _, body = data.partition(b"\r\n\r\n")
        text = raw_head.decode("latin-1").lower()
        status = int(text.split(" ")[1])
    lengths = [line for line in text.split("\r\n") if line.startswith("content-length:")]
    length = int(lengths[0].split(":")[1]) if lengths and has_body else 0
    while len(body) < length:
        body += _more(connection)
    return Answer(status=status, head=text, body=body)


def ask(url: str, raw: bytes) -> Answer:
    """Send bytes on a new connection and read one response."""
    with connect(url) as connection:
        connection.sendall(raw)
        return read_answer(connection, has_body=not raw.startswith(b"HEAD"))


def wait_for_offset(client: httpx.Client, path: str, offset: int) -> None:
    """Until so many bytes of an upload are stored."""
    headers = {"Tus-Resumable": "1.0.0"}
    while int(client.head(path, headers=headers).headers.get("upload-offset", 0)) < offset:
        time.sleep(0.01)  # the rate of requests is limited


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        message = "the connection was closed in the middle of a response"
        raise ConnectionError(message)
    return data
