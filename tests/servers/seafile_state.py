"""What the double of Seafile keeps: accounts, libraries, files, temporary files, tokens and links."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BLOCK_BYTES = 8 * 1024 * 1024
LINK_LIFE = timedelta(hours=1)


@dataclass
class Account:
    login: str
    password: str
    token: str = field(default_factory=lambda: secrets.token_hex(20))
    active: bool = True
    otp: str = ""
    quota: int = -2
    device_tokens: set[str] = field(default_factory=set)


@dataclass
class StoredFile:
    path: Path
    id: str
    size: int
    mtime: datetime


@dataclass
class Library:
    name: str
    owner: str
    encrypted: bool = False
    locked: bool = False
    status: str = "normal"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    shares: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"/"})
    files: dict[str, StoredFile] = field(default_factory=dict)
    temporary: dict[str, Path] = field(default_factory=dict)
    """Temporary files of chunked uploads by the final path."""
    block_bytes: int = BLOCK_BYTES


@dataclass
class FileToken:
    library: Library
    path: str
    kind: str
    once: bool = False
    expires_at: datetime = field(default_factory=lambda: datetime.now(UTC) + LINK_LIFE)


@dataclass
class ShareLink:
    library: Library
    path: str
    owner: str
    password: str = ""
    expires_at: datetime | None = None
    can_download: bool = True
    views: int = 0
    token: str = field(default_factory=lambda: secrets.token_hex(10))
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at < datetime.now(UTC)


class Seafile:
    """State and settings of the server; `seafile_server` runs it."""

    def __init__(self, folder: Path, *, flavour: str = "c", version: str = "11.0.3") -> None:
        self.folder = folder
        self.flavour = flavour
        self.version = version
        self.accounts: dict[str, Account] = {}
        self.libraries: dict[str, Library] = {}
        self.repo_tokens: dict[str, tuple[Library, str]] = {}
        self.file_tokens: dict[str, FileToken] = {}
        self.links: dict[str, ShareLink] = {}
        self.sessions: dict[str, set[str]] = {}
        """Session cookie → tokens of the links whose password it gave."""
        self.max_upload_bytes = 0
        self.min_password = 10
        self.max_expire_days = 0
        self.default_expire_days = 0
        self.login_budget = 60
        self.down = False
        """seaf-server is down: seahub answers 500."""
        self.corrupt: Callable[[bytes], bytes] | None = None
        """What the server's disk makes of a file."""
        self.serve: Callable[[bytes], bytes] = lambda data: data
        """What a proxy makes of a download."""
        self._block_ids: dict[Path, dict[int, Future[str]]] = {}
        """Of temporary files, by offset."""
        self._hashing = ThreadPoolExecutor(2)
        self.hub_url = ""
        self.file_url = ""

    # For tests

    def add_account(self, login: str, password: str = "Upload-Pw-1", **settings: Any) -> Account:  # noqa: ANN401 - fields
        return self.accounts.setdefault(login, Account(login, password, **settings))

    def add_library(self, name: str, owner: str, **settings: Any) -> Library:  # noqa: ANN401 - fields
        library = Library(name, owner, **settings)
        self.libraries[library.id] = library
        return library

    def add_repo_token(self, library: Library, permission: str = "rw") -> str:
        token = secrets.token_hex(20)
        self.repo_tokens[token] = (library, permission)
        return token

    def close(self) -> None:
        self._hashing.shutdown()

    def restart(self) -> None:
        """Upload and download links are in memory; temporary files are on disk."""
        self.file_tokens.clear()

    def leave_temporary(self, library: Library, path: str, content: bytes) -> None:
        """A chunked upload that somebody left behind."""
        library.temporary[path] = self.write(content)

    def content(self, library: Library, path: str) -> bytes:
        return library.files[path].path.read_bytes()

    def usage(self, login: str) -> int:
        return sum(
            file.size
            for library in self.libraries.values()
            if library.owner == login
            for file in library.files.values()
        )

    def put(self, library: Library, path: str, content: bytes) -> StoredFile:
        return self.commit(library, path, self.write(content))

    # Storage

    def hash_blocks(self, temporary: Path, start: int, data: memoryview) -> None:
        """Begin to hash the whole blocks of a chunk, so that nobody waits for it at the commit."""
        ids = self._block_ids.setdefault(temporary, {})
        for block in [
            block for block in ids if start < block + BLOCK_BYTES and block < start + len(data)
        ]:
            del ids[block]
        for block in range(-(-start // BLOCK_BYTES) * BLOCK_BYTES, start + len(data), BLOCK_BYTES):
            whole = data[block - start : block - start + BLOCK_BYTES]
            if len(whole) == BLOCK_BYTES:
                ids[block] = self._hashing.submit(_sha1, whole)

    def write(self, content: bytes | memoryview) -> Path:
        path = self.folder / secrets.token_hex(8)
        path.write_bytes(content)
        return path

    def commit(self, library: Library, path: str, temporary: Path) -> StoredFile:
        if self.corrupt is not None:
            temporary.write_bytes(self.corrupt(temporary.read_bytes()))
        salt = library.id.encode() if library.encrypted else b""
        known = {} if salt or self.corrupt else self._block_ids.pop(temporary, {})
        identity = file_id_of(temporary, library.block_bytes, salt, known)
        stored = StoredFile(temporary, identity, temporary.stat().st_size, datetime.now(UTC))
        library.files[path] = stored
        return stored

    # Names and URLs

    def new_file_url(self, library: Library, path: str, kind: str, *, once: bool = False) -> str:
        token = str(uuid.uuid4())
        self.file_tokens[token] = FileToken(library, path, kind, once)
        return f"{self.file_url}/{kind}/{token}"

    def free_name(self, library: Library, path: str) -> str:
        """C numbers before the last dot of a file name, Go before the first."""
        folder, _, name = path.rpartition("/")
        at = name.rfind(".") if self.flavour == "c" else name.find(".")
        stem, suffix = (name[:at], name[at:]) if at > 0 else (name, "")
        number = 0
        while path in library.files or path in library.folders:
            number += 1
            path = f"{folder}/{stem} ({number}){suffix}"
        return path


def _sha1(block: memoryview) -> str:
    return hashlib.sha1(block).hexdigest()


def file_id_of(
    path: Path, block_bytes: int, salt: bytes, known: Mapping[int, Future[str]] | None = None
) -> str:
    """The id of a content as Seafile computes it; with a salt it stands for an encrypted library's."""
    size = path.stat().st_size
    if not size:
        return "0" * 40

    def block_id(start: int) -> str:
        if known and block_bytes == BLOCK_BYTES and start in known:
            return known[start].result()
        with path.open("rb") as file:
            file.seek(start)
            block = file.read(block_bytes)
        return hashlib.sha1(salt + block if salt else block).hexdigest()

    with ThreadPoolExecutor(4) as pool:  # the double shall not be what a benchmark waits for
        ids = list(pool.map(block_id, range(0, size, block_bytes)))
    seafile = {"block_ids": ids, "size": size, "type": 1, "version": 1}
    return hashlib.sha1(json.dumps(seafile, sort_keys=True).encode()).hexdigest()
