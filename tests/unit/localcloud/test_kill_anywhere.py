"""A death between any two committing calls, and a ledger of any age: nothing acknowledged is lost.

The store is copied before every call that commits something (rename, unlink, flush, COMMIT), which is
what `kill -9` at that instant leaves behind, and each copy is taken up again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.digests import repr_digest
from simcrate.localcloud.housekeeping import tidy
from simcrate.localcloud.objects import find_linked
from simcrate.localcloud.recovery import finish_whole, recover
from tests.unit.localcloud.conftest import DAY_S, Server

HALF = b"666"
TUS = {"Tus-Resumable": "1.0.0"}
STREAM = TUS | {"Content-Type": "application/offset+octet-stream"}


@dataclass(frozen=True, slots=True)
class Moment:
    """What a death would leave, and what clients had been told by then."""

    folder: Path
    now: float
    kept: dict[str, bytes]
    """Contents by link, acknowledged, and nobody has asked for their end."""
    ended: set[str]
    """Links whose end was acknowledged."""
    half_sent: str
    """The id of an upload of which `HALF` was acknowledged; empty: none."""
    flushed: Path
    """The ledger as a power cut leaves it: without what was committed since and is not durable."""


@dataclass(slots=True)
class Story:
    """Uploads, grants and removals, with a copy of the store before every committing call."""

    server: Server
    copies: Path
    moments: list[Moment] = field(default_factory=list)
    ledgers: list[Path] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    half_sent: str = ""
    flushed: Path = Path()
    is_durable: bool = False
    is_flushed: bool = False
    _copying: threading.Lock = field(default_factory=threading.Lock)

    def take_copy(self) -> None:
        with self._copying:
            self._keep_flushed()
            folder = self.copies / str(len(self.moments))
            shutil.copytree(self.server.cloud.config.folder, folder)
            told = (dict(self.kept), set(self.ended), self.half_sent)
            self.moments.append(Moment(folder, self.server.clock.now, *told, self.flushed))

    def hear(self, statement: str) -> None:
        """What the ledger's writer is about to do."""
        if statement == "COMMIT":
            self.take_copy()
            self.is_flushed = self.is_durable
        elif statement.startswith("PRAGMA synchronous"):
            with self._copying:
                self._keep_flushed()
            self.is_durable = statement.endswith("FULL")

    def _keep_flushed(self) -> None:
        if self.is_flushed:
            self.flushed = self._back_up(f"flushed-{len(self.moments)}")
            self.is_flushed = False

    def _back_up(self, name: str) -> Path:
        with closing(sqlite3.connect(self.copies / name)) as target:
            self.server.cloud.ledger._reader().backup(target)
        return self.copies / name

    def step(self) -> None:
        """Between two requests: a backup of the ledger too."""
        self.take_copy()
        self.ledgers.append(self._back_up(f"ledger-{len(self.ledgers)}"))

    def put(self, key: str, content: bytes, **headers: str) -> dict[str, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.server.client.put(f"/upload/{key}", content=content, headers=named)
        return self._stored(answer.json(), content)

    def send_in_pieces(self, key: str, *pieces: bytes, concat: str = "") -> str:
        total = sum(len(piece) for piece in pieces)
        name = base64.b64encode(key.encode()).decode()
        headers = {"Upload-Length": str(total), "Upload-Metadata": f"filename {name}"}
        headers |= TUS | ({"Upload-Concat": concat} if concat else {})
        location: str = self.server.client.post("/files", headers=headers).headers["location"]
        offset = 0
        for piece in pieces:
            place = STREAM | {"Upload-Offset": str(offset)}
            self.server.client.patch(location, content=piece, headers=place)
            offset += len(piece)
        if not concat:
            answer = self.server.client.get(location, headers=TUS)
            self._stored(answer.json(), b"".join(pieces))
        self.step()
        return location

    def join(self, content: bytes, *parts: str) -> None:
        headers = TUS | {"Upload-Concat": f"final;{' '.join(parts)}"}
        answer = self.server.client.post("/files", headers=headers)
        url = answer.headers["cloud-object-url"]
        self._stored({"url": url}, content)

    def end(self, stored: dict[str, Any], how: Callable[[], object]) -> None:
        self.kept.pop(stored["url"])
        how()
        self.ended.add(stored["url"])
        self.step()

    def delete(self, stored: dict[str, Any]) -> None:
        self.end(stored, lambda: self.server.client.delete(f"/objects/{stored['id']}"))

    def _stored(self, answer: dict[str, Any], content: bytes) -> dict[str, Any]:
        self.kept[answer["url"]] = content
        self.step()
        return answer


@pytest.fixture
def story(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    told = Story(server, tmp_path / "copies", is_flushed=True)
    told.copies.mkdir()
    for name in ("rename", "unlink", "fsync"):
        monkeypatch.setattr(os, name, _after_a_copy(told, getattr(os, name)))
    server.cloud.ledger._writer.set_trace_callback(told.hear)
    tell(told)
    server.cloud.ledger._writer.set_trace_callback(None)
    monkeypatch.undo()
    return told


def _after_a_copy(story: Story, call: Callable[..., Any]) -> Callable[..., Any]:
    def copy_and_call(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        story.take_copy()
        return call(*args, **options)

    return copy_and_call


def tell(story: Story) -> None:
    """Every way in and every way out."""
    server = story.server
    begun = server.client.post("/files", headers=TUS | {"Upload-Length": "9"}).headers["location"]
    server.client.patch(begun, content=HALF, headers=STREAM | {"Upload-Offset": "0"})
    story.half_sent = begun.rpartition("/")[2]
    digest = {"Repr_Digest": repr_digest(hashlib.sha256(b"11111").hexdigest())}
    one = story.put("a/one.bin", b"11111")
    copy = story.put("a/copy.bin", b"11111", **digest)
    story.put("a/one.bin", b"11111")  # without its digest it is sent, and found
    longer = story.put("a/longer.bin", b"77777", Cloud_Expires="3600")
    server.client.patch(f"/objects/{longer['id']}", json={"expires": None})
    story.step()
    grant = server.client.post("/grants", json={"size": 9}).json()
    story.put("a/granted.bin", b"22222", Authorization=f"Bearer {grant['grant']}")
    story.send_in_pieces("a/pieces.bin", b"333", b"33")
    parts = [story.send_in_pieces("part", piece, concat="partial") for piece in (b"44", b"444")]
    story.join(b"44444", *parts)
    story.delete(one)
    story.delete(copy)
    short = story.put("a/short.bin", b"55555", Cloud_Expires="60")
    server.clock.now += 61
    story.end(short, lambda: story.put("a/short.bin", b"55555", Cloud_Expires="60"))
    again = next(url for url, content in story.kept.items() if content == b"55555")
    server.clock.now += 61
    story.end({"url": again}, lambda: tidy(server.cloud))
    story.half_sent = ""
    server.client.delete(begun, headers=TUS)
    story.step()


def test_death_between_any_two_committing_calls_loses_nothing_and_leaves_nothing(
    story: Story,
) -> None:
    for moment in story.moments:
        cloud = taken_up(story, moment)
        assert contents(cloud, moment.kept) == moment.kept, moment.folder
        assert not contents(cloud, moment.ended), moment.folder
        if moment.half_sent:
            assert cloud.blobs.incoming_path(moment.half_sent).read_bytes() == HALF
        assert_disk_is_what_the_ledger_names(cloud)
        assert cloud.blobs.lost() == {}
        cloud.close()

    assert len(story.moments) > 60


def test_power_cut_between_any_two_committing_calls_loses_nothing_and_sets_nothing_aside(
    story: Story,
) -> None:
    for before, moment in pairwise(story.moments):
        if names_of_blobs(before) == names_of_blobs(moment):
            continue
        put_ledger(moment.folder, moment.flushed)
        (moment.folder / "boot").write_text("another boot")
        cloud = taken_up(story, moment)
        assert contents(cloud, moment.kept) == moment.kept, moment.folder
        assert not contents(cloud, moment.ended), moment.folder
        assert cloud.blobs.lost() == {}, moment.folder
        cloud.close()


def test_older_ledger_of_any_age_removes_nothing_that_a_newer_one_knows(story: Story) -> None:
    last = story.moments[-1]
    for older in story.ledgers:
        shutil.copytree(last.folder, story.copies / "again")
        moment = replace(last, folder=story.copies / "again", now=last.now + 2 * DAY_S)
        put_ledger(moment.folder, older)
        cloud = taken_up(story, moment)
        tidy(cloud)
        assert_disk_is_what_the_ledger_names(cloud)
        cloud.close()
        put_ledger(moment.folder, story.ledgers[-1])
        cloud = taken_up(story, moment)

        assert contents(cloud, moment.kept) == moment.kept, older
        cloud.close()
        shutil.rmtree(moment.folder)


def names_of_blobs(moment: Moment) -> set[str]:
    return {path.name for path in (moment.folder / "blobs").glob("*/*")}


def put_ledger(folder: Path, ledger: Path) -> None:
    for path in folder.glob("ledger.sqlite3*"):
        path.unlink()
    shutil.copy(ledger, folder / "ledger.sqlite3")


def taken_up(story: Story, moment: Moment) -> Cloud:
    """The store as the next start makes it."""
    config = replace(story.server.cloud.config, folder=moment.folder)
    cloud = Cloud(config, clock=lambda: moment.now)
    recover(cloud)
    asyncio.run(finish_whole(cloud))
    return cloud


def contents(cloud: Cloud, urls: dict[str, bytes] | set[str]) -> dict[str, bytes]:
    """What living links lead to."""
    found = {}
    for url in urls:
        stored = find_linked(cloud.ledger, url.split("/")[3])
        if stored is not None and stored.removed_at is None and not stored.is_expired(cloud.now()):
            found[url] = cloud.blobs.blob_path(stored.blob).read_bytes()
    return found


def assert_disk_is_what_the_ledger_names(cloud: Cloud) -> None:
    living = cloud.ledger.rows("SELECT DISTINCT blob FROM objects WHERE removed_at IS NULL")
    uploads = cloud.ledger.rows("SELECT upload_id FROM uploads WHERE object_id IS NULL")
    assert set(cloud.blobs.blobs()) <= {row["blob"] for row in living}
    assert set(cloud.blobs.incoming()) <= {row["upload_id"] for row in uploads}
    (used,) = cloud.ledger.rows("SELECT sum(size_bytes) AS n FROM usage")
    (real,) = cloud.ledger.rows("SELECT sum(size_bytes) AS n FROM objects WHERE removed_at IS NULL")
    assert (used["n"] or 0) == (real["n"] or 0)
