"""What the double of Dropbox keeps: an account, its files, sessions, links and tokens."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

BLOCK_BYTES = 4 * 1024 * 1024
SESSION_LIFE = timedelta(days=7)
TOKEN_LIFE = timedelta(hours=4)
SCOPES = (
    "files.content.write",
    "files.metadata.read",
    "files.content.read",
    "sharing.write",
    "sharing.read",
    "account_info.read",
)


@dataclass
class StoredFile:
    path: str
    content: bytes
    id: str = field(default_factory=lambda: f"id:{secrets.token_urlsafe(16)}")
    rev: str = field(default_factory=lambda: secrets.token_hex(6))
    modified_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.content_hash = content_hash(self.content)

    def metadata(self) -> dict[str, Any]:
        return {
            "name": self.path.rpartition("/")[2],
            "path_lower": self.path.lower(),
            "path_display": self.path,
            "id": self.id,
            "client_modified": stamp(self.modified_at),
            "server_modified": stamp(self.modified_at),
            "rev": self.rev,
            "size": len(self.content),
            "is_downloadable": True,
            "content_hash": self.content_hash,
        }


@dataclass
class Session:
    concurrent: bool
    parts: dict[int, bytes] = field(default_factory=dict)
    closed: bool = False
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def offset(self) -> int:
        """Bytes from the beginning without a hole."""
        offset = 0
        while self.parts.get(offset):
            offset += len(self.parts[offset])
        return offset

    @property
    def size(self) -> int:
        return sum(len(part) for part in self.parts.values())

    @property
    def content(self) -> bytes:
        return b"".join(self.parts[offset] for offset in sorted(self.parts))


@dataclass
class SharedLink:
    url: str
    file_id: str
    expires_at: datetime | None = None
    password: str = ""
    audience: str = "public"


@dataclass
class AccessToken:
    scopes: tuple[str, ...] = SCOPES
    expires_at: datetime = field(default_factory=lambda: datetime.now(UTC) + TOKEN_LIFE)


@dataclass
class DropboxState:
    url: str
    app_key: str = "g234cl8j7654omi"
    app_secret: str = "60v543ou17899z1"
    email: str = "alice@loop.test"
    email_verified: bool = True
    plan: str = "pro"
    """`basic` has links that anybody opens for ever, and no others."""
    allocated: int = 2_000_000_000
    team: dict[str, Any] | None = None
    """The team's space: `used`, `allocated`, and the member's `limit`, `limit_type`, `member_used`."""
    root_namespace: str = "6"
    home_namespace: str = "6"
    team_only_links: bool = False
    exists_with_metadata: bool = True
    page_size: int = 500
    resets: int = 0
    """How many listings are given up in the middle."""
    banned: bool = False
    closed_at_finish: bool = False
    corrupt: Callable[[bytes], bytes] = field(default=lambda data: data)
    files: dict[tuple[str, str], StoredFile] = field(default_factory=dict)
    """By namespace and path in lower case."""
    folders: set[tuple[str, str]] = field(default_factory=set)
    sessions: dict[str, Session] = field(default_factory=dict)
    links: dict[str, SharedLink] = field(default_factory=dict)
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    refresh_tokens: dict[str, tuple[str, ...]] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    """Every token ever made: what must never be seen anywhere."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    """Authorization codes and what the authorize URL asked for."""

    def add_refresh_token(self, scopes: tuple[str, ...] = SCOPES) -> str:
        token = secrets.token_urlsafe(48)
        self.issued.append(token)
        self.refresh_tokens[token] = scopes
        return token

    def add_access_token(self, scopes: tuple[str, ...] = SCOPES) -> str:
        token = f"sl.{secrets.token_urlsafe(100)}"
        self.issued.append(token)
        self.access_tokens[token] = AccessToken(scopes)
        return token

    def expire_access_tokens(self) -> None:
        for token in self.access_tokens.values():
            token.expires_at = datetime.now(UTC) - timedelta(seconds=1)

    def age_sessions(self) -> None:
        for session in self.sessions.values():
            session.started_at -= SESSION_LIFE

    def put(self, path: str, content: bytes, namespace: str = "") -> StoredFile:
        """Write a file; one of that path keeps its id and gets a new revision."""
        namespace = namespace or self.home_namespace
        path = unicodedata.normalize("NFC", path)
        key = (namespace, path.lower())
        stored = StoredFile(path, self.corrupt(content))
        if key in self.files:
            stored.id = self.files[key].id
        self.files[key] = stored
        parent = path.rpartition("/")[0]
        while parent:
            self.folders.add((namespace, parent))
            parent = parent.rpartition("/")[0]
        return stored

    def all_paths(self) -> list[str]:
        return [file.path for file in self.files.values()]

    @property
    def used(self) -> int:
        return sum(len(file.content) for file in self.files.values())

    @property
    def free(self) -> int:
        if self.team:
            return int(self.team["allocated"] - self.team["used"]) - self.used
        return self.allocated - self.used


def content_hash(content: bytes) -> str:
    """Dropbox's content hash, written from its description and not taken from the SDK."""
    view = memoryview(content)
    blocks = [view[i : i + BLOCK_BYTES] for i in range(0, len(view), BLOCK_BYTES)]
    if len(blocks) < 8:
        digests = map(_digest, blocks)
        return hashlib.sha256(b"".join(digests)).hexdigest()
    with ThreadPoolExecutor(4) as pool:  # the double shall not be what a benchmark waits for
        return hashlib.sha256(b"".join(pool.map(_digest, blocks))).hexdigest()


def _digest(block: memoryview) -> bytes:
    return hashlib.sha256(block).digest()


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
