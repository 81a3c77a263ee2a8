"""Shared links of the double of Dropbox, and the pages behind them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from tests.servers.dropbox_replies import conflict, plain
from tests.servers.dropbox_sessions import tag_of
from tests.servers.dropbox_state import DropboxState, SharedLink, StoredFile, stamp
from tests.servers.http_double import Reply, Request


class DropboxLinks:
    """One link for each file; what a link may have depends on the plan."""

    def __init__(self, state: DropboxState) -> None:
        self._state = state

    def create(self, file: StoredFile, settings: dict[str, Any] | None) -> object:
        if not self._state.email_verified:
            conflict({".tag": "email_not_verified"})
        existing = self._of(file.id)
        if existing is not None:
            error: dict[str, Any] = {".tag": "shared_link_already_exists"}
            if self._state.exists_with_metadata:
                metadata = {".tag": "metadata", "metadata": self._metadata(existing)}
                error["shared_link_already_exists"] = metadata
            conflict(error)
        name = quote(file.path.rpartition("/")[2])
        identity, key = secrets.token_hex(8), secrets.token_hex(12)
        url = f"{self._state.url}/scl/fi/{identity}/{name}?rlkey={key}&dl=0"
        link = SharedLink(url, file.id)
        self._apply(link, settings)
        self._state.links[url] = link
        return self._metadata(link)

    def modify(self, argument: dict[str, Any]) -> object:
        link = self._state.links.get(argument["url"])
        if link is None:
            conflict({".tag": "shared_link_not_found"})
        self._apply(link, argument.get("settings"))
        if argument.get("remove_expiration"):
            link.expires_at = None
        return self._metadata(link)

    def revoke(self, argument: dict[str, Any]) -> object:
        if self._state.links.pop(argument["url"], None) is None:
            conflict({".tag": "shared_link_not_found"})
        return None

    def listing(self, file_id: str | None) -> object:
        links = [link for link in self._state.links.values() if file_id in (None, link.file_id)]
        return {"links": [self._metadata(link) for link in links], "has_more": False}

    def serve(self, request: Request) -> Reply:
        """What an anonymous user gets."""
        if self._state.banned:
            return plain(
                429,
                "<html>This account's links are generating too much traffic</html>",
                "text/html",
            )
        link = next((link for link in self._state.links.values() if _is_of(link, request)), None)
        file = self._file(link.file_id) if link else None
        if (
            link is None
            or file is None
            or (link.expires_at and link.expires_at < datetime.now(UTC))
        ):
            return plain(404, "<html>This link is not available</html>", "text/html")
        if link.password or link.audience != "public" or request.query.get("dl") != "1":
            return plain(200, "<html>Sign in, give the password, or look at it</html>", "text/html")
        headers = (("Content-Type", "application/binary"), ("Content-Disposition", "attachment"))
        return Reply(200, file.content, headers)

    def _apply(self, link: SharedLink, settings: dict[str, Any] | None) -> None:
        settings = settings or {}
        expires, password = settings.get("expires"), settings.get("link_password")
        if self._state.plan == "basic" and (expires or password):
            _settings_error("not_authorized")
        if settings.get("require_password") and not password:
            _settings_error("invalid_settings")
        if expires:
            ends_at = datetime.strptime(expires, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            if ends_at < datetime.now(UTC):
                _settings_error("invalid_settings")
            link.expires_at = ends_at
        link.password = password or link.password
        link.audience = tag_of(settings.get("audience", "public"))
        if self._state.team_only_links:
            link.audience = "team"

    def _of(self, file_id: str) -> SharedLink | None:
        return next((link for link in self._state.links.values() if link.file_id == file_id), None)

    def _file(self, file_id: str) -> StoredFile | None:
        return next((file for file in self._state.files.values() if file.id == file_id), None)

    def _metadata(self, link: SharedLink) -> dict[str, Any]:
        file = self._file(link.file_id)
        assert file is not None
        metadata = file.metadata()
        kept = ("name", "id", "path_lower", "client_modified", "server_modified", "rev", "size")
        can = self._state.plan != "basic"
        return {
            ".tag": "file",
            "url": link.url,
            **{name: metadata[name] for name in kept},
            **({"expires": stamp(link.expires_at)} if link.expires_at else {}),
            "link_permissions": {
                "resolved_visibility": {
                    ".tag": "public" if link.audience == "public" else "team_only"
                },
                "effective_audience": {".tag": link.audience},
                "visibility_policies": [],
                "can_revoke": True,
                "can_set_expiry": can,
                "can_remove_expiry": can,
                "can_set_password": can,
                "require_password": bool(link.password),
                "allow_download": True,
                "can_allow_download": True,
                "can_disallow_download": can,
                "allow_comments": True,
                "team_restricts_comments": False,
            },
        }


def _is_of(link: SharedLink, request: Request) -> bool:
    key = link.url.partition("rlkey=")[2].partition("&")[0]
    return request.query.get("rlkey") == key


def _settings_error(tag: str) -> None:
    conflict({".tag": "settings_error", "settings_error": {".tag": tag}})
