"""Seafile's web API, as far as crates need it: one method per call, JSON in and out.

Knows nothing of crates, retries or definitions.  Every path has its trailing slash (without it Seafile
redirects, and a POST becomes a GET); redirects are not followed, so that the token goes to nobody else;
the file server gets no token at all, its URLs are secrets themselves.

Source: servers 11.0.3 and 12.0.4 as observed; `tests/data/seafile` has the exchanges.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from simcrate import __version__
from simcrate.errors import (
    DefinitionError,
    StorageAuthError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.secret import Secret
from simcrate.storage.base import JSON
from simcrate.storage.seafile_errors import NEW_TOKEN, error_of, error_words

FILE_SERVER = "Seafile's file server (look at FILE_SERVER_ROOT there)"

TIMEOUT = httpx.Timeout(connect=10, write=60, read=300, pool=10)
"""Seconds; the answer to a last chunk comes after the server put the whole file together."""

LINKS = "/api/v2.1/share-links/"
LINKS_PER_PAGE = 100
LINK_FIELDS = ("token", "link", "path", "password", "permissions", "expire_date", "is_expired")

_TOKEN = re.compile(r"[!-~]+")  # what a header can carry
_THERE_IS_NONE = re.compile(r"(File|Folder|Dirent) .* not found")

Shape = TypeVar("Shape", dict[str, Any], list[Any], str)
"""What the JSON of an answer is."""


class SecondFactorNeeded(StorageAuthError):  # noqa: N818 - no failure, a question
    """The account has a second factor."""

    code = "storage.auth.second-factor"


class SeafileApi:
    """One server, and one account on it."""

    def __init__(self, server: str, token: Secret | None = None) -> None:
        """Take an address such as `https://seafile.example.org`; connect to nothing yet.

        Raises:
            DefinitionError: the token cannot be one: it would not even fit into a header.
        """
        if token and not _TOKEN.fullmatch(token.reveal()):
            raise DefinitionError("the Seafile token must be letters and digits without blanks")
        self.server = server.rstrip("/")
        self._token = token
        self._client = new_client()

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    @property
    def host(self) -> str:
        """Host and port, for people."""
        return urlsplit(self.server).netloc.rpartition("@")[2]

    # Account

    def login(self, user: str, password: Secret, code: str = "") -> str:
        """The account's API token.

        Raises:
            SecondFactorNeeded: the account asks for a two-factor code.
            StorageAuthError: wrong user or password, or a disabled account.
        """
        doing = "sign in to Seafile"
        form = {"username": user, "password": password.reveal()}
        headers = {"X-Seafile-OTP": code} if code else {}
        response = self._exchange("POST", "/api2/auth-token/", doing, data=form, headers=headers)
        if response.status_code == 400:
            words = error_words(response)
            if response.headers.get("X-Seafile-OTP") == "required":
                raise SecondFactorNeeded("Seafile asks for a two-factor code", detail=words)
            raise StorageAuthError(f"could not {doing}: {words}", detail=words)
        return str(expect(response, dict, doing, ("token",))["token"])

    def ping(self) -> httpx.Response:
        """Raise unless the token is an account's; the answer's headers tell the server's time."""
        response = self._exchange("GET", "/api2/auth/ping/", "authenticate")
        expect(response, str, "authenticate")
        return response

    def account(self) -> dict[str, Any]:
        """`usage` and `total` in bytes; a negative total is no quota."""
        fields = ("usage", "total")
        return self.call("GET", "/api2/account/info/", "ask for the space", dict, fields=fields)

    # Libraries and folders

    def libraries(self) -> list[dict[str, Any]]:
        """Every library that the account sees; one that was shared twice stands there twice."""
        fields = ("id", "name", "owner", "permission", "encrypted", "size")
        return self.call("GET", "/api2/repos/", "list the libraries", list, fields=fields)

    def library(self, repo_id: str) -> dict[str, Any]:
        """`repo_name`, `permission` (`r` also for a read-only status), `encrypted`, `lib_need_decrypt`."""
        url, fields = f"/api/v2.1/repos/{repo_id}/", ("repo_name", "encrypted")
        return self.call("GET", url, "find the library", dict, fields=fields)

    def is_own(self, repo_id: str) -> bool:
        """Whether the account itself owns the library: the owner's quota counts."""
        url = f"/api2/repos/{repo_id}/"
        found = self.call("GET", url, "find the library", dict, fields=("owner",))
        return bool(found["owner"] == "self")

    def make_folder(self, repo_id: str, folder: str) -> None:
        """Make a folder and its parents; one that exists is left alone."""
        form = {"operation": "mkdir", "create_parents": "true"}
        url, query = f"/api2/repos/{repo_id}/dir/", {"p": folder}
        self.call("POST", url, "make the folder", str, query, data=form)

    def entries(self, repo_id: str, folder: str) -> list[dict[str, Any]]:
        """What is in a folder: `type` (`file`, `dir`), `name`, `id`, `size`; empty if there is none."""
        url, fields = f"/api2/repos/{repo_id}/dir/", ("type", "name", "id")
        return self.ask("GET", url, "list the folder", list, {"p": folder}, fields) or []

    def delete_folder(self, repo_id: str, folder: str) -> None:
        """Delete a folder; one that is gone already is fine."""
        self.ask("DELETE", f"/api2/repos/{repo_id}/dir/", "delete the folder", str, {"p": folder})

    # Files

    def file(self, repo_id: str, path: str) -> dict[str, Any] | None:
        """`id` and `size` of a file; None if there is none."""
        url = f"/api2/repos/{repo_id}/file/detail/"
        return self.ask("GET", url, "look for the crate", dict, {"p": path}, ("id", "size"))

    def delete_file(self, repo_id: str, path: str) -> None:
        """Delete a file; one that is gone already is fine."""
        self.call("DELETE", f"/api2/repos/{repo_id}/file/", "delete the crate", str, {"p": path})

    def read_file(self, repo_id: str, path: str) -> Iterator[bytes]:
        """The content of a file, as its owner reads it."""
        doing = "read the crate back"
        query = {"p": path, "reuse": "1"}
        url = self.call("GET", f"/api2/repos/{repo_id}/file/", doing, str, query)
        with translated(doing, FILE_SERVER), self._client.stream("GET", url) as response:
            if response.status_code != 200:
                response.read()
                raise error_of(response, doing)
            yield from response.iter_bytes()

    def upload_link(self, repo_id: str, folder: str) -> str:
        """A URL to post files of that folder to: for an hour at most, and it dies with the server."""
        doing = "get an upload link"
        url = self.call("GET", f"/api2/repos/{repo_id}/upload-link/", doing, str, {"p": folder})
        if self.server.startswith("https:") and not url.startswith("https:"):
            message = (
                f"could not {doing}: Seafile names an address without TLS;"
                " correct FILE_SERVER_ROOT on the server"
            )
            raise StorageRefusedError(message, detail=urlsplit(url).netloc)
        return url

    def uploaded_bytes(self, repo_id: str, folder: str, name: str) -> int:
        """Length of the temporary file of a chunked upload; says nothing of holes in it."""
        url = f"/api/v2.1/repos/{repo_id}/file-uploaded-bytes/"
        query = {"parent_dir": folder, "file_name": name}
        fields = ("uploadedBytes",)
        found = self.call("GET", url, "resume the upload", dict, query, fields=fields)
        return int(found["uploadedBytes"])

    def post_file(
        self, upload_link: str, headers: Mapping[str, str], body: Iterable[bytes]
    ) -> httpx.Response:
        """Send one request to the file server; whatever it answers is returned."""
        url = upload_link + ("&" if "?" in upload_link else "?") + "ret-json=1"
        with translated("upload the crate", FILE_SERVER):
            return self._client.post(url, headers=dict(headers), content=body)

    # Links

    def links(self, repo_id: str) -> Iterator[dict[str, Any]]:
        """The account's share links in a library; they hold passwords in clear text.

        Server 12 answers in pages, server 11 gives everything whatever page is asked for.
        """
        seen: set[str] = set()
        for page in range(1, 1_000_000):
            query = {"repo_id": repo_id, "page": str(page), "per_page": str(LINKS_PER_PAGE)}
            found = self.call("GET", LINKS, "look for the link", list, query, fields=LINK_FIELDS)
            fresh = [link for link in found if link["token"] not in seen]
            yield from fresh
            seen.update(link["token"] for link in fresh)
            if len(found) < LINKS_PER_PAGE or not fresh:
                return

    def links_to(self, repo_id: str, path: str) -> list[dict[str, Any]] | None:
        """The account's share links to a path; None if there is no such file, and then any may be left."""
        query = {"repo_id": repo_id, "path": path}
        return self.ask("GET", LINKS, "look for the link", list, query, LINK_FIELDS)

    def try_link(self, fields: Mapping[str, JSON]) -> httpx.Response:
        """Ask for a new link; the answer is returned, also a refusal."""
        return self._exchange("POST", LINKS, "make the link", json=fields)

    def try_change(self, token: str, expire_days: int) -> httpx.Response:
        """Let a link end in so many days from now; revives an expired one."""
        url = f"{LINKS}{token}/"
        return self._exchange("PUT", url, "change the link", data={"expire_days": str(expire_days)})

    def delete_link(self, token: str) -> None:
        """Delete a link; one that is gone already is fine."""
        self.call("DELETE", f"{LINKS}{token}/", "delete the link", dict)

    # Exchange

    def call(
        self,
        method: str,
        path: str,
        doing: str,
        kind: type[Shape],
        query: Mapping[str, str] | None = None,
        *,
        data: Mapping[str, str] | None = None,
        fields: tuple[str, ...] = (),
    ) -> Shape:
        """Ask and expect that kind of JSON, with these fields."""
        response = self._exchange(method, path, doing, params=query, data=data)
        return expect(response, kind, doing, fields)

    def ask(
        self,
        method: str,
        path: str,
        doing: str,
        kind: type[Shape],
        query: Mapping[str, str],
        fields: tuple[str, ...] = (),
    ) -> Shape | None:
        """Like `call`; None for "there is none"."""
        response = self._exchange(method, path, doing, params=query)
        if response.status_code == 404 and _THERE_IS_NONE.match(error_words(response)):
            return None
        return expect(response, kind, doing, fields)

    def _exchange(
        self,
        method: str,
        path: str,
        doing: str,
        headers: Mapping[str, str] | None = None,
        **request: Any,  # noqa: ANN401 - what httpx takes
    ) -> httpx.Response:
        own = {"Authorization": f"Token {self._token.reveal()}"} if self._token else {}
        with translated(doing):
            response = self._client.request(
                method, self.server + path, headers={**own, **(headers or {})}, **request
            )
        if response.status_code == 401 and self._token and self._token_is_of_a_library():
            message = (
                f"could not {doing}: the token belongs to one library only and cannot make links;"
                f" {NEW_TOKEN}"
            )
            raise StorageAuthError(message, detail="the token passes via-repo-token/repo-info")
        return response

    def _token_is_of_a_library(self) -> bool:
        assert self._token is not None
        with translated("authenticate"):
            response = self._client.get(
                f"{self.server}/api/v2.1/via-repo-token/repo-info/",
                headers={"Authorization": f"Token {self._token.reveal()}"},
            )
        return response.status_code == 200


