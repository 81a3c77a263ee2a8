"""Bring one crate to a path in Dropbox.

A small crate goes in one call.  A larger one goes through a concurrent upload session: several parts at
once, each a multiple of 4 MiB at such an offset, the last one alone and last, because it closes the session.
What was acknowledged from the beginning without a hole is the resume value.

Lost answers: a part whose answer was lost is sent again; `closed` or an offset beyond it says that it was
there.  A finish whose answer was lost finds the session gone, or the file in place: then the file is
looked at.  The mode `add` without `strict_conflict` makes nothing of the same content twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from simcrate.errors import StorageUnreachableError
from simcrate.storage.base import JSON, SaveResume, ShowProgress, Source
from simcrate.storage.crate_reader import CrateReader, hash_crate, read_crate
from simcrate.storage.dropbox_api import Conflict, DropboxApi

DOING = "upload the crate"
PART_MULTIPLE_BYTES = 4 * 1024 * 1024  # for every part but the last; a rule of concurrent sessions

PART_TAGS = ("concurrent_session_invalid_offset", "concurrent_session_invalid_data_size")
"""Refusals of a part that say that the session was begun otherwise."""

SESSION_TAGS = ("concurrent_session_missing_data", "concurrent_session_not_closed")
"""Refusals to finish that say that the session is not what we think."""


class SessionLost(Exception):  # noqa: N818 - the upload starts anew
    """The upload session is unknown, aged, or not what we think; nothing of it can be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """What Dropbox made of it."""

    metadata: Any
    """The SDK's `FileMetadata`."""
    own_hash: str
    """The content hash of the bytes that were sent."""


