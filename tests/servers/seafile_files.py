"""The file server of the double of Seafile: uploads, whole and chunked, and downloads."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from tests.servers.http_double import Reply, Request
from tests.servers.seafile_http import JSON_UTF8, Refusal, multipart_of
from tests.servers.seafile_state import FileToken, Library, Seafile

TEXT_UTF8 = "text/plain; charset=utf-8"
GO_BARE = frozenset(
    {
        "",
        "Access token not found",
        "Operation does not match access token.",
        "Repo status not writable.",
    }
)
"""Errors that the Go file server says without JSON."""
CORS = (
    (
        "Access-Control-Allow-Headers",
        "x-requested-with, content-type, content-range, content-disposition, accept, origin, authorization",
    ),
    ("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Max-Age", "86400"),
)


class FileServer:
    """Answers requests from the state."""

    def __init__(self, state: Seafile) -> None:
        self.state = state

    def answer(self, request: Request) -> Reply:
        _, kind, token, *_name = request.path.split("/")
        found = self.state.file_tokens.get(token)
        if found is None or found.expires_at < datetime.now(UTC):
            if kind == "files" and self.state.flavour == "c":
                return Reply(403, b"Access token not found", (("Content-Type", "text/plain"),))
            text = "Access token not found" + ("." if self.state.flavour == "c" else "")
            return self._file_error(403, text, newline=False)
        if kind == "files":
            return self._download(request, token, found)
        if kind != found.kind:
            return self._file_error(403, "Operation does not match access token.", newline=False)
        try:
            return self._upload(request, found)
        except Refusal as refusal:
            return refusal.reply

    def _download(self, request: Request, name: str, token: FileToken) -> Reply:
        if token.once:
            del self.state.file_tokens[name]
        content = self.state.serve(token.library.files[token.path].path.read_bytes())
        base = PurePosixPath(token.path).name
        headers = (
            (
                "Content-Type",
                "text/plain; charset=gbk" if base.endswith(".txt") else "application/zip",
            ),
            ("Content-Disposition", f"attachment;filename*=\"utf-8' '{quote(base)}\""),
        )
        if match := re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", "")):
            first, last = int(match[1]), min(int(match[2]), len(content) - 1)
            span = ("Content-Range", f"bytes {first}-{last}/{len(content)}")
            return Reply(206, content[first : last + 1], (*headers, span))
        return Reply(200, content, headers)

    def _upload(self, request: Request, token: FileToken) -> Reply:
        form, files = multipart_of(request)
        if form is None:
            text = "Wrong boundary in url" if self.state.flavour == "c" else ""
            raise Refusal(self._file_error(400, text, newline=False))
        chunk = self._chunk(request)
        if chunk is not None and len(files) > 1:
            c_like = self.state.flavour == "c"
            text = "More files in one request" + ("." if c_like else "")
            raise Refusal(self._file_error(400, text, newline=c_like))
        if chunk is not None and chunk.end < chunk.total:
            self._write_chunk(token, form, chunk, files[0][1])
            json_wanted = self.state.flavour == "go" or "application/json" in request.headers.get(
                "accept", ""
            )
            content_type = JSON_UTF8 if json_wanted else "text/plain"
            return Reply(200, b'{"success": true}', (*CORS, ("Content-Type", content_type)))
        folder = self._checked_folder(token, form)
        if not files:
            self._refuse(400, "No file uploaded.", "No file in multipart form.")
        replace = self._replace(request, form)
        if chunk is not None:
            path = self._write_chunk(token, form, chunk, files[0][1])
            temporary = token.library.temporary.pop(path)  # goes away also when it is refused
            self._check_limits(token.library, temporary.stat().st_size, len(request.body))
            stored = [self._store(token.library, path, temporary, replace=replace)]
        else:
            self._check_limits(token.library, max(len(f[1]) for f in files), len(request.body))
            stored = [
                self._store(
                    token.library,
                    f"{folder.rstrip('/')}/{name}",
                    self.state.write(data),
                    replace=replace,
                )
                for name, data in files
            ]
            stored = stored[::-1] if self.state.flavour == "c" else stored
        if "ret-json" in request.query:
            return Reply(200, json.dumps(stored).encode(), (*CORS, ("Content-Type", JSON_UTF8)))
        body = "\t".join(item["id"] for item in stored)
        content_type = JSON_UTF8 if self.state.flavour == "c" else TEXT_UTF8
        return Reply(200, body.encode(), (*CORS, ("Content-Type", content_type)))

    def _checked_folder(self, token: FileToken, form: dict[str, str]) -> str:
        library = token.library
        if library.status == "read-only":
            status = 403 if self.state.flavour == "c" else 400
            raise Refusal(self._file_error(status, "Repo status not writable.", newline=False))
        if library.id not in self.state.libraries:
            raise Refusal(self._file_error(500, "Failed to get repo."))
        if library.locked:
            raise Refusal(
                self._file_error(500 if self.state.flavour == "c" else 400, "Repo is locked.")
            )
        if "parent_dir" not in form:
            self._refuse(400, "Invalid parent dir.", "No parent_dir given.")
        parent = form["parent_dir"].rstrip("/") or "/"
        if "/" + parent.lstrip("/") not in library.folders:
            self._refuse(400, "Parent dir doesn't exist.", "Parent dir doesn't exist.")
        if parent != token.path:
            self._refuse(403, "Permission denied.", "Parent dir doesn't match.", newline=False)
        if not (relative := form.get("relative_path", "")):
            return parent
        if relative.startswith("/"):
            self._refuse(400, "Invalid relative path.", "Invalid relative path", newline=False)
        folder = f"{parent.rstrip('/')}/{relative.strip('/')}"
        library.folders.update(map(str, PurePosixPath(folder).parents), [folder])
        return folder

    def _replace(self, request: Request, form: dict[str, str]) -> bool:
        asked = form.get("replace")
        if asked is None and self.state.flavour == "go":
            asked = request.query.get("replace")  # C ignores the one in the URL
        if asked in (None, "0"):
            return False
        if asked == "1":
            return True
        if self.state.flavour == "c" and not asked.isdigit():
            return False
        self._refuse(400, "Invalid argument replace.", "Invalid argument replace.")
        return False

    def _check_limits(self, library: Library, file_bytes: int, request_bytes: int) -> None:
        if self.state.max_upload_bytes and file_bytes > self.state.max_upload_bytes:
            raise Refusal(self._file_error(442, "File size is too large."))
        owner = self.state.accounts[library.owner]
        counted = max(file_bytes, request_bytes)
        if owner.quota >= 0 and self.state.usage(owner.login) + counted > owner.quota:
            raise Refusal(self._file_error(443, "Out of quota."))

    def _store(self, library: Library, path: str, data: Path, *, replace: bool) -> dict[str, Any]:
        if len(PurePosixPath(path).name.encode()) > 255:
            self._refuse(
                500 if self.state.flavour == "c" else 400,
                "Internal server error",
                f"invalid fileName: {PurePosixPath(path).name}.",
            )
        if not replace:
            path = self.state.free_name(library, path)
        stored = self.state.commit(library, path, data)
        return {"name": PurePosixPath(path).name, "id": stored.id, "size": stored.size}

    def _chunk(self, request: Request) -> _Chunk | None:
        if (header := request.headers.get("content-range")) is None:
            return None
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", header)
        if match is None or int(match[1]) > int(match[2]) or int(match[2]) >= int(match[3]):
            if self.state.flavour == "go":
                return None  # it ignores the header and stores the chunk as a whole file
            raise Refusal(self._file_error(400, "Invalid Seafile-Content-Range", newline=False))
        disposition = request.headers.get("content-disposition", "")
        named = re.search(r'filename="(.*)"', disposition)
        if named is None:
            status, text = (
                (400, "Bad request.") if self.state.flavour == "c" else (500, "Internal error.")
            )
            raise Refusal(self._file_error(status, text))
        return _Chunk(int(match[1]), int(match[2]) + 1, int(match[3]), unquote(named[1]))

    def _write_chunk(
        self, token: FileToken, form: dict[str, str], chunk: _Chunk, data: memoryview
    ) -> str:
        """Whatever is sent is written at its offset; nothing is checked."""
        parent = "/" + form.get("parent_dir", token.path).strip("/")
        parts = [parent.rstrip("/"), form.get("relative_path", "").strip("/"), chunk.name]
        path = "/".join(part for part in parts if part)
        path = path if path.startswith("/") else f"/{path}"
        if path not in token.library.temporary:
            token.library.temporary[path] = self.state.write(b"")
        with token.library.temporary[path].open("r+b") as file:
            file.seek(chunk.start)
            file.write(data)
        self.state.hash_blocks(token.library.temporary[path], chunk.start, data)
        return path

    def _refuse(self, status: int, c_text: str, go_text: str, *, newline: bool = True) -> None:
        """Refuse in the words of the flavour."""
        text = c_text if self.state.flavour == "c" else go_text
        raise Refusal(self._file_error(status, text, newline=newline))

    def _file_error(self, status: int, text: str, *, newline: bool = True) -> Reply:
        """Errors of the file server: JSON that is none when a newline stands in the string."""
        body = json.dumps({"error": text})
        if newline:
            body = body[:-2] + '\n"}'
        elif self.state.flavour == "go" and text in GO_BARE:
            body = text
        content_type = JSON_UTF8 if self.state.flavour == "c" else TEXT_UTF8
        reason = "DERP" if status in (441, 442, 443) else None
        return Reply(status, body.encode(), (*CORS, ("Content-Type", content_type)), reason)


@dataclass(frozen=True)
class _Chunk:
    start: int
    end: int
    """Exclusive."""
    total: int
    name: str
