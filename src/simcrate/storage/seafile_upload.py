"""Bring one crate into a folder of a Seafile library.

Seafile checks nothing of a chunked upload: ranges are written at their offset into a temporary file that
belongs to library and path, and the chunk that ends at the last byte commits whatever stands there.  So
everything is checked here:

- ranges go in order, and the upload is resumed at the last one that was acknowledged, never at the
  length of the temporary file, which says nothing of holes;
- a temporary file that is longer than the crate would make the crate longer, and nothing removes it: then
  one plain request is used, which leaves it alone;
- the last bytes of the last request are sent only after the crate was confirmed unchanged;
- the id that Seafile answers is compared with the one computed from the bytes that were sent.

Upload links end with the hour or with the server; a new one continues the same temporary file.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

import httpx

from simcrate.errors import (
    StorageIntegrityError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.secret import Secret
from simcrate.storage.base import JSON, SaveResume, ShowProgress, Source
from simcrate.storage.crate_reader import CrateReader, read_crate
from simcrate.storage.seafile_api import SeafileApi
from simcrate.storage.seafile_errors import error_of, error_words
from simcrate.storage.seafile_id import SeafileId

DOING = "upload the crate"
CHUNK_NAME = "part-of-a-crate"
"""What the multipart form calls a chunk.  It counts only if the range is lost on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a crate goes."""

    repo_id: str
    folder: str
    """Absolute in the library, without a slash at its end; exists."""
    name: str

    @property
    def path(self) -> str:
        """Absolute in the library."""
        return f"{self.folder.rstrip('/')}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """What Seafile made of it."""

    id: str
    """As Seafile answered."""
    own_id: str
    """As computed from the bytes that were sent."""


def send_crate(
    api: SeafileApi,
    target: Target,
    source: Source,
    *,
    chunk_bytes: int,
    resume: JSON,
    save_resume: SaveResume,
    progress: ShowProgress,
) -> SentFile:
    """Send the crate and replace what stands at the target.

    Args:
        api: the server and account.
        target: library, folder and name.
        source: the crate.
        chunk_bytes: size of a request; a crate that is not larger goes in one plain request.
        resume: the last value given to `save_resume`; ignored where it speaks of another crate.
        save_resume: called after each acknowledged chunk.
        progress: called with the bytes that Seafile has for certain.

    Raises:
        StorageError: as the contract of a backend says.
    """
    upload = _Upload(api, target, source)
    if source.size_bytes <= chunk_bytes:
        return upload.send_whole()
    left_over = api.uploaded_bytes(target.repo_id, target.folder, target.name)
    if left_over > source.size_bytes:
        return upload.send_whole()
    offset = _acknowledged(resume, target, source)

    def acknowledged(end: int) -> None:
        save_resume(_resume_value(target, source, end))
        progress(end)

    return upload.send_chunks(offset if offset <= left_over else 0, chunk_bytes, acknowledged)


def _resume_value(target: Target, source: Source, offset: int) -> dict[str, JSON]:
    return {
        "repo_id": target.repo_id,
        "path": target.path,
        "sha256": source.sha256,
        "size": source.size_bytes,
        "offset": offset,
    }


def _acknowledged(resume: JSON, target: Target, source: Source) -> int:
    """The offset in a resume value of this crate and target; otherwise 0."""
    offset = resume.get("offset") if isinstance(resume, dict) else None
    if isinstance(offset, int) and resume == _resume_value(target, source, offset):
        return offset
    return 0


class _Upload:
    """One crate under way; holds the upload link while it lives."""

    def __init__(self, api: SeafileApi, target: Target, source: Source) -> None:
        self._api = api
        self._target = target
        self._source = source
        self._id = SeafileId()
        self._link: Secret | None = None  # whoever has it may write into the folder

    def send_whole(self) -> SentFile:
        """All in one plain request."""
        size = self._source.size_bytes
        with read_crate(self._source, self._id) as reader:
            return self._sent(self._post(reader, size, {}))

    def send_chunks(
        self, offset: int, chunk_bytes: int, acknowledged: Callable[[int], object]
    ) -> SentFile:
        """The rest of the crate from `offset`, in order."""
        size = self._source.size_bytes
        with read_crate(self._source, self._id) as reader:
            reader.skip_to(offset)
            while True:
                start, end = reader.position, min(reader.position + chunk_bytes, size)
                response = self._post(reader, end, self._range_headers(start, end))
                if end == size:
                    return self._sent(response)
                self._require_chunk(response)
                acknowledged(end)

    def _post(self, reader: CrateReader, end: int, headers: dict[str, str]) -> httpx.Response:
        """Send up to `end`; a link that died is replaced once."""
        start = reader.position
        response = self._try(reader, end, headers)
        if response.status_code == 403 and "token not found" in error_words(response):
            self._link = None
            reader.go_back_to(start)
            response = self._try(reader, end, headers)
        if response.status_code != 200:
            raise error_of(response, DOING)
        return response

    def _try(self, reader: CrateReader, end: int, headers: dict[str, str]) -> httpx.Response:
        if self._link is None:
            folder = self._target.folder
            self._link = Secret(self._api.upload_link(self._target.repo_id, folder))
        name = CHUNK_NAME if headers else self._target.name
        form = _Form(self._target.folder, name, end - reader.position)
        headers = {**headers, **form.headers}
        return self._api.post_file(self._link.reveal(), headers, form.body(reader, end))

    def _range_headers(self, start: int, end: int) -> dict[str, str]:
        return {
            "Content-Range": f"bytes {start}-{end - 1}/{self._source.size_bytes}",
            "Content-Disposition": f'attachment; filename="{quote(self._target.name, safe="")}"',
        }

    def _require_chunk(self, response: httpx.Response) -> None:
        """Raise if a chunk was stored as a whole file: its range was taken away, or not understood."""
        if '"success"' in response.text:
            return
        self._api.delete_file(self._target.repo_id, replace(self._target, name=CHUNK_NAME).path)
        raise StorageRefusedError(
            f"could not {DOING}: Seafile took a part for the whole; let the proxy in front of it pass"
            " the headers Content-Range and Content-Disposition on"
        )

    def _sent(self, response: httpx.Response) -> SentFile:
        """Read the answer to the last request: `[{"name":…,"id":…,"size":…}]`."""
        try:
            [answer] = response.json()
            name, file_id = answer["name"], answer["id"]
        except (ValueError, TypeError, KeyError) as error:
            message = f"could not {DOING}: Seafile did not say what it stored; it will be looked at"
            raise StorageUnreachableError(message, detail=type(error).__name__) from error
        if name != self._target.name:
            self._api.delete_file(self._target.repo_id, replace(self._target, name=name).path)
            raise StorageIntegrityError(
                f"could not {DOING}: Seafile stored it under another name; it will be sent again",
                detail=f"asked for {self._target.name!r}, got {name!r}",
            )
        return SentFile(id=str(file_id), own_id=self._id.hexdigest())


class _Form:
    """The multipart body of one request, written by hand so that it streams with a known length.

    Source: RFC 7578; file names are escaped as browsers do (WHATWG HTML, multipart/form-data encoding).
    """

    def __init__(self, folder: str, name: str, length: int) -> None:
        boundary = secrets.token_hex(16)
        fields = (("parent_dir", folder), ("replace", "1"))  # replace only counts as a field
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in fields
        )
        head += (
            f"--{boundary}\r\nContent-Disposition: form-data;"
            f' name="file"; filename="{_escaped(name)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        self._head = head.encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + length + len(self._tail)),
        }

    def body(self, reader: CrateReader, end: int) -> Iterator[bytes]:
        """The bytes up to `end`, framed; the crate's last byte is followed only by a confirmation."""
        yield self._head
        yield from reader.blocks(end)
        if reader.at_end:
            reader.confirm()
        yield self._tail


def _escaped(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
