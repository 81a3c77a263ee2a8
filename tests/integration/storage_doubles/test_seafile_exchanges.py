"""The double of Seafile answers what real servers answered, exchange by exchange."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers.exchanges import Replay, noise
from tests.servers.seafile import SeafileServer, seafile_server
from tests.servers.seafile_state import FileToken, Library

DATA = Path(__file__).parents[2] / "data" / "seafile"
STACKS = {"c-11.0.3": ("c", "11.0.3"), "go-11.0.3": ("go", "11.0.3"), "go-12.0.4": ("go", "12.0.4")}
UPLOADER, QUOTA = "uploader@loop.test", "quota@loop.test"

BIG = noise(3 * 1024 * 1024, seed=1)
CONTENTS = {
    "a.txt": b"hello one\n",
    "a2.txt": b"hello two, other content\n",
    "empty.bin": b"",
    "big": BIG,
    **{f"big.{part}": BIG[part * 1024**2 : (part + 1) * 1024**2] for part in range(3)},
    "600k": noise(600_000, seed=2),
    "300k": noise(300_000, seed=3),
    "2m": noise(2_000_000, seed=4),
    "2m.0": noise(1_000_000, seed=5),
    "2m.1": noise(1_000_000, seed=6),
}
LIBRARY_OF = {"15": "quota", "23": "encrypted", "30": "life"}
"""Transcript → the library that its upload links are for; all others are for `results`."""


class RecordedServer:
    """The double, in the state that the recorded server had."""

    def __init__(self, server: SeafileServer, header: dict[str, Any]) -> None:
        self.state = server.state
        self.state.add_account(UPLOADER, "Upload-Pw-1")
        self.state.add_account("inactive@loop.test", "Inactive-Pw-1", active=False)
        self._quota = self.state.add_account(QUOTA)
        hosts = {"hub": server.hub.host, "files": server.files.host}
        self.replay = Replay(
            {host: hosts[part] for host, part in header["hosts"].items()}, CONTENTS
        )
        self._recorded = {role: recorded for recorded, role in header["roles"].items()}
        self._bind("quota token", self._quota.token)
        self._bind("stranger token", self.state.add_account("admin@loop.test").token)
        self._folder = "/"

    def do(self, step: str) -> None:
        """A step of the administrator, or one that the recording does not show."""
        word, _, argument = step.partition(" ")
        steps: dict[str, Callable[[], object]] = {
            "quota": lambda: setattr(self._quota, "quota", int(argument)),
            "share": lambda: self._library("results").shares.update({QUOTA: "r"}),
            "read-only": lambda: setattr(self._library("results"), "status", "read-only"),
            "normal": lambda: setattr(self._library("results"), "status", "normal"),
            "update": lambda: self.state.put(
                self._library("results"), "/a.txt", CONTENTS["a2.txt"]
            ),
            "rename": lambda: self._rename("/k.txt", "/k2.txt"),
            "link": lambda: setattr(self, "_folder", argument),
        }
        steps[word]()

    def prepare(self, exchange: dict[str, Any]) -> None:
        """Make what a request needs and the recording got elsewhere: a library, a token, a link."""
        transcript = exchange["title"][:2]
        if transcript == "30" and not self._is_bound("life"):
            self._bind("life", self.state.add_library("life", UPLOADER).id)
        if transcript == "18" and not self._is_bound("library token"):
            self._bind("library token", self.state.add_repo_token(self._library("results")))
        found = re.search(
            r"/(upload-api|upload-aj|update-api|files)/([0-9a-f-]{36})", exchange["url"]
        )
        if found and found[2] not in self.replay.bound and not found[2].startswith("0000"):
            kind = "upload-api" if "token of another op" in exchange["title"] else found[1]
            library = self._library(LIBRARY_OF.get(transcript, "results"))
            token = str(uuid.uuid4())
            self.state.file_tokens[token] = FileToken(library, self._folder, kind)
            self.replay.bound[found[2]] = token
            self._folder = "/"

    def _library(self, role: str) -> Library:
        return self.state.libraries[self.replay.bound[self._recorded[role]]]

    def _rename(self, old: str, new: str) -> None:
        files = self._library("life").files
        files[new] = files.pop(old)

    def _bind(self, role: str, ours: str) -> None:
        self.replay.bound[self._recorded[role]] = ours

    def _is_bound(self, role: str) -> bool:
        return self._recorded[role] in self.replay.bound


@contextmanager
def recorded_server(stack: str, header: dict[str, Any]) -> Iterator[RecordedServer]:
    flavour, version = STACKS[stack]
    with seafile_server(flavour=flavour, version=version) as server:
        yield RecordedServer(server, header)


@pytest.mark.parametrize("stack", STACKS)
def test_the_double_answers_what_a_real_server_answered(stack: str) -> None:
    lines = (DATA / f"{stack}.jsonl").read_text(encoding="utf-8").splitlines()
    header, *entries = [json.loads(line) for line in lines]
    faults = {}
    with recorded_server(stack, header) as server, httpx.Client() as client:
        for entry in entries:
            if "do" in entry:
                server.do(entry["do"])
                continue
            server.prepare(entry)
            response = server.replay.request(client, entry)
            if differences := server.replay.differences(entry["answer"], response):
                faults[entry["title"]] = differences

    assert faults == {}
    assert len(entries) > 150
