"""Crates in a Seafile library.

A crate lies at `DIRECTORY/<delivery uuid>/<slug>.zip`; its link does not show the path.  What Seafile
needs to be asked is in `seafile_api`, how a crate gets there in `seafile_upload`, and links in
`seafile_links`.
"""

from __future__ import annotations

import hashlib
import re
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

from simcrate.errors import (
    StorageError,
    StorageFullError,
    StorageIntegrityError,
    StorageNotFoundError,
    StorageRefusedError,
)
from simcrate.secret import Secret
from simcrate.storage.base import (
    JSON,
    Abilities,
    Finding,
    Link,
    LinkPolicy,
    Option,
    OptionValue,
    SaveResume,
    ShowProgress,
    Source,
    Space,
    StorageBackend,
    StoredCrate,
)
from simcrate.storage.crate_reader import hash_crate
from simcrate.storage.doctor import CLOCK_SKEW_LIMIT_S, canary_steps, clock_skew_s, finding_of
from simcrate.storage.seafile_api import SeafileApi
from simcrate.storage.seafile_id import SeafileId
from simcrate.storage.seafile_links import delete_links, make_link, open_link
from simcrate.storage.seafile_upload import Target, send_crate
from simcrate.storage.whereabouts import looked_for

MIB = 1024 * 1024
NAME_LIMIT_BYTES = 255  # longer ones: 500 from the C file server, 400 from the Go one
READING = ("r", "preview")  # permissions that do not let write; a custom one may

_LIBRARY = _DELIVERY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # UUIDs
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\\]")


