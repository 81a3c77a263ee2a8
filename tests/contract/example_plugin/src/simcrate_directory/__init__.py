"""A storage backend for SimCrate: a directory that a web server serves.

A crate is stored as `<folder>/<random>/<slug>.zip`, and what is known of it beside it in
`<folder>/<random>/.crate.json`.  The random part is the link's secret, so the web server must not list
directories and should not serve names that begin with a dot.  There are no credentials, no expiring
links and no passwords, and the backend says so in its abilities.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from simcrate.errors import (
    StorageError,
    StorageFullError,
    StorageIntegrityError,
    StorageNotFoundError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.storage import (
    JSON,
    Abilities,
    Finding,
    Link,
    LinkPolicy,
    Option,
    OptionValue,
    SaveResume,
    ShowProgress,
    Source,
    Space,
    StorageBackend,
    StoredCrate,
    looked_for,
)
from simcrate.storage.doctor import canary_steps, finding_of
from simcrate.storage.reading import OpenSource, open_source

CHUNK_BYTES = 1 << 18
RECORD = ".crate.json"
PARTIAL = ".partial"


class DirectoryBackend(StorageBackend):
    """A directory that a web server serves."""

    kind = "directory"
    title = "Directory"
    abilities = Abilities(
        resumes=True,
        expires_links=False,
        link_passwords=False,
        digest="sha256",
        reports_space=True,
    )
    options = (
        Option(
            name="folder",
            help="The directory, as the workers see it.",
            required=True,
            example="/srv/crates",
        ),
        Option(
            name="base_url",
            help="What the web server serves the directory as.",
            required=True,
            example="https://files.example.org/crates",
        ),
    )

    def __init__(self, *, token: OptionValue, config: Mapping[str, OptionValue]) -> None:
        self._folder = Path(str(config["folder"]))
        self._base_url = str(config["base_url"]).rstrip("/")

    @classmethod
    def faults(cls, token: OptionValue, config: Mapping[str, OptionValue]) -> tuple[str, ...]:
        """Relative directories and other URLs than http."""
        faults = []
        if not Path(str(config["folder"])).is_absolute():
            faults.append("'folder' must be an absolute path")
        if not str(config["base_url"]).startswith(("http://", "https://")):
            faults.append("'base_url' must begin with http:// or https://")
        return tuple(faults)

    def check(self) -> Iterator[Finding]:
        """No credentials to check; the directory, then the canary."""
        yield Finding(step="authenticate", ok=True, seen="a directory needs no credentials")
        try:
            self._require_folder()
        except StorageError as error:
            yield finding_of("target", error)
            return
        yield Finding(step="target", ok=True, seen="the directory is there")
        yield from canary_steps(self)

    def upload(
        self,
        source: Source,
        name: str,
        *,
        resume: JSON = None,
        save_resume: SaveResume,
        progress: ShowProgress,
    ) -> StoredCrate:
        """Append to a partial file, compare, and rename; `resume` is the random part."""
        self._require_folder()
        if (stored := self._stored_already(name, source)) is not None:
            progress(source.size_bytes)
            return stored
        try:
            place = self._resumed(resume, source) or self._begun(source)
            save_resume(place.name)
            with open_source(source) as crate, (place / PARTIAL).open("ab") as partial:
                _append_rest(crate, partial, progress)
            return self._publish(place, source, name)
        except OSError as error:
            raise _storage_error("write the crate", error) from error

    def link(self, stored: StoredCrate, policy: LinkPolicy) -> Link:
        """The place of the file; nothing to be made."""
        self.stat(stored)
        remarks = []
        if policy.expires_at is not None:
            remarks.append("a directory's links do not expire by themselves")
        if policy.password is not None:
            remarks.append("a directory's links have no passwords")
        path = f"{stored.remote_id}/{quote(_slug(stored.name))}"
        return Link(url=f"{self._base_url}/{path}", remarks=tuple(remarks))

    def stat(self, stored: StoredCrate) -> StoredCrate:
        """Read the record beside the file."""
        with looked_for(stored, lambda: self._base_url):
            found = self._read(self._folder / stored.remote_id)
            if found is None:
                raise StorageNotFoundError("the crate is not in the directory")
        return found

    def delete(self, stored: StoredCrate) -> None:
        """Remove the place with all that is in it."""
        self._require_folder()
        try:
            found = self.stat(stored)
        except StorageNotFoundError:
            return
        if found.digest != stored.digest:
            raise StorageRefusedError("another crate stands there; it is left alone")
        try:
            (self._folder / stored.remote_id / RECORD).unlink()  # from here on it is gone
            shutil.rmtree(self._folder / stored.remote_id)
        except OSError as error:
            raise _storage_error("delete the crate", error) from error

    def list_owned(self) -> Iterator[StoredCrate]:
        """Every place that has a record."""
        self._require_folder()
        for place in self._folder.iterdir():
            if (stored := self._read(place)) is not None:
                yield stored

    def space(self) -> Space:
        """Of the file system."""
        self._require_folder()
        usage = shutil.disk_usage(self._folder)
        return Space(used_bytes=None, free_bytes=usage.free)

    def _require_folder(self) -> None:
        if not self._folder.is_dir():
            message = "the directory is not there; mount it"
            raise StorageUnreachableError(message, detail=str(self._folder))

    def _stored_already(self, name: str, source: Source) -> StoredCrate | None:
        digest = f"sha256:{source.sha256}"
        same = (stored for stored in self.list_owned() if stored.name == name)
        return next((stored for stored in same if stored.digest == digest), None)

    def _resumed(self, resume: JSON, source: Source) -> Path | None:
        """The place of an unfinished upload of the same bytes."""
        if not (isinstance(resume, str) and resume.endswith(source.sha256)):
            return None
        place = self._folder / Path(resume).name
        return place if (place / PARTIAL).exists() else None

    def _begun(self, source: Source) -> Path:
        place = self._folder / f"{secrets.token_urlsafe(16)}-{source.sha256}"
        place.mkdir()
        (place / PARTIAL).touch()
        return place

    def _publish(self, place: Path, source: Source, name: str) -> StoredCrate:
        with (place / PARTIAL).open("rb") as partial:
            digest = hashlib.file_digest(partial, "sha256").hexdigest()
            os.fsync(partial.fileno())
        if digest != source.sha256:
            shutil.rmtree(place)
            message = "the written bytes are not the crate's; it is sent again from its start"
            raise StorageIntegrityError(message)
        (place / PARTIAL).rename(place / _slug(name))
        record = {"name": name, "size_bytes": source.size_bytes, "digest": f"sha256:{digest}"}
        _write_durably(place / RECORD, json.dumps(record))
        return self._stored(place, record)

    def _read(self, place: Path) -> StoredCrate | None:
        try:
            record = json.loads((place / RECORD).read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        return self._stored(place, record)

    def _stored(self, place: Path, record: Mapping[str, JSON]) -> StoredCrate:
        return StoredCrate(remote_id=place.name, account=self._base_url, **record)


def _append_rest(crate: OpenSource, partial: BinaryIO, progress: ShowProgress) -> None:
    done = partial.tell()
    progress(done)
    for piece in crate.pieces(done, crate.source.size_bytes, piece_bytes=CHUNK_BYTES):
        partial.write(piece)
        partial.flush()
        progress(partial.tell())
    crate.require_unchanged()


def _write_durably(path: Path, text: str) -> None:
    with path.with_suffix(".new").open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    path.with_suffix(".new").rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _slug(name: str) -> str:
    return name.rpartition("/")[2]


def _storage_error(what: str, error: OSError) -> StorageError:
    text = f"could not {what}: {error.strerror}"
    if error.errno in {28, 122}:  # ENOSPC, EDQUOT
        return StorageFullError(f"{text}; free space in the directory", detail=str(error))
    return StorageRefusedError(f"{text}; give the worker's user the right to", detail=str(error))