class CrateUpload:
    """One crate's way to one path."""

    def __init__(
        self, api: DropboxApi, path: str, source: Source, *, part_bytes: int, parallel: int
    ) -> None:
        """Take what is to be done.

        Args:
            api: the client.
            path: absolute, as Dropbox wants it.
            source: the crate.
            part_bytes: size of one call, a multiple of 4 MiB.
            parallel: calls at once; `parallel × part_bytes` is held in memory.
        """
        assert part_bytes % PART_MULTIPLE_BYTES == 0
        self._api = api
        self._path = path
        self._source = source
        self._part_bytes = part_bytes
        self._parallel = parallel

    def run(self, resume: JSON, save_resume: SaveResume, progress: ShowProgress) -> SentFile:
        """Send the crate; see the contract of a backend for the arguments."""
        if self._source.size_bytes <= self._part_bytes:
            return self._send_whole()
        resumed = self._read_resume(resume)
        if resumed is not None:
            try:
                return self._send_session(*resumed, save_resume, progress)
            except SessionLost:
                save_resume(None)
        session_id = self._start_session()
        save_resume(self._resume_value(session_id, 0))
        try:
            return self._send_session(session_id, 0, save_resume, progress)
        except SessionLost as error:
            save_resume(None)
            message = f"could not {DOING}: Dropbox lost the upload session; it will start anew"
            raise StorageUnreachableError(message, detail=str(error.__cause__)) from error

    def find_whole(self) -> SentFile | None:
        """The file at the path, if it is this crate."""
        there = self.look()
        if there is None or getattr(there, "size", None) != self._source.size_bytes:
            return None
        hash_crate(self._source, hasher := self._new_hasher())
        own_hash = hasher.hexdigest()
        same = there.content_hash == own_hash
        return SentFile(metadata=there, own_hash=own_hash) if same else None

    def look(self) -> Any:  # noqa: ANN401 - the SDK's Metadata
        """What stands at the path; None: nothing."""
        try:
            return self._api.call("look for the crate", "files_get_metadata", self._path)
        except Conflict as conflict:
            if conflict.has("not_found"):
                return None
            raise conflict.as_error("look for the crate") from conflict

    # The resume value

    def _resume_value(self, session_id: str, offset: int) -> dict[str, JSON]:
        return {
            "session_id": session_id,
            "offset": offset,
            "path": self._path,
            "sha256": self._source.sha256,
            "size": self._source.size_bytes,
            "part_bytes": self._part_bytes,
        }

    def _read_resume(self, resume: JSON) -> tuple[str, int] | None:
        """Session and offset of a resume value of this crate and path; otherwise None."""
        if not isinstance(resume, dict):
            return None
        session_id, offset = resume.get("session_id"), resume.get("offset")
        if not isinstance(session_id, str) or not isinstance(offset, int):
            return None
        return (session_id, offset) if resume == self._resume_value(session_id, offset) else None

    # Sending

    def _send_whole(self) -> SentFile:
        """All in one call."""
        with read_crate(self._source, hasher := self._new_hasher()) as reader:
            content = reader.read_to(self._source.size_bytes)
            reader.confirm()
        own_hash = hasher.hexdigest()

        def upload(mode: Any) -> Any:  # noqa: ANN401 - the SDK's types
            return self._api.call(DOING, "files_upload", content, self._path, mode=mode, mute=True)

        return SentFile(metadata=self._commit(upload, own_hash), own_hash=own_hash)

    def _start_session(self) -> str:
        concurrent = self._api.sdk.files.UploadSessionType.concurrent
        started = self._api.must(DOING, "files_upload_session_start", b"", session_type=concurrent)
        return str(started.session_id)

    def _send_session(
        self, session_id: str, offset: int, save_resume: SaveResume, progress: ShowProgress
    ) -> SentFile:
        """The rest of the crate from `offset`, then the commit."""

        def acknowledged(end: int) -> None:
            save_resume(self._resume_value(session_id, end))
            progress(end)

        with read_crate(self._source, hasher := self._new_hasher()) as reader:
            reader.skip_to(offset)
            self._send_parts(reader, session_id, acknowledged)
            self._close_session(reader, session_id, acknowledged)
        own_hash = hasher.hexdigest()

        def finish(mode: Any) -> Any:  # noqa: ANN401 - the SDK's types
            commit = self._api.sdk.files.CommitInfo(self._path, mode=mode, mute=True)
            cursor = self._cursor(session_id, self._source.size_bytes)
            return self._api.call(DOING, "files_upload_session_finish", b"", cursor, commit)

        return SentFile(metadata=self._commit(finish, own_hash), own_hash=own_hash)

    def _send_parts(
        self, reader: CrateReader, session_id: str, acknowledged: Callable[[int], None]
    ) -> None:
        """All parts but the last, several at once; acknowledged in order."""
        size, part = self._source.size_bytes, self._part_bytes
        under_way: deque[tuple[int, Future[None]]] = deque()

        def wait_for_oldest() -> None:
            end, future = under_way.popleft()
            future.result()
            acknowledged(end)

        with ThreadPoolExecutor(self._parallel) as pool:
            while reader.position + part < size:
                if len(under_way) == self._parallel:
                    wait_for_oldest()
                start = reader.position
                data = reader.read_to(start + part)
                under_way.append(
                    (reader.position, pool.submit(self._append, session_id, start, data))
                )
            while under_way:
                wait_for_oldest()

    def _close_session(
        self, reader: CrateReader, session_id: str, acknowledged: Callable[[int], None]
    ) -> None:
        """The last part; the crate is confirmed before anything is final."""
        start, size = reader.position, self._source.size_bytes
        data = reader.read_to(size)
        reader.confirm()
        if data:
            self._append(session_id, start, data, close=True)
            acknowledged(size)

    def _append(self, session_id: str, start: int, data: bytes, *, close: bool = False) -> None:
        cursor = self._cursor(session_id, start)
        try:
            self._api.call(DOING, "files_upload_session_append_v2", data, cursor, close=close)
        except Conflict as conflict:
            offset = conflict.correct_offset
            if conflict.has("closed") or (offset is not None and offset >= start + len(data)):
                return  # it was there: an answer was lost
            if conflict.has("not_found", "incorrect_offset", *PART_TAGS):
                raise SessionLost from conflict
            raise conflict.as_error(DOING) from conflict

    def _commit(self, send: Callable[[Any], Any], own_hash: str) -> Any:  # noqa: ANN401
        """Make the file; one that is there already is taken if it is this crate, else replaced.

        The path holds the delivery's id: what stands there is an earlier crate of the same delivery.
        """
        modes = self._api.sdk.files.WriteMode
        try:
            return send(modes.add)
        except Conflict as conflict:
            there: Any = self.look() if conflict.has("conflict", "not_found", "closed") else None
            if getattr(there, "content_hash", None) == own_hash:
                return there
            if conflict.has("lookup_failed", *SESSION_TAGS):
                raise SessionLost from conflict
            if not conflict.has("conflict") or not hasattr(there, "rev"):
                raise conflict.as_error(DOING) from conflict
        try:
            return send(modes.update(there.rev))
        except Conflict as conflict:
            raise conflict.as_error(DOING) from conflict

    def _cursor(self, session_id: str, offset: int) -> Any:  # noqa: ANN401
        return self._api.sdk.files.UploadSessionCursor(session_id, offset)

    def _new_hasher(self) -> Any:  # noqa: ANN401
        return self._api.sdk.content_hash.DropboxContentHasher()
