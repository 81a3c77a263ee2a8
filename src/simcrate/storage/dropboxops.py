"""Crates in Dropbox; the one module that imports its SDK, and only when a backend is used.

A crate lies at `DIRECTORY/<delivery uuid>/<slug>.zip`, in the app's own folder or wherever the app's access
begins; its link does not show the path.  How a crate gets there is in `dropbox_upload`, links in
`dropbox_links`, and what errors mean in `dropbox_api`.  The SDK reads its own environment variables for hosts
(`DROPBOX_API_HOST`, …) when it is imported, and `requests` those for certificates.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from types import ModuleType
from typing import Any, ClassVar

from simcrate import __version__
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
from simcrate.storage.doctor import canary_steps, finding_of
from simcrate.storage.dropbox_api import Conflict, DropboxApi, translated
from simcrate.storage.dropbox_folders import delete_if_empty, entries
from simcrate.storage.dropbox_links import make_link, open_link, revoke_links
from simcrate.storage.dropbox_upload import CrateUpload, SentFile
from simcrate.storage.whereabouts import looked_for

MIB = 1024 * 1024
TIMEOUT_S = 100.0  # of one packet, as the SDK has it
NAME_LIMIT = 255  # characters of one part of a path

_DELIVERY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEADER = re.compile(r"[!-~]+")  # what a header can carry
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\\/]|\s$")
_IGNORED = {
    "desktop.ini",
    "thumbs.db",
    ".ds_store",
    "icon\r",
    ".dropbox",
    ".dropbox.attr",
    ".",
    "..",
    "",
}


def load_sdk() -> ModuleType:
    """Dropbox's SDK with the modules that are used of it."""
    import dropbox
    import dropbox.common
    import dropbox.content_hash
    import dropbox.exceptions
    import dropbox.files
    import dropbox.sharing
    import dropbox.stone_validators

    assert isinstance(dropbox, ModuleType)
    return dropbox