class SeafileBackend(StorageBackend):
    """One library of one Seafile account."""

    kind = "seafile"
    title = "Seafile"
    abilities = Abilities(
        resumes=True,
        expires_links=True,
        link_passwords=True,
        digest="seafile",
        reports_space=True,
    )
    options = (
        Option(
            name="token",
            help="API token of the account, from seafile-get-token.",
            required=True,
            secret=True,
        ),
        Option(
            name="repoid",
            help="Id of the library, from seafile-list-repo-ids.",
            required=True,
            example="33d6ae48-c3a5-4b52-9778-139771dd9575",
        ),
        Option(
            name="server",
            help="Address of the server.",
            address=True,
            example="https://seafile.example.org",
        ),
        Option(
            name="directory",
            help="Folder in the library that crates go to; it is made when it is missing.",
            default="/simcrate",
            example="/results",
        ),
        Option(
            name="password",
            help="Password of the links; everybody who gets a link needs it too.",
            secret=True,
        ),
    )

    chunk_bytes: ClassVar[int] = 32 * MIB
    """Size of one upload request.  Larger ones gain nothing, smaller ones wait more often."""
    compare_bytes: ClassVar[int] = 8 * MIB
    """A link of a crate up to this size is read to its end and compared."""

    def __init__(self, *, token: OptionValue, config: Mapping[str, OptionValue]) -> None:  # noqa: ARG002
        account_token, password = config["token"], config["password"]
        assert isinstance(account_token, Secret)
        assert password is None or isinstance(password, Secret)
        self._api = SeafileApi(str(config["server"]), account_token)
        self._repo_id = str(config["repoid"])
        directory = str(config["directory"]).strip("/")
        self._directory = f"/{directory}" if directory else ""
        self._password = password

    @classmethod
    def faults(cls, token: OptionValue, config: Mapping[str, OptionValue]) -> tuple[str, ...]:  # noqa: ARG003
        """An address that is none, a folder that cannot be one."""
        faults = []
        if config["server"] and not _is_address(str(config["server"])):
            faults.append("'server' must be an address such as https://seafile.example.org")
        if not re.fullmatch(r"[0-9A-Za-z-]+", str(config["repoid"])):
            faults.append("'repoid' must be the id of a library; seafile-list-repo-ids shows them")
        directory = str(config["directory"])
        if ".." in directory.split("/") or _UNUSABLE.search(directory):
            faults.append("'directory' must be the path of a folder, without '..' and backslashes")
        return tuple(faults)

    @classmethod
    def obstacles(cls, token: OptionValue, config: Mapping[str, OptionValue]) -> tuple[str, ...]:  # noqa: ARG003
        """No server known."""
        if config["server"]:
            return ()
        return (
            "no server is known: write 'server' into the config, or set SIMCRATE_SEAFILE_SERVER",
        )

    def check(self) -> Iterator[Finding]:
        """Authenticate, find the library and whether links can be made there, then the canary."""
        for name, step in (("authenticate", self._check_account), ("target", self._check_library)):
            try:
                yield step()
            except StorageError as error:
                yield finding_of(name, error)
                return
        yield from canary_steps(self, fetch=self._fetch)

    def upload(
        self,
        source: Source,
        name: str,
        *,
        resume: JSON = None,
        save_resume: SaveResume,
        progress: ShowProgress,
    ) -> StoredCrate:
        """See the contract; `resume` is the offset of the last acknowledged chunk."""
        name = unicodedata.normalize("NFC", name)  # what a server makes of it anyhow
        target = self._target(name)
        encrypted = bool(self._writable_library()["encrypted"])
        if found := self._find_whole(target, source, name, encrypted=encrypted):
            progress(source.size_bytes)
            return found
        self._refuse_without_space(source.size_bytes)
        self._api.make_folder(self._repo_id, target.folder)
        sent = send_crate(
            self._api,
            target,
            source,
            chunk_bytes=self.chunk_bytes,
            resume=resume,
            save_resume=save_resume,
            progress=progress,
        )
        if sent.id != sent.own_id and not self._reads_back(target.path, source):
            save_resume(None)
            self._api.delete_file(self._repo_id, target.path)
            raise StorageIntegrityError(
                "could not upload the crate: Seafile stored something else; it was deleted there and"
                " will be sent again",
                detail=f"id {sent.id}, computed {sent.own_id}",
            )
        progress(source.size_bytes)
        return self._stored(name, target, source, sent.id, compared=sent.id == sent.own_id)

    def link(self, stored: StoredCrate, policy: LinkPolicy) -> Link:
        """See the contract; the link counts when an anonymous user gets the crate through it."""
        self._unchanged(stored)
        password = policy.password or self._password
        link = make_link(self._api, _repo_of(stored), stored.remote_id, policy.expires_at, password)
        self._prove(link, stored, password)
        return link

    def stat(self, stored: StoredCrate) -> StoredCrate:
        """What stands at the path now."""
        with looked_for(stored, lambda: self._account_of(_repo_of(stored))):
            found = self._api.file(_repo_of(stored), stored.remote_id)
            if found is None:
                message = "could not find the crate: Seafile does not have it any more"
                raise StorageNotFoundError(message)
        extra = {"repo_id": _repo_of(stored), "file_id": found["id"]}
        if found["id"] == stored.extra.get("file_id"):
            extra = {**stored.extra}
        digest = f"seafile:{found['id']}" if stored.digest else ""
        return replace(stored, size_bytes=found["size"], digest=digest, extra=extra)

    def delete(self, stored: StoredCrate) -> None:
        """Remove the links, the file, and the delivery's folder if nothing else is in it."""
        with suppress(StorageNotFoundError):  # gone already; a link of it may be left
            self._unchanged(stored)
        with suppress(StorageNotFoundError):  # so is its library
            self._remove(_repo_of(stored), stored.remote_id)

    def list_owned(self) -> Iterator[StoredCrate]:
        """Every file in a folder of ours whose name is that of a delivery."""
        for folder in self._api.entries(self._repo_id, self._directory or "/"):
            if folder["type"] == "dir" and _DELIVERY.fullmatch(folder["name"]):
                path = f"{self._directory}/{folder['name']}"
                for file in self._api.entries(self._repo_id, path):
                    if file["type"] == "file":
                        yield self._listed(f"{folder['name']}/{file['name']}", path, file)

    def space(self) -> Space:
        """The quota of the account, if the library is its own; otherwise its owner's counts."""
        if not self._api.is_own(self._repo_id):
            return Space(used_bytes=None, free_bytes=None)
        account = self._api.account()
        used, total = account["usage"], account["total"]
        return Space(used_bytes=used, free_bytes=max(0, total - used) if total >= 0 else None)

    def close(self) -> None:
        """Let go of connections."""
        self._api.close()

    def _remove(self, repo_id: str, path: str) -> None:
        delete_links(self._api, repo_id, path)
        self._api.delete_file(repo_id, path)
        folder = path.rpartition("/")[0]
        is_ours = _DELIVERY.fullmatch(folder.rpartition("/")[2])
        if is_ours and not self._api.entries(repo_id, folder):
            self._api.delete_folder(repo_id, folder)

    def _target(self, name: str) -> Target:
        folder, _, base = name.rpartition("/")
        parts = [*folder.split("/"), base] if folder else [base]
        for part in parts:
            too_long = len(part.encode()) > NAME_LIMIT_BYTES
            if part in ("", ".", "..") or too_long or _UNUSABLE.search(part):
                raise StorageRefusedError(
                    f"could not upload the crate: Seafile cannot store the name {part[:80]!r};"
                    " give the simulation another title"
                )
        return Target(
            repo_id=self._repo_id, folder="/".join([self._directory, *parts[:-1]]) or "/", name=base
        )

    def _writable_library(self) -> dict[str, Any]:
        if not _LIBRARY.fullmatch(self._repo_id):  # Seafile would answer as if it were no Seafile
            raise StorageNotFoundError(
                "could not find the library: 'repoid' is not the id of one;"
                " seafile-list-repo-ids shows them"
            )
        library = self._api.library(self._repo_id)
        if library.get("permission") in READING or library.get("status") == "read-only":
            raise StorageRefusedError(
                "could not upload the crate: the library is read-only for this account;"
                " share it with write permission or choose another 'repoid'"
            )
        if library.get("lib_need_decrypt"):
            raise StorageRefusedError(
                "could not upload the crate: the library is encrypted and locked;"
                " choose one that is not encrypted, links cannot be made in it anyway"
            )
        return library

    def _find_whole(
        self, target: Target, source: Source, name: str, *, encrypted: bool
    ) -> StoredCrate | None:
        """The crate if it is there already, whole."""
        there = self._api.file(self._repo_id, target.path)
        if there is None or there["size"] != source.size_bytes:
            return None
        if encrypted:
            same = self._reads_back(target.path, source)
        else:
            hash_crate(source, own_id := SeafileId())
            same = own_id.hexdigest() == there["id"]
        if not same:
            return None
        return self._stored(name, target, source, there["id"], compared=not encrypted)

    def _refuse_without_space(self, size_bytes: int) -> None:
        """Before anything is sent: Seafile itself looks at the quota after the last byte."""
        free_bytes = self.space().free_bytes
        if free_bytes is not None and free_bytes < size_bytes:
            raise StorageFullError(
                f"could not upload the crate: it has {size_bytes / 1e6:.1f} MB and Seafile's quota"
                f" leaves {free_bytes / 1e6:.1f} MB; free space or raise the quota"
            )

    def _reads_back(self, path: str, source: Source) -> bool:
        """Whether the stored bytes are the crate's, for encrypted libraries and other block sizes."""
        digest = hashlib.sha256()
        for block in self._api.read_file(self._repo_id, path):
            digest.update(block)
        return digest.hexdigest() == source.sha256

    def _stored(
        self, name: str, target: Target, source: Source, file_id: str, *, compared: bool
    ) -> StoredCrate:
        return StoredCrate(
            remote_id=target.path,
            name=name,
            size_bytes=source.size_bytes,
            digest=f"seafile:{file_id}" if compared else "",
            account=self._account_of(self._repo_id),
            extra={"repo_id": self._repo_id, "file_id": file_id, "sha256": source.sha256},
        )

    def _listed(self, name: str, folder: str, file: Mapping[str, Any]) -> StoredCrate:
        return StoredCrate(
            remote_id=f"{folder}/{file['name']}",
            name=name,
            size_bytes=file["size"],
            digest=f"seafile:{file['id']}",
            account=self._account_of(self._repo_id),
            extra={"repo_id": self._repo_id, "file_id": file["id"]},
        )

    def _account_of(self, repo_id: str) -> str:
        return f"{self._api.host}, library {repo_id}"

    def _unchanged(self, stored: StoredCrate) -> None:
        """Raise unless the file that was stored is still there."""
        now = self.stat(stored)
        if now.extra["file_id"] != stored.extra["file_id"]:
            raise StorageRefusedError(
                "could not go on with the crate: another file stands in its place in Seafile;"
                " look there before it is removed"
            )

    def _prove(self, link: Link, stored: StoredCrate, password: Secret | None) -> None:
        """Raise unless the link serves the crate.

        The id of the content behind the path was compared just before; what the link can still get
        wrong is whether it serves that path.  So the length is compared, and small crates whole.
        """
        with open_link(link.url, password) as served:
            length = int(served.headers.get("Content-Length", stored.size_bytes))
            whole = stored.size_bytes <= self.compare_bytes and "sha256" in stored.extra
            digest = hashlib.sha256(served.read()).hexdigest() if whole else ""
        if length != stored.size_bytes or (whole and digest != stored.extra["sha256"]):
            raise StorageIntegrityError(
                "could not make the link: it serves something else than the crate;"
                " look for a proxy or a cache in front of Seafile",
                detail=f"{length} bytes instead of {stored.size_bytes}",
            )

    def _check_account(self) -> Finding:
        skew_s = clock_skew_s(self._api.ping(), time.time())
        if skew_s is not None and abs(skew_s) > CLOCK_SKEW_LIMIT_S:
            return Finding(
                step="authenticate",
                ok=False,
                seen=f"the token works; the server's clock is {skew_s:+.0f} s from ours",
                todo="set both clocks by NTP: links would end at the wrong time",
            )
        seen = "the token is an account's and works"
        if self._api.server.startswith("http:"):
            seen += "; it goes over http, everybody on the way can read it"
        return Finding(step="authenticate", ok=True, seen=seen)

    def _check_library(self) -> Finding:
        library = self._writable_library()
        seen = f"the library '{library['repo_name']}' is writable"
        if library["encrypted"]:
            todo = "choose a library that is not encrypted: Seafile makes no links in this one"
            return Finding(step="target", ok=False, seen=f"{seen} and encrypted", todo=todo)
        return Finding(step="target", ok=True, seen=seen)

    def _fetch(self, link: Link) -> bytes:
        with open_link(link.url, self._password) as served:
            return served.read()


def _is_address(text: str) -> bool:
    """Whether it is an http address without credentials, query or fragment."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    extras = (parts.username, parts.password, parts.query, parts.fragment)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(extras)


def _repo_of(stored: StoredCrate) -> str:
    return str(stored.extra["repo_id"])
