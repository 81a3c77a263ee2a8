"""Seahub, the web part of the double of Seafile: API and pages of share links."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from tests.servers.http_double import Reply, Request
from tests.servers.seafile_http import (
    FAULT_PAGE,
    HTML,
    JSON_UTF8,
    Refusal,
    as_json,
    cookies_of,
    csrf_cookie,
    form_of,
    is_json,
    iso,
    page,
    refusal,
    token_of,
)
from tests.servers.seafile_state import Account, Library, Seafile, ShareLink


class Seahub:
    """Answers requests from the state."""

    def __init__(self, state: Seafile) -> None:
        self.state = state

    def answer(self, request: Request) -> Reply:
        if self.state.down and request.path != "/api2/ping/":
            return Reply(500, FAULT_PAGE, (("Content-Type", HTML),))
        try:
            return self._route(request)
        except Refusal as refusal:
            return refusal.reply

    def _route(self, request: Request) -> Reply:
        if not request.path.endswith("/"):
            moved = quote(request.path) + "/"
            return Reply(301, b"", (("Content-Type", HTML), ("Location", moved)))
        for pattern, methods, needs_account in ROUTES:
            if match := pattern.fullmatch(request.path):
                account = self._account(request) if needs_account else None
                if request.method not in methods:
                    allowed = f'Method "{request.method}" not allowed.'
                    return as_json({"detail": allowed}, 405)
                return methods[request.method](self, request, account, **match.groupdict())
        return Reply(
            404,
            b"<!DOCTYPE html>\n<html><title>Page not found</title></html>\n",
            (("Content-Type", HTML),),
        )

    @property
    def _schemes(self) -> tuple[str, ...]:
        """Server 12 takes `Bearer` too; for server 11 it is as if no header was there."""
        return ("token", "bearer") if self.state.version >= "12" else ("token",)

    def _account(self, request: Request) -> Account:
        token = token_of(request, schemes=self._schemes)
        if token is None:
            raise Refusal(as_json({"detail": "Authentication credentials were not provided."}, 403))
        for account in self.state.accounts.values():
            if account.active and token in (account.token, *account.device_tokens):
                return account
        raise Refusal(as_json({"detail": "Invalid token"}, 401))

    def login(self, request: Request, _: Account | None) -> Reply:
        self.state.login_budget -= 1
        if self.state.login_budget < 0:
            detail = "Request was throttled. Expected available in 17 seconds."
            return as_json({"detail": detail}, 429, (("Retry-After", "17"),))
        form = form_of(request)
        faults = {
            name: fault for name in ("username", "password") if (fault := _field_fault(form, name))
        }
        if faults:
            return as_json(faults, 400)
        account = self.state.accounts.get(form["username"])
        if account is None or account.password != form["password"]:
            return _login_fault("Unable to login with provided credentials.")
        if not account.active:
            return _login_fault("User account is disabled.")
        if account.otp and request.headers.get("x-seafile-otp") != account.otp:
            state = "invalid" if "x-seafile-otp" in request.headers else "missing"
            required = (("X-Seafile-OTP", "required"),)
            return _login_fault(f"Two factor auth token is {state}.", required)
        return self._new_token(form, account)

    def _new_token(self, form: dict[str, Any], account: Account) -> Reply:
        device = [form.get(name) for name in ("platform", "device_id", "device_name")]
        if all(device):
            account.device_tokens.add(token := hashlib.sha1(repr(device).encode()).hexdigest())
            return as_json({"token": token})
        return _login_fault("invalid params") if any(device) else as_json({"token": account.token})

    def ping(self, _: Request, __: Account | None) -> Reply:
        return as_json("pong")

    def server_info(self, _: Request, __: Account | None) -> Reply:
        features = ["seafile-basic"]
        return as_json(
            {"version": self.state.version, "encrypted_library_version": 2, "features": features}
        )

    def account_info(self, _: Request, account: Account) -> Reply:
        usage = self.state.usage(account.login)
        share = f"{100 * usage / account.quota:.1f}%" if account.quota > 0 else "0%"
        return as_json(
            {
                "space_usage": share,
                "avatar_url": f"{self.state.hub_url}/media/avatars/default.png",
                "email": account.login,
                "name": account.login.partition("@")[0],
                "total": account.quota,
                "usage": usage,
                "login_id": "",
                "department": "",
                "contact_email": "",
                "institution": "",
                "is_staff": False,
                "file_updates_email_interval": 0,
                "collaborate_email_interval": 0,
            }
        )

    # Libraries

    def _permission(self, library: Library, account: Account) -> str:
        return "rw" if library.owner == account.login else library.shares.get(account.login, "")

    def _library(self, repo: str, account: Account, missing: str, forbidden: str) -> Library:
        if repo not in self.state.libraries:
            raise Refusal(refusal(missing.format(repo), 404))
        if not self._permission(self.state.libraries[repo], account):
            raise Refusal(refusal(forbidden, 403))
        return self.state.libraries[repo]

    def _writable(self, library: Library, account: Account, forbidden: str) -> None:
        if self._permission(library, account) != "rw" or library.status == "read-only":
            raise Refusal(refusal(forbidden, 403))

    def list_libraries(self, _: Request, account: Account) -> Reply:
        found = []
        for library in self.state.libraries.values():
            if permission := self._permission(library, account):
                own = library.owner == account.login
                found.append(
                    {
                        "type": "repo" if own else "srepo",
                        "id": library.id,
                        "name": library.name,
                        "owner": library.owner,
                        "mtime": 1795352458,
                        "size": sum(file.size for file in library.files.values()),
                        "encrypted": library.encrypted,
                        "permission": permission,
                        "root": "0" * 40,
                        "head_commit_id": "0" * 40,
                        "version": 1,
                    }
                )
        return as_json(found, content_type=JSON_UTF8)

    def make_library(self, request: Request, account: Account) -> Reply:
        name = form_of(request).get("name", "")
        if not name:
            return refusal("Library name is required.", 400)
        if "/" in name:
            return refusal("name invalid.", 400)
        encrypted = bool(form_of(request).get("passwd"))
        library = self.state.add_library(name, account.login, encrypted=encrypted)
        return as_json(
            {"repo_id": library.id, "repo_name": name, "email": account.login, "repo_size": 0}
        )

    def library_2(self, _: Request, account: Account, repo: str) -> Reply:
        forbidden = "You do not have permission to access this library."
        library = self._library(repo, account, "Library not found.", forbidden)
        return as_json(
            {
                "type": "repo",
                "id": library.id,
                "owner": "self" if library.owner == account.login else "share",
                "name": library.name,
                "size": sum(file.size for file in library.files.values()),
                "encrypted": library.encrypted,
                "root": "0" * 40,
                "permission": self._permission(library, account),
                "file_count": len(library.files),
            }
        )

    def library_21(self, _: Request, account: Account, repo: str) -> Reply:
        library = self._library(repo, account, "Library {} not found.", "Permission denied.")
        read_only = library.status == "read-only"
        return as_json(
            {
                "repo_id": library.id,
                "repo_name": library.name,
                "owner_email": library.owner,
                "size": sum(file.size for file in library.files.values()),
                "encrypted": library.encrypted,
                "file_count": len(library.files),
                "permission": "r" if read_only else self._permission(library, account),
                "lib_need_decrypt": library.encrypted and library.locked,
                "status": library.status,
            }
        )

    def unlock(self, request: Request, account: Account, repo: str) -> Reply:
        library = self._library(repo, account, "Library not found.", "Permission denied.")
        if form_of(request).get("password") != "Secret-123":
            return refusal("Incorrect password", 400)
        library.locked = False
        return as_json("success")

    # Folders

    def make_folder(self, request: Request, account: Account, repo: str) -> Reply:
        library = self._library(repo, account, "Library {} not found.", "Permission denied.")
        form = form_of(request)
        path = "/" + request.query.get("p", "").strip("/")
        if not request.query.get("p"):
            return refusal("Path is missing.", 400)
        if path == "/":
            return refusal("Path is invalid.", 400)
        if form.get("operation") != "mkdir":
            return refusal("Operation not supported.", 400)
        self._writable(library, account, "Permission denied.")
        parent = str(PurePosixPath(path).parent)
        if form.get("create_parents") == "true":
            library.folders.update(map(str, PurePosixPath(path).parents), [path])
        elif parent not in library.folders:
            return refusal(f"Folder {parent} not found.", 404)
        else:
            path = self.state.free_name(library, path)
            library.folders.add(path)
        shown = (
            path if form.get("create_parents") == "true" else f"{parent}/{PurePosixPath(path).name}"
        )
        location = f"{self.state.hub_url}/api2/repos/{repo}/dir/?p={quote(shown)}"
        return as_json("success", 201, (("Location", location),))

    def list_folder(self, request: Request, account: Account, repo: str) -> Reply:
        library = self._library(repo, account, "Library not found.", "Permission denied.")
        folder = "/" + request.query.get("p", "/").strip("/")
        if folder not in library.folders:
            return refusal(f"Folder {folder.rstrip('/')}/ not found.", 404)
        return as_json(
            [
                *(
                    {
                        "type": "dir",
                        "name": PurePosixPath(path).name,
                        "id": "0" * 40,
                        "permission": "rw",
                    }
                    for path in sorted(library.folders - {"/"})
                    if str(PurePosixPath(path).parent) == folder
                ),
                *(
                    {
                        "type": "file",
                        "name": PurePosixPath(path).name,
                        "id": file.id,
                        "mtime": int(file.mtime.timestamp()),
                        "size": file.size,
                        "permission": "rw",
                    }
                    for path, file in sorted(library.files.items())
                    if str(PurePosixPath(path).parent) == folder
                ),
            ],
            content_type=JSON_UTF8,
        )

    def delete_folder(self, request: Request, account: Account, repo: str) -> Reply:
        library = self._library(repo, account, "Library not found.", "Permission denied.")
        self._writable(library, account, "Permission denied.")
        folder = "/" + request.query.get("p", "").strip("/")
        if folder not in library.folders:
            return refusal(f"Folder {folder} not found.", 404)
        library.folders = {
            f for f in library.folders if f != folder and not f.startswith(f"{folder}/")
        }
        library.files = {p: f for p, f in library.files.items() if not p.startswith(f"{folder}/")}
        return as_json("success")

    # Files

    def file_detail(self, request: Request, account: Account, repo: str) -> Reply:
        library = self._library(repo, account, "Library not found.", "Permission denied.")
        if not (path := request.query.get("p")):
            return refusal("p invalid.", 400)
        if (file := library.files.get(path)) is None:
            return refusal(f"File {path} not found.", 404)
        return as_json(
            {
                "type": "file",
                "id": file.id,
                "name": PurePosixPath(path).name,
                "permission": self._permission(library, account),
                "mtime": int(file.mtime.timestamp()),
                "last_modified": iso(file.mtime),
                "last_modifier_email": account.login,
                "last_modifier_name": account.login.partition("@")[0],
                "last_modifier_contact_email": account.login,
                "size": file.size,
                "starred": False,
                "comment_total": 0,
                "can_edit": path.endswith(".txt"),
            }
        )

    def file_link(self, request: Request, account: Account, repo: str) -> Reply:
        library = self._library(repo, account, "Library not found.", "Permission denied.")
        path = request.query.get("p", "")
        if path not in library.files:
            return refusal("File not found", 404)
        once = request.query.get("reuse") != "1"
        url = (
            self.state.new_file_url(library, path, "files", once=once)
            + "/"
            + quote(PurePosixPath(path).name)
        )
        oid = (("oid", library.files[path].id),)
        return as_json(url, 200, oid, JSON_UTF8)

    def delete_file(self, request: Request, account: Account, repo: str) -> Reply:
        library = self._library(repo, account, "Library not found.", "Permission denied.")
        if not (path := request.query.get("p")):
            return refusal("Path is missing.", 400)
        self._writable(library, account, "Permission denied.")
        library.files.pop(path, None)
        return as_json("success")

    def upload_link(self, request: Request, account: Account, repo: str) -> Reply:
        forbidden = "You do not have permission to access this folder."
        library = self._library(repo, account, "Library {} not found.", forbidden)
        folder = "/" + request.query.get("p", "/").strip("/")
        if folder not in library.folders:
            return refusal(f"Folder {folder} not found.", 404)
        self._writable(library, account, forbidden)
        owner = self.state.accounts[library.owner]
        if 0 <= owner.quota <= self.state.usage(owner.login):
            return refusal("Out of quota.", 443, "Unknown Status Code")
        kind = "upload-aj" if request.query.get("from") == "web" else "upload-api"
        url = self.state.new_file_url(library, folder, kind)
        return as_json(url + ("?replace=1" if request.query.get("replace") == "1" else ""))

    def uploaded_bytes(self, request: Request, _: Account | None, repo: str) -> Reply:
        folder, name = request.query.get("parent_dir", ""), request.query.get("file_name", "")
        if not folder:
            return refusal("parent_dir invalid.", 400)
        if not name:
            return refusal("file_name invalid.", 400)
        if repo not in self.state.libraries:
            return refusal(f"Library {repo} not found.", 404)
        library = self.state.libraries[repo]
        folder = "/" + folder.strip("/")
        if folder not in library.folders:
            return refusal(f"Folder {folder} not found.", 404)
        temporary = library.temporary.get(f"{folder.rstrip('/')}/{name}")
        return as_json({"uploadedBytes": temporary.stat().st_size if temporary else 0})

    # Share links

    def make_link(self, request: Request, account: Account) -> Reply:
        asked = form_of(request)
        repo, path = asked.get("repo_id", ""), asked.get("path", "")
        fault = "" if path else "path invalid."
        fault = fault if repo else "repo_id invalid."
        if fault := fault or self._link_fault(asked, is_json=is_json(request)):
            return refusal(fault, 400)
        library = self._library(repo, account, "Library {} not found.", "Permission denied.")
        if path not in library.files:
            return refusal(f"Dirent {path} not found.", 404)
        if library.encrypted:
            return refusal("Permission denied.", 403)
        for link in self.state.links.values():
            if (link.library, link.path, link.owner) == (library, path, account.login):
                return refusal(f"Share link {link.token} already exists.", 400)
        permissions = _permissions(asked)
        link = ShareLink(
            library,
            path,
            account.login,
            password=asked.get("password", ""),
            expires_at=self._link_end(asked),
            can_download=(permissions or {}).get("can_download", True),
        )
        self.state.links[link.token] = link
        return as_json(self._link_json(link))

    def _link_fault(self, asked: dict[str, Any], *, is_json: bool) -> str:
        days, end = asked.get("expire_days"), asked.get("expiration_time")
        if days is not None and end is not None:
            return "Can not pass expire_days and expiration_time at the same time."
        never = is_json and days == 0  # JSON takes 0 for "never", a form does not
        if days is not None and not never and not (str(days).isdigit() and int(days) > 0):
            return "expire_days invalid."
        if self.state.max_expire_days:
            asked_days = int(days) if days else 10**6
            if end:
                asked_days = (datetime.fromisoformat(end) - datetime.now(UTC)).days
            if asked_days > self.state.max_expire_days:
                return f"Expire days should be less than or equal to {self.state.max_expire_days}"
        if _permissions(asked) is None:
            return "permissions invalid."
        password = asked.get("password")
        if password and len(password) < self.state.min_password:
            return "Password is too short."
        return ""

    def _link_end(self, asked: dict[str, Any]) -> datetime | None:
        days = int(asked.get("expire_days") or 0)
        if "expiration_time" in asked:
            return datetime.fromisoformat(asked["expiration_time"]).astimezone(UTC)
        if days := days or self.state.default_expire_days:
            return datetime.now(UTC) + timedelta(days=days)
        return None

    def _link_json(self, link: ShareLink, *, listed: bool = False) -> dict[str, Any]:
        file = link.library.files.get(link.path)
        only_alone = {
            "obj_id": file.id if file else "",
            "can_edit": link.path.endswith(".txt") and file is not None,
        }
        return {
            "username": link.owner,
            "repo_id": link.library.id,
            "repo_name": link.library.name,
            "path": link.path,
            "obj_name": PurePosixPath(link.path).name,
            **({} if listed else only_alone),
            "is_dir": False,
            "token": link.token,
            "link": f"{self.state.hub_url}/f/{link.token}/",
            "view_cnt": link.views,
            "ctime": iso(link.made_at),
            "expire_date": iso(link.expires_at) if link.expires_at else "",
            "is_expired": link.expired,
            "permissions": {
                "can_edit": False,
                "can_download": link.can_download,
                "can_upload": False,
            },
            "password": link.password,
        }

    def list_links(self, request: Request, account: Account) -> Reply:
        repo, path = request.query.get("repo_id"), request.query.get("path")
        if repo and repo not in self.state.libraries:
            return refusal(f"Library {repo} not found.", 404)
        if path and not repo:
            return as_json([])
        if repo and path and path not in self.state.libraries[repo].files:
            return refusal(f"Dirent {path} not found.", 404)
        found = [
            self._link_json(link, listed=True)
            for link in sorted(self.state.links.values(), key=lambda link: link.path)
            if link.owner == account.login
            and repo in (None, link.library.id)
            and path in (None, link.path)
        ]
        if self.state.version >= "12":
            size, page = int(request.query.get("per_page", 25)), int(request.query.get("page", 1))
            found = found[(page - 1) * size : page * size]
        return as_json(found)

    def get_link(self, _: Request, __: Account, token: str) -> Reply:
        if token not in self.state.links:
            return refusal(f"token {token} not found.", 404)
        return as_json(self._link_json(self.state.links[token]))

    def change_link(self, request: Request, _: Account, token: str) -> Reply:
        if token not in self.state.links:
            return refusal(f"token {token} not found.", 404)
        link, asked = self.state.links[token], form_of(request)
        if fault := self._link_fault(asked, is_json=is_json(request)):
            return refusal(fault, 400)
        if "expire_days" in asked:
            link.expires_at = self._link_end(asked)
        if "permissions" in asked:
            link.can_download = (_permissions(asked) or {}).get("can_download", True)
        return as_json(self._link_json(link))

    def delete_link(self, _: Request, __: Account, token: str) -> Reply:
        self.state.links.pop(token, None)
        return as_json({"success": True})

    # Pages of share links

    def link_page(self, request: Request, _: Account | None, token: str) -> Reply:
        link = self.state.links.get(token)
        if obstacle := self._obstacle(request, link):
            return page(obstacle)
        assert link is not None
        link.views += 1
        if request.query.get("dl") != "1" and request.query.get("raw") != "1":
            return page(f"{PurePosixPath(link.path).name} - Private Seafile")
        if not link.can_download:
            return page("Permission denied", 404)
        url = self.state.new_file_url(link.library, link.path, "files")
        location = f"{url}/{quote(PurePosixPath(link.path).name)}"
        return Reply(302, b"", (("Content-Type", HTML), ("Location", location), csrf_cookie()))

    def _obstacle(self, request: Request, link: ShareLink | None) -> str:
        """What a page says instead of the file, with status 200."""
        if link is None:
            return "Link does not exist."
        if link.expired:
            return "Link is expired."
        if link.password and not self._knows_password(request, link):
            return "Please input the password if you want to browse the shared file/directory."
        return "" if link.path in link.library.files else "File does not exist"

    def give_password(self, request: Request, _: Account | None, token: str) -> Reply:
        link, form = self.state.links.get(token), form_of(request)
        if not form.get("csrfmiddlewaretoken") or form["csrfmiddlewaretoken"] != cookies_of(
            request
        ).get("sfcsrftoken"):
            return page("CSRF verification failed. Request aborted.", 403)
        if link is None or form.get("token") != token or form.get("password") != link.password:
            return page("Please enter a correct password.")
        session = secrets.token_hex(16)
        self.state.sessions[session] = {token}
        shown = page(f"{PurePosixPath(link.path).name} - Private Seafile")
        cookie = (
            "Set-Cookie",
            f"sessionid={session}; HttpOnly; Max-Age=86400; Path=/; SameSite=Lax",
        )
        return Reply(200, shown.body, (*shown.headers, cookie))

    def _knows_password(self, request: Request, link: ShareLink) -> bool:
        session = cookies_of(request).get("sessionid", "")
        return link.token in self.state.sessions.get(session, ())

    # Tokens of one library

    def via_repo_token(self, request: Request, _: Account | None) -> Reply:
        token = token_of(request, schemes=self._schemes)
        if token is None:
            return Reply(500, FAULT_PAGE, (("Content-Type", HTML),))
        if token not in self.state.repo_tokens:
            return as_json({"detail": "Token inactive or deleted"}, 401)
        library, _permission = self.state.repo_tokens[token]
        return as_json({"repo_id": library.id, "repo_name": library.name})


def _permissions(asked: dict[str, Any]) -> dict[str, bool] | None:
    """The permissions of a link, in a form as the text of their JSON; None: they are none."""
    permissions = asked.get("permissions") or {}
    if isinstance(permissions, str):
        try:
            permissions = json.loads(permissions)
        except json.JSONDecodeError:
            return None
    return permissions if isinstance(permissions, dict) else None


def _field_fault(form: dict[str, Any], name: str) -> list[str]:
    if name not in form:
        return ["This field is required."]
    return [] if form[name] else ["This field may not be blank."]


def _login_fault(text: str, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    return as_json({"non_field_errors": [text]}, 400, headers)


Handler = Callable[..., Reply]

_REPO = r"(?P<repo>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
ROUTES: list[tuple[re.Pattern[str], dict[str, Handler], bool]] = [
    (re.compile(path), methods, needs_account)
    for path, methods, needs_account in (
        (r"/api2/ping/", {"GET": Seahub.ping}, False),
        (r"/api2/auth/ping/", {"GET": Seahub.ping}, True),
        (r"/api2/auth-token/", {"POST": Seahub.login}, False),
        (r"/api2/server-info/", {"GET": Seahub.server_info}, False),
        (r"/api2/account/info/", {"GET": Seahub.account_info}, True),
        (r"/api2/repos/", {"GET": Seahub.list_libraries, "POST": Seahub.make_library}, True),
        (rf"/api2/repos/{_REPO}/", {"GET": Seahub.library_2, "POST": Seahub.unlock}, True),
        (rf"/api/v2.1/repos/{_REPO}/", {"GET": Seahub.library_21}, True),
        (
            rf"/api2/repos/{_REPO}/dir/",
            {
                "GET": Seahub.list_folder,
                "POST": Seahub.make_folder,
                "DELETE": Seahub.delete_folder,
            },
            True,
        ),
        (rf"/api2/repos/{_REPO}/file/detail/", {"GET": Seahub.file_detail}, True),
        (
            rf"/api2/repos/{_REPO}/file/",
            {"GET": Seahub.file_link, "DELETE": Seahub.delete_file},
            True,
        ),
        (rf"/api2/repos/{_REPO}/upload-link/", {"GET": Seahub.upload_link}, True),
        (
            rf"/api/v2.1/repos/{_REPO}/file-uploaded-bytes/",
            {"GET": Seahub.uploaded_bytes},
            False,
        ),
        (
            r"/api/v2.1/share-links/",
            {"GET": Seahub.list_links, "POST": Seahub.make_link},
            True,
        ),
        (
            r"/api/v2.1/share-links/(?P<token>[0-9a-f]+)/",
            {"GET": Seahub.get_link, "PUT": Seahub.change_link, "DELETE": Seahub.delete_link},
            True,
        ),
        (
            r"/f/(?P<token>[0-9a-f]+)/",
            {
                "GET": Seahub.link_page,
                "HEAD": Seahub.link_page,
                "POST": Seahub.give_password,
            },
            False,
        ),
        (r"/api/v2.1/via-repo-token/repo-info/", {"GET": Seahub.via_repo_token}, False),
    )
]