class DropboxBackend(StorageBackend):
    """One Dropbox account, as far as an app may see it."""

    kind = "dropbox"
    title = "Dropbox"
    abilities = Abilities(
        resumes=True,
        expires_links=True,
        link_passwords=True,
        digest="dropbox",
        reports_space=True,
    )
    token_option = Option(
        name="token",
        help="Access token of the account, where there is no refresh token; such tokens live for hours.",
        secret=True,
    )
    options = (
        Option(
            name="app_key",
            help="App key of the app, from Dropbox's App Console.",
            example="g234cl8j7654omi",
        ),
        Option(
            name="app_secret",
            help="App secret of the app; not needed for a token that was got by connecting here.",
            secret=True,
        ),
        Option(
            name="refresh_token",
            help="Refresh token of the account; connecting here gets it.",
            secret=True,
        ),
        Option(
            name="directory",
            help="Folder that crates go to, below the app's folder; it is made when it is missing.",
            default="",
            example="results",
        ),
        Option(
            name="team_space",
            help="Let 'directory' begin in the team's space, not in the member's own folder.",
            default=False,
            kind=bool,
        ),
    )

    part_bytes: ClassVar[int] = 4 * MIB
    """Size of one call of an upload session."""
    parallel: ClassVar[int] = 6
    """Calls at once in an upload session."""

    def __init__(self, *, token: OptionValue, config: Mapping[str, OptionValue]) -> None:
        self._token = token
        self._config = config
        directory = str(config["directory"] or "").strip("/")
        self._directory = f"/{directory}" if directory else ""

    @classmethod
    def faults(cls, token: OptionValue, config: Mapping[str, OptionValue]) -> tuple[str, ...]:
        """Two ways to sign in at once, credentials that cannot be ones, a folder that cannot be one."""
        faults = []
        if token and config["refresh_token"]:
            faults.append(
                "the backend token and 'refresh_token' exclude each other; keep the latter"
            )
        if config["refresh_token"] and not config["app_key"]:
            faults.append("'refresh_token' needs the 'app_key' that it was made for")
        secrets = {
            "the backend token": token,
            **{f"'{name}'": config[name] for name in _CREDENTIALS},
        }
        faults += [
            f"{name} must be letters and digits without blanks"
            for name, value in secrets.items()
            if isinstance(value, Secret) and not _HEADER.fullmatch(value.reveal())
        ]
        parts = str(config["directory"] or "").strip("/").split("/")
        if parts != [""] and any(_is_unusable(part) for part in parts):
            faults.append("'directory' must be the path of a folder that Dropbox can have")
        return tuple(faults)

    @classmethod
    def obstacles(cls, token: OptionValue, config: Mapping[str, OptionValue]) -> tuple[str, ...]:
        """No account connected."""
        if token or config["refresh_token"]:
            return ()
        return ("no account is connected: press Connect, or run simcrate storage connect dropbox",)

    def check(self) -> Iterator[Finding]:
        """Authenticate, the folder and the permissions, then the canary."""
        for name, step in (("authenticate", self._check_account), ("target", self._check_folder)):
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
        """See the contract; `resume` is an upload session and how far it got without a hole."""
        upload = CrateUpload(
            self._api,
            self._path_of(name),
            source,
            part_bytes=self.part_bytes,
            parallel=self.parallel,
        )
        sent = upload.find_whole()
        if sent is None:
            self._refuse_without_space(source.size_bytes)
            sent = upload.run(resume, save_resume, progress)
            self._compare(sent, source, save_resume)
        progress(source.size_bytes)
        return self._stored(sent.metadata, sha256=source.sha256)

    def link(self, stored: StoredCrate, policy: LinkPolicy) -> Link:
        """See the contract; the link counts when an anonymous user gets a file of that size."""
        self._unchanged(stored)
        return make_link(self._api, stored.remote_id, stored.size_bytes, policy)

    def stat(self, stored: StoredCrate) -> StoredCrate:
        """What stands under the file's id now, wherever it was moved to."""
        now = self._stored(self._metadata(stored))
        return replace(now, name=stored.name, account=stored.account)

    def delete(self, stored: StoredCrate) -> None:
        """Revoke the links, delete the file at its revision, and the delivery's folder if it is empty."""
        try:
            found = self._unchanged(stored)
        except StorageNotFoundError:
            return
        revoke_links(self._api, stored.remote_id)
        doing = "delete the crate"
        try:
            self._api.call(doing, "files_delete_v2", stored.remote_id, parent_rev=found.rev)
        except Conflict as conflict:
            if not conflict.has("not_found"):
                raise conflict.as_error(doing) from conflict
        folder = found.path_display.rpartition("/")[0]
        if _DELIVERY.fullmatch(folder.rpartition("/")[2]):
            delete_if_empty(self._api, folder)

    def list_owned(self) -> Iterator[StoredCrate]:
        """Every file in a folder of ours whose name is that of a delivery."""
        for folder in entries(self._api, self._directory):
            if not hasattr(folder, "rev") and _DELIVERY.fullmatch(folder.name):
                for file in entries(self._api, folder.path_display):
                    if hasattr(file, "rev"):
                        yield self._stored(file)

    def space(self) -> Space:
        """For a team the team's space, and below it the member's share where that stops uploads."""
        usage = self._api.must("ask for the space", "users_get_space_usage")
        allocation = usage.allocation
        if allocation.is_individual():
            allocated = allocation.get_individual().allocated
            return Space(used_bytes=usage.used, free_bytes=max(0, allocated - usage.used))
        if not allocation.is_team():
            return Space(used_bytes=usage.used, free_bytes=None)
        team = allocation.get_team()
        free = team.allocated - team.used
        limit = team.user_within_team_space_allocated  # 0: none
        if limit and team.user_within_team_space_limit_type.is_stop_sync():
            free = min(free, limit - team.user_within_team_space_used_cached)
        return Space(used_bytes=team.used, free_bytes=max(0, free))

    def close(self) -> None:
        """Let go of connections."""
        if "_api" in vars(self):
            self._api.close()

    # Connection

    @cached_property
    def _api(self) -> DropboxApi:
        sdk = load_sdk()
        api = DropboxApi(sdk, self._client(sdk, {}))
        if not self._config["team_space"]:
            return api
        account = api.must("find the team's space", "users_get_current_account")
        root = {".tag": "root", "root": account.root_info.root_namespace_id}
        api.close()
        return DropboxApi(sdk, self._client(sdk, {"Dropbox-API-Path-Root": json.dumps(root)}))

    def _client(self, sdk: ModuleType, headers: dict[str, str]) -> Any:  # noqa: ANN401 - no types
        session = sdk.create_session(max_connections=self.parallel + 1)
        return sdk.Dropbox(
            oauth2_access_token=_revealed(self._token),
            oauth2_refresh_token=_revealed(self._config["refresh_token"]),
            app_key=self._config["app_key"],
            app_secret=_revealed(self._config["app_secret"]),
            max_retries_on_error=0,
            max_retries_on_rate_limit=0,
            session=session,
            timeout=TIMEOUT_S,
            user_agent=f"SimCrate/{__version__}",
            headers=headers,
        )

    @cached_property
    def _account(self) -> Any:  # noqa: ANN401 - the SDK's FullAccount
        return self._api.must("authenticate", "users_get_current_account")

    # Paths

    def _path_of(self, name: str) -> str:
        name = unicodedata.normalize("NFC", name)  # as Dropbox keeps it
        for part in name.split("/"):
            if _is_unusable(part):
                raise StorageRefusedError(
                    f"could not upload the crate: Dropbox cannot store the name {part[:80]!r};"
                    " give the simulation another title"
                )
        return f"{self._directory}/{name}"

    # Files

    def _metadata(self, stored: StoredCrate) -> Any:  # noqa: ANN401
        with looked_for(stored, lambda: str(self._account.email)):
            return self._api.must("find the crate", "files_get_metadata", stored.remote_id)

    def _unchanged(self, stored: StoredCrate) -> Any:  # noqa: ANN401
        """The file's metadata; raises unless it is the one that was stored."""
        found = self._metadata(stored)
        if f"dropbox:{found.content_hash}" != stored.digest:
            raise StorageRefusedError(
                "could not go on with the crate: another file stands in its place in Dropbox;"
                " look there before it is removed"
            )
        return found

    def _stored(self, metadata: Any, *, sha256: str = "") -> StoredCrate:  # noqa: ANN401
        path = metadata.path_display
        return StoredCrate(
            remote_id=metadata.id,
            name=path[len(self._directory) + 1 :],
            size_bytes=metadata.size,
            digest=f"dropbox:{metadata.content_hash}",
            account=self._account.email,
            extra={"path": path, "rev": metadata.rev} | ({"sha256": sha256} if sha256 else {}),
        )

    def _refuse_without_space(self, size_bytes: int) -> None:
        """Before anything is sent: Dropbox itself looks when the last byte is there."""
        free_bytes = self.space().free_bytes
        if free_bytes is not None and free_bytes < size_bytes:
            raise StorageFullError(
                f"could not upload the crate: it has {size_bytes / 1e6:.1f} MB and Dropbox has"
                f" {free_bytes / 1e6:.1f} MB left; free space or take a larger plan"
            )

    def _compare(self, sent: SentFile, source: Source, save_resume: SaveResume) -> None:
        """Raise, and take it away, unless Dropbox has what was sent."""
        found = sent.metadata
        if (found.content_hash, found.size) == (sent.own_hash, source.size_bytes):
            return
        save_resume(None)
        self._api.must("delete a damaged file", "files_delete_v2", found.id, parent_rev=found.rev)
        raise StorageIntegrityError(
            "could not upload the crate: Dropbox stored something else; it was deleted there and will"
            " be sent again",
            detail=f"content hash {found.content_hash}, computed {sent.own_hash}",
        )

    # Doctor

    def _check_account(self) -> Finding:
        account = self._account
        if not account.email_verified:
            todo = "verify the e-mail address of the account in Dropbox; it cannot share before"
            return Finding(step="authenticate", ok=False, seen="connected; not verified", todo=todo)
        plan = account.account_type._tag  # noqa: SLF001 - the SDK has no other way to a union's name
        return Finding(step="authenticate", ok=True, seen=f"connected to a {plan} account")

    def _check_folder(self) -> Finding:
        """Also asks once for what only a second link needs, so that no permission lacks then."""
        any(entries(self._api, self._directory))
        self._api.must("look for links", "sharing_list_shared_links")
        where = f"the folder '{self._directory}'" if self._directory else "the app's folder"
        return Finding(step="target", ok=True, seen=f"{where} can be listed")

    def _fetch(self, link: Link) -> bytes:
        with open_link(self._api, link.url) as response:
            return bytes(translated(self._api.sdk, "open the link", lambda: response.content))


_CREDENTIALS = ("app_secret", "refresh_token")


def _revealed(value: OptionValue) -> str | None:
    return value.reveal() if isinstance(value, Secret) else None


def _is_unusable(part: str) -> bool:
    too_long = len(part) > NAME_LIMIT
    return too_long or part.lower() in _IGNORED or bool(_UNUSABLE.search(part))