def new_client() -> httpx.Client:
    """A client without any account, cookies or redirects."""
    # pages are read, and only their English is known
    headers = {"User-Agent": f"SimCrate/{__version__}", "Accept-Language": "en"}
    return httpx.Client(timeout=TIMEOUT, headers=headers, verify=_trusted())


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that httpx trusts; reading them takes longer than most requests."""
    return httpx.create_ssl_context()


@contextmanager
def translated(doing: str, whose: str = "Seafile") -> Iterator[None]:
    """Errors of the HTTP client as ours; never with its texts, which may hold headers and URLs."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        message = f"could not {doing}: the address of the server is not usable; check 'server'"
        raise StorageRefusedError(message, detail=type(error).__name__) from error
    except httpx.TimeoutException as error:
        message = f"could not {doing}: {whose} did not answer in time"
        raise StorageUnreachableError(message, detail=type(error).__name__) from error
    except httpx.HTTPError as error:
        message = f"could not {doing}: there was no answer from {whose}; if this lasts, check 'server' and the network"
        raise StorageUnreachableError(message, detail=type(error).__name__) from error


def expect(
    response: httpx.Response, kind: type[Shape], doing: str, fields: tuple[str, ...] = ()
) -> Shape:
    """The JSON of a 2xx answer: of that kind, and it or its items with these fields.

    Raises:
        StorageError: what another answer means.
    """
    if not response.is_success:
        raise error_of(response, doing)
    try:
        found = response.json()
    except ValueError:
        found = None
    items = found if isinstance(found, list) else [found]
    if not isinstance(found, kind) or not all(_has(item, fields) for item in items):
        message = f"could not {doing}: what answered is not Seafile; check 'server'"
        wanted = f"no {kind.__name__} with {', '.join(fields) or 'anything'}"
        raise StorageUnreachableError(message, detail=f"HTTP {response.status_code}, {wanted}")
    return found


def _has(item: object, fields: tuple[str, ...]) -> bool:
    return not fields or (isinstance(item, dict) and item.keys() >= set(fields))
