"""Recorded exchanges with a real server, replayed against a double.

An exchange is a request and what came back.  Tokens, ids and times differ from server to server: where the
recorded answer has one, the double's takes its place, there and in every later request; once bound, it
must stay the same.  Everything else must be equal, but that the double may know fewer fields of an object.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_VOLATILE = re.compile(rf"{_UUID}|\b[0-9a-f]{{40}}\b|\b[0-9a-f]{{20}}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
_UNSTABLE_KEYS = frozenset(
    {
        "mtime",
        "size",
        "file_count",
        "version",
        "root",
        "head_commit_id",
        "obj_id",
        "permission",
        "view_cnt",
    }
)
"""Keys whose values depend on what else was done on the recorded server."""


@dataclass
class Replay:
    """One run through a list of exchanges."""

    hosts: Mapping[str, str]
    """Recorded host and port → the double's."""
    contents: Mapping[str, bytes]
    """What the files of the recording held, by name; of others only the size is known."""
    bound: dict[str, str] = field(default_factory=dict)
    """Recorded id or token → the double's."""

    def request(self, client: httpx.Client, exchange: Mapping[str, Any]) -> httpx.Response:
        headers = {name: self._ours(text) for name, text in exchange.get("headers", {}).items()}
        body: dict[str, Any] = {}
        if "parts" in exchange:
            span = headers.get("Content-Range", "")
            body["content"], headers["Content-Type"] = self._multipart(exchange["parts"], span)
        elif "data" in exchange:
            body["content"] = self._ours(exchange["data"]).encode()
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return client.request(
            exchange["method"], self._ours(exchange["url"]), headers=headers, **body
        )

    def differences(self, answer: Mapping[str, Any], response: httpx.Response) -> list[str]:
        """Where the double's response is not what was recorded."""
        found = []
        if response.status_code != answer["status"]:
            found.append(f"status {response.status_code}, recorded {answer['status']}")
        if response.headers.get("Content-Type", "") != answer["content_type"]:
            found.append(
                f"type {response.headers.get('Content-Type')!r}, recorded {answer['content_type']!r}"
            )
        for name in ("location", "x-seafile-otp"):
            if name in answer:
                found += self._compare(answer[name], response.headers.get(name, ""), name)
        if "page" in answer:
            if answer["page"] not in response.text:
                found.append(f"page without {answer['page']!r}")
        elif "body" in answer:
            found += self._compare_bodies(answer["body"], response.text)
        return found

    def _compare_bodies(self, recorded: str, ours: str) -> list[str]:
        try:
            return self._compare(json.loads(recorded), json.loads(ours), "body")
        except ValueError:  # text, or JSON that is none
            return self._compare(recorded.strip(), ours.strip(), "body")

    def _compare(self, recorded: Any, ours: Any, where: str) -> list[str]:  # noqa: ANN401 - JSON
        if where.rpartition(".")[2] in _UNSTABLE_KEYS:
            return [] if type(recorded) is type(ours) else [f"{where}: other type"]
        if isinstance(recorded, dict) and isinstance(ours, dict):
            invented = [f"{where}: invented {name!r}" for name in ours.keys() - recorded.keys()]
            shared = [name for name in recorded if name in ours]
            return invented + [
                fault
                for name in shared
                for fault in self._compare(recorded[name], ours[name], f"{where}.{name}")
            ]
        if isinstance(recorded, list) and isinstance(ours, list):
            pairs = zip(recorded, ours, strict=False)
            faults = [
                fault for one, other in pairs for fault in self._compare(one, other, f"{where}[]")
            ]
            return faults + ([f"{where}: {len(ours)} items"] if len(recorded) != len(ours) else [])
        if isinstance(recorded, str) and isinstance(ours, str):
            return self._compare_texts(recorded, ours, where)
        return [] if recorded == ours else [f"{where}: {ours!r}, recorded {recorded!r}"]

    def _compare_texts(self, recorded: str, ours: str, where: str) -> list[str]:
        for host, our_host in self.hosts.items():
            recorded = recorded.replace(host, our_host)
        for one, other in zip(_VOLATILE.findall(recorded), _VOLATILE.findall(ours), strict=False):
            if self.bound.setdefault(one, other) != other and "0" * 20 not in one:
                return [f"{where}: {one} was {self.bound[one]} before, now {other}"]
        masked = [_TIME.sub("TIME", _VOLATILE.sub("…", text)) for text in (recorded, ours)]
        return [] if masked[0] == masked[1] else [f"{where}: {ours!r}, recorded {recorded!r}"]

    def _ours(self, text: str) -> str:
        for theirs, ours in (*self.hosts.items(), *self.bound.items()):
            text = text.replace(theirs, ours)
        return text

    def _multipart(self, parts: list[str], span: str) -> tuple[bytes, str]:
        """A form as curl's -F makes it: `name=value`, or `name=@./file;filename=…`."""
        boundary = "----------------recorded"
        body = b""
        for part in parts:
            name, _, value = part.partition("=")
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
            content = value.encode()
            if value.startswith("@"):
                path, *settings = value[1:].split(";")
                file = path.removeprefix("./")
                shown = next((s[9:] for s in settings if s.startswith("filename=")), file)
                head += f'; filename="{shown}"\r\nContent-Type: application/octet-stream'
                content = self._content(file, span)
            body += f"{head}\r\n\r\n".encode() + content + b"\r\n"
        return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"

    def _content(self, file: str, span: str) -> bytes:
        """What a file held; `chunk` was cut out of `big` anew for each range."""
        if file != "chunk":
            return self.contents[file]
        match = re.match(r"bytes (\d+)-(\d+)/", span)
        assert match is not None
        return self.contents["big"][int(match[1]) : int(match[2]) + 1]


def noise(size_bytes: int, seed: int) -> bytes:
    """The content of a file of which only the size was recorded."""
    return random.Random(seed).randbytes(size_bytes)
