"""Upload sessions and commits of the double of Dropbox."""

from __future__ import annotations

import secrets
import unicodedata
from datetime import UTC, datetime
from typing import Any, NoReturn

from tests.servers.dropbox_replies import conflict
from tests.servers.dropbox_state import (
    BLOCK_BYTES,
    SESSION_LIFE,
    DropboxState,
    Session,
    StoredFile,
    content_hash,
)

Error = dict[str, Any]


class DropboxSessions:
    """Sequential and concurrent sessions; a commit is the same for them and for small uploads."""

    def __init__(self, state: DropboxState) -> None:
        self._state = state

    def start(self, argument: dict[str, Any], body: bytes) -> object:
        concurrent = tag_of(argument.get("session_type", "sequential")) == "concurrent"
        if concurrent and body:
            conflict({".tag": "concurrent_session_data_not_allowed"})
        if concurrent and argument.get("close"):
            conflict({".tag": "concurrent_session_close_not_allowed"})
        session_id = f"pid_upload_session:{secrets.token_urlsafe(24)}"
        session = Session(concurrent, closed=bool(argument.get("close")))
        if body:
            session.parts[0] = body
        self._state.sessions[session_id] = session
        return {"session_id": session_id}

    def append(self, argument: dict[str, Any], body: bytes) -> object:
        cursor = argument["cursor"]
        session = self._session(cursor["session_id"])
        if session is None:
            conflict({".tag": "not_found"})
        if session.closed:
            conflict({".tag": "closed"})
        offset, close = cursor["offset"], bool(argument.get("close"))
        if session.concurrent:
            if offset % BLOCK_BYTES:
                conflict({".tag": "concurrent_session_invalid_offset"})
            if len(body) % BLOCK_BYTES and not close:
                conflict({".tag": "concurrent_session_invalid_data_size"})
        elif offset != session.offset:
            conflict({".tag": "incorrect_offset", "correct_offset": session.offset})
        session.parts[offset] = body
        session.closed = close
        return None

    def finish(self, argument: dict[str, Any], body: bytes) -> object:
        cursor, commit = (
            argument["cursor"],
            {**argument["commit"], "namespace": argument["namespace"]},
        )
        session = self._session(cursor["session_id"])
        if session is None:
            _lookup_failed({".tag": "not_found"})
        if session.concurrent:
            self._check_concurrent(session, cursor["offset"], body)
        elif cursor["offset"] != session.offset:
            _lookup_failed({".tag": "incorrect_offset", "correct_offset": session.offset})
        else:
            session.parts[session.offset] = body
        content = session.content
        if (fault := self.commit_fault(commit, content)) is not None:
            conflict({".tag": "path", "path": fault})
        del self._state.sessions[cursor["session_id"]]
        return self.commit(commit, content).metadata()

    def commit_fault(self, commit: dict[str, Any], content: bytes) -> Error | None:
        """Why a commit is refused, as a `WriteError`."""
        path, mode = commit["path"], commit.get("mode", "add")
        if len(path.rpartition("/")[2]) > 255 or "\\" in path:
            return {".tag": "malformed_path"}
        existing = self._existing(commit)
        if existing is not None:
            same = existing.content_hash == content_hash(content)
            allowed = {
                "add": same and not commit.get("strict_conflict"),
                "overwrite": True,
                "update": isinstance(mode, dict) and mode.get("update") == existing.rev,
            }
            if not allowed[tag_of(mode)]:
                return {".tag": "conflict", "conflict": {".tag": "file"}}
        if (commit["namespace"], path.lower()) in {
            (space, folder.lower()) for space, folder in self._state.folders
        }:
            return {".tag": "conflict", "conflict": {".tag": "folder"}}
        return {".tag": "insufficient_space"} if len(content) > self._state.free else None

    def commit(self, commit: dict[str, Any], content: bytes) -> StoredFile:
        existing = self._existing(commit)
        if existing is not None and existing.content_hash == content_hash(content):
            return existing
        return self._state.put(commit["path"], content, commit["namespace"])

    def _existing(self, commit: dict[str, Any]) -> StoredFile | None:
        path = unicodedata.normalize("NFC", commit["path"]).lower()
        return self._state.files.get((commit["namespace"], path))

    def _session(self, session_id: str) -> Session | None:
        session = self._state.sessions.get(session_id)
        if session is None or session.started_at + SESSION_LIFE <= datetime.now(UTC):
            return None
        return session

    def _check_concurrent(self, session: Session, offset: int, body: bytes) -> None:
        if body:
            conflict({".tag": "concurrent_session_data_not_allowed"})
        if not session.closed:
            conflict({".tag": "concurrent_session_not_closed"})
        if session.offset != offset or session.size != offset:
            conflict({".tag": "concurrent_session_missing_data"})


def tag_of(union: str | dict[str, Any]) -> str:
    """The tag of a union, which may be sent as a bare string."""
    return union if isinstance(union, str) else str(union[".tag"])


def _lookup_failed(reason: Error) -> NoReturn:
    conflict({".tag": "lookup_failed", "lookup_failed": reason})
