"""The routes of the double of Dropbox, and what they refuse, in the published shapes.

`error_summary` ends with some dots, so that nobody compares it; omitted arguments mean their defaults;
`content_hash` covers the bytes of one call.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.dropbox_links import DropboxLinks
from tests.servers.dropbox_replies import Refusal, as_json, conflict, plain, refuse
from tests.servers.dropbox_sessions import DropboxSessions
from tests.servers.dropbox_state import DropboxState, StoredFile, content_hash
from tests.servers.http_double import Reply, Request

SMALL_UPLOAD_BYTES = 150 * 1024 * 1024


class DropboxRoutes:
    """Answers requests from the state."""

    def __init__(self, state: DropboxState) -> None:
        self.state = state
        self._sessions = DropboxSessions(state)
        self._links = DropboxLinks(state)
        self._cursors: dict[str, tuple[list[dict[str, Any]], int]] = {}
        self.calls: list[tuple[str, dict[str, Any], int]] = []
        """Route, argument and length of the body of every call that was let in."""
        self.roots: list[str] = []
        """Namespaces that calls were made in, as far as they said."""

    def answer(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except Refusal as refusal:
            return refusal.reply

    def _answer(self, request: Request) -> Reply:
        if request.path == "/oauth2/token":
            return self._token(request)
        if request.path.startswith("/scl/"):
            return self._links.serve(request)
        route = request.path.removeprefix("/2/")
        found = ROUTES.get(route)
        if found is None:
            return plain(404, "<html>Not found</html>", "text/html")
        method, scope, style = found
        self._authorise(request, route, scope)
        self._check_root(request)
        body = bytes(request.body)
        if style == "upload":
            argument = json.loads(request.headers["dropbox-api-arg"])
            self._check_hash(argument, body)
        else:
            argument = json.loads(body or b"null") or {}
        self.calls.append((route, dict(argument), len(body)))
        argument["namespace"] = self._namespace(request)
        return as_json(method(self, argument, body))

    # Credentials

    def _authorise(self, request: Request, route: str, scope: str) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token.startswith("sl."):
            text = f'Error in call to API function "{route}": The given OAuth 2 access token is malformed.'
            raise Refusal(plain(400, text, "text/plain; charset=utf-8"))
        known = self.state.access_tokens.get(token)
        if known is None:
            refuse(401, {".tag": "invalid_access_token"})
        elif known.expires_at < datetime.now(UTC):
            refuse(401, {".tag": "expired_access_token"})
        elif scope not in known.scopes:
            refuse(401, {".tag": "missing_scope", "required_scope": scope})

    def _check_root(self, request: Request) -> None:
        if "dropbox-api-path-root" not in request.headers:
            return
        root = json.loads(request.headers["dropbox-api-path-root"])
        self.roots.append(root["root"])
        if root["root"] not in (self.state.root_namespace, self.state.home_namespace):
            refuse(422, {".tag": "no_permission"})

    def _namespace(self, request: Request) -> str:
        header = request.headers.get("dropbox-api-path-root")
        return str(json.loads(header)["root"]) if header else self.state.home_namespace

    def _check_hash(self, argument: dict[str, Any], body: bytes) -> None:
        wanted = argument.get("content_hash")
        if wanted is not None and wanted != content_hash(body):
            conflict({".tag": "content_hash_mismatch"})

    def _token(self, request: Request) -> Reply:
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        state = self.state
        if (
            form.get("client_id") != state.app_key
            or form.get("client_secret", state.app_secret) != state.app_secret
        ):
            return as_json(
                {
                    "error": "invalid_client",
                    "error_description": "Invalid client_id or client_secret",
                },
                400,
            )
        scopes = state.refresh_tokens.get(form.get("refresh_token", ""))
        answer: dict[str, Any] = {"token_type": "bearer", "expires_in": 14400}
        if form.get("grant_type") == "authorization_code":
            scopes = self._redeem(form)
            answer |= {"uid": "123456", "account_id": "dbid:" + "A" * 35}
            if scopes is not None:
                answer["refresh_token"] = state.add_refresh_token(scopes)
        if scopes is None:
            description = "refresh token is malformed"
            return as_json({"error": "invalid_grant", "error_description": description}, 400)
        access_token = state.add_access_token(scopes)
        return as_json({**answer, "access_token": access_token, "scope": " ".join(scopes)})

    def approve(self, authorize_url: str) -> str:
        """What a person does on the authorize page: returns the code that is shown there."""
        query = {
            name: values[-1] for name, values in parse_qs(urlsplit(authorize_url).query).items()
        }
        assert query["client_id"] == self.state.app_key
        code = secrets.token_urlsafe(30)
        self.state.codes[code] = query
        return code

    def _redeem(self, form: dict[str, str]) -> tuple[str, ...] | None:
        asked = self.state.codes.pop(form.get("code", ""), None)
        if asked is None or asked.get("token_access_type") != "offline":
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return tuple(asked["scope"].split()) if challenge == asked.get("code_challenge") else None

    # Account

    def account(self, _: dict[str, Any], __: bytes) -> object:
        state = self.state
        return {
            "account_id": "dbid:" + "A" * 35,
            "name": dict.fromkeys(
                ("given_name", "surname", "familiar_name", "display_name", "abbreviated_name"),
                "Alice",
            ),
            "email": state.email,
            "email_verified": state.email_verified,
            "disabled": False,
            "locale": "en",
            "referral_link": f"{state.url}/referrals/x",
            "is_paired": False,
            "account_type": {".tag": state.plan},
            "root_info": {
                ".tag": "team" if state.team else "user",
                "root_namespace_id": state.root_namespace,
                "home_namespace_id": state.home_namespace,
                **({"home_path": "/Alice"} if state.team else {}),
            },
        }

    def space(self, _: dict[str, Any], __: bytes) -> object:
        state, team = self.state, self.state.team
        if team is None:
            return {
                "used": state.used,
                "allocation": {".tag": "individual", "allocated": state.allocated},
            }
        return {
            "used": state.used,
            "allocation": {
                ".tag": "team",
                "used": team["used"] + state.used,
                "allocated": team["allocated"],
                "user_within_team_space_allocated": team.get("limit", 0),
                "user_within_team_space_limit_type": {".tag": team.get("limit_type", "off")},
                "user_within_team_space_used_cached": team.get("member_used", 0),
            },
        }

    # Files

    def find(
        self, argument: dict[str, Any], path: str
    ) -> tuple[tuple[str, str], StoredFile] | None:
        for key, file in self.state.files.items():
            if path == file.id or key == (argument["namespace"], path.lower()):
                return key, file
        return None

    def metadata(self, argument: dict[str, Any], _: bytes) -> object:
        path = argument["path"]
        if found := self.find(argument, path):
            return {".tag": "file", **found[1].metadata()}
        if not self._is_folder(argument, path):
            conflict({".tag": "path", "path": {".tag": "not_found"}})
        return self._folder(path)

    def upload(self, argument: dict[str, Any], body: bytes) -> object:
        if len(body) > SMALL_UPLOAD_BYTES:
            conflict({".tag": "payload_too_large"})
        refused = self._sessions.commit_fault(argument, body)
        if refused is not None:
            session_id = f"pid_upload_session:{secrets.token_urlsafe(12)}"
            conflict({".tag": "path", "reason": refused, "upload_session_id": session_id})
        return self._sessions.commit(argument, body).metadata()

    def session_start(self, argument: dict[str, Any], body: bytes) -> object:
        return self._sessions.start(argument, body)

    def session_append(self, argument: dict[str, Any], body: bytes) -> object:
        return self._sessions.append(argument, body)

    def session_finish(self, argument: dict[str, Any], body: bytes) -> object:
        return self._sessions.finish(argument, body)

    def delete(self, argument: dict[str, Any], _: bytes) -> object:
        path, rev = argument["path"], argument.get("parent_rev")
        if found := self.find(argument, path):
            key, file = found
            if rev is not None and rev != file.rev:
                reason = {".tag": "conflict", "conflict": {".tag": "file"}}
                conflict({".tag": "path_write", "path_write": reason})
            del self.state.files[key]
            return {"metadata": {".tag": "file", **file.metadata()}}
        if not self._is_folder(argument, path):
            conflict({".tag": "path_lookup", "path_lookup": {".tag": "not_found"}})
        inside = path.lower() + "/"
        self.state.files = {
            key: file for key, file in self.state.files.items() if not key[1].startswith(inside)
        }
        self.state.folders = {
            (space, folder)
            for space, folder in self.state.folders
            if folder.lower() != path.lower() and not folder.lower().startswith(inside)
        }
        return {"metadata": self._folder(path)}

    def list_folder(self, argument: dict[str, Any], _: bytes) -> object:
        path = argument["path"]
        if path == "/":
            conflict({".tag": "path", "path": {".tag": "malformed_path"}})
        if path and not self._is_folder(argument, path):
            conflict({".tag": "path", "path": {".tag": "not_found"}})
        space, parent = argument["namespace"], path.lower()
        entries = [
            {".tag": "file", **file.metadata()}
            for (found, name), file in self.state.files.items()
            if found == space and name.rpartition("/")[0] == parent
        ] + [
            self._folder(folder)
            for found, folder in sorted(self.state.folders)
            if found == space and folder.lower().rpartition("/")[0] == parent
        ]
        return self._page(entries, 0)

    def list_continue(self, argument: dict[str, Any], _: bytes) -> object:
        if self.state.resets:
            self.state.resets -= 1
            conflict({".tag": "reset"})
        return self._page(*self._cursors[argument["cursor"]])

    def _page(self, entries: list[dict[str, Any]], start: int) -> object:
        end = start + self.state.page_size
        self._cursors[cursor := secrets.token_hex(8)] = (entries, end)
        return {"entries": entries[start:end], "cursor": cursor, "has_more": end < len(entries)}

    def _is_folder(self, argument: dict[str, Any], path: str) -> bool:
        return any(
            (argument["namespace"], path.lower()) == (space, folder.lower())
            for space, folder in self.state.folders
        )

    def _folder(self, path: str) -> dict[str, Any]:
        name = path.rpartition("/")[2]
        identity = f"id:{hashlib.sha256(path.lower().encode()).hexdigest()[:22]}"
        return {
            ".tag": "folder",
            "name": name,
            "path_lower": path.lower(),
            "path_display": path,
            "id": identity,
        }

    # Links

    def create_link(self, argument: dict[str, Any], _: bytes) -> object:
        found = self.find(argument, argument["path"])
        if found is None:
            conflict({".tag": "path", "path": {".tag": "not_found"}})
        return self._links.create(found[1], argument.get("settings"))

    def modify_link(self, argument: dict[str, Any], _: bytes) -> object:
        return self._links.modify(argument)

    def revoke_link(self, argument: dict[str, Any], _: bytes) -> object:
        return self._links.revoke(argument)

    def list_links(self, argument: dict[str, Any], _: bytes) -> object:
        if (path := argument.get("path")) is None:
            return self._links.listing(None)
        found = self.find(argument, path)
        if found is None:
            conflict({".tag": "path", "path": {".tag": "not_found"}})
        return self._links.listing(found[1].id)


Route = Callable[[DropboxRoutes, dict[str, Any], bytes], Any]

ROUTES: dict[str, tuple[Route, str, str]] = {
    "files/upload": (DropboxRoutes.upload, "files.content.write", "upload"),
    "files/upload_session/start": (DropboxRoutes.session_start, "files.content.write", "upload"),
    "files/upload_session/append_v2": (
        DropboxRoutes.session_append,
        "files.content.write",
        "upload",
    ),
    "files/upload_session/finish": (DropboxRoutes.session_finish, "files.content.write", "upload"),
    "files/delete_v2": (DropboxRoutes.delete, "files.content.write", "rpc"),
    "files/get_metadata": (DropboxRoutes.metadata, "files.metadata.read", "rpc"),
    "files/list_folder": (DropboxRoutes.list_folder, "files.metadata.read", "rpc"),
    "files/list_folder/continue": (DropboxRoutes.list_continue, "files.metadata.read", "rpc"),
    "sharing/create_shared_link_with_settings": (DropboxRoutes.create_link, "sharing.write", "rpc"),
    "sharing/modify_shared_link_settings": (DropboxRoutes.modify_link, "sharing.write", "rpc"),
    "sharing/revoke_shared_link": (DropboxRoutes.revoke_link, "sharing.write", "rpc"),
    "sharing/list_shared_links": (DropboxRoutes.list_links, "sharing.read", "rpc"),
    "users/get_current_account": (DropboxRoutes.account, "account_info.read", "rpc"),
    "users/get_space_usage": (DropboxRoutes.space, "account_info.read", "rpc"),
}
