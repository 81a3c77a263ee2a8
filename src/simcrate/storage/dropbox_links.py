"""Links to files in Dropbox, what really holds for them, and whether they work.

What a link may be depends on the plan of the account and the policies of its team; so settings are asked
for, and what came of them is read from the answer.  A file has one link of its own: asking again is refused,
and then the link is listed and changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from simcrate.errors import (
    StorageBusyError,
    StorageError,
    StorageNotFoundError,
    StorageRefusedError,
)
from simcrate.storage.base import Link, LinkPolicy
from simcrate.storage.dropbox_api import Conflict, DropboxApi, translated

DOING = "make the link"
SAME_TIME = timedelta(minutes=1)  # Dropbox keeps whole seconds
BANNED_S = 24 * 3600.0  # how long links of an account rest after too much traffic
FETCH_TIMEOUT_S = 60.0


def make_link(api: DropboxApi, file_id: str, size_bytes: int, policy: LinkPolicy) -> Link:
    """The link of a file with that policy, as far as plan and team allow.

    A link that everybody may open counts only when an anonymous user gets a file of that size.

    Raises:
        StorageBusyError: Dropbox has stopped the account's links for too much traffic.
        StorageNotFoundError: there is no such file.
        StorageRefusedError: a password was asked for and the plan has none, the account may not share,
            or the link shows something else than the file.
    """
    found = _existing(api, file_id)
    if found is None:
        found = _new(api, file_id, policy)
    elif not _is_as_asked(found, policy):
        found = _changed(api, found, policy)
    link = _described(found, policy)
    if _is_public(found) and not link.has_password:
        _prove(api, link.url, size_bytes)
    return link


def revoke_links(api: DropboxApi, file_id: str) -> None:
    """Revoke every link to a file itself; those that are gone already are fine."""
    for link in _listed(api, file_id):
        try:
            api.call("revoke the link", "sharing_revoke_shared_link", link.url)
        except Conflict as conflict:
            if not conflict.has("shared_link_not_found"):
                raise conflict.as_error("revoke the link") from conflict


@contextmanager
def open_link(api: DropboxApi, url: str) -> Iterator[Any]:
    """What the link serves to an anonymous user: a streamed response of `requests`, status 200.

    Raises:
        StorageBusyError: Dropbox has banned the account's links for too much traffic.
        StorageNotFoundError, StorageRefusedError: it is revoked, or not open to everybody.
        StorageUnreachableError: no answer.
    """
    doing = "open the link"
    session = api.sdk.create_session()  # no account, no cookies
    try:
        response = translated(
            api.sdk, doing, session.get, url, stream=True, timeout=FETCH_TIMEOUT_S
        )
        with response:
            status = response.status_code
            if status in (410, 429):
                message = (
                    f"could not {doing}: Dropbox stopped the account's links for too much traffic"
                )
                raise StorageBusyError(
                    f"{message}; deliver again to another storage backend, or wait a day",
                    retry_after_s=BANNED_S,
                )
            if status == 404:
                raise StorageNotFoundError(f"could not {doing}: Dropbox has no such link")
            if status != 200:
                raise StorageRefusedError(f"could not {doing}: Dropbox answered HTTP {status}")
            yield response
    finally:
        session.close()


def _prove(api: DropboxApi, url: str, size_bytes: int) -> None:
    with open_link(api, url) as response:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        length = int(response.headers.get("Content-Length", size_bytes))
    if is_page or length != size_bytes:
        raise StorageRefusedError(
            f"could not {DOING}: Dropbox shows a page instead of the crate;"
            " look at the account's sharing settings"
        )


def _existing(api: DropboxApi, file_id: str) -> Any:  # noqa: ANN401 - the SDK's metadata
    return next(iter(_listed(api, file_id)), None)


def _listed(api: DropboxApi, file_id: str) -> list[Any]:
    try:
        listing = api.call(
            "look for the link", "sharing_list_shared_links", path=file_id, direct_only=True
        )
    except Conflict as conflict:
        if conflict.has("not_found"):
            return []
        raise conflict.as_error("look for the link") from conflict
    return list(listing.links)


def _new(api: DropboxApi, file_id: str, policy: LinkPolicy) -> Any:  # noqa: ANN401
    create = "sharing_create_shared_link_with_settings"
    try:
        return api.call(DOING, create, file_id, settings=_settings(api, policy))
    except Conflict as conflict:
        if conflict.has("shared_link_already_exists"):  # an answer was lost
            found = _existing(api, file_id)
            if found is not None:
                return _changed(api, found, policy)
        if policy.password or not conflict.has("not_authorized"):
            raise _refusal(conflict, policy) from conflict
    return api.must(DOING, create, file_id)  # small plans have links that anybody opens, for ever


def _changed(api: DropboxApi, link: Any, policy: LinkPolicy) -> Any:  # noqa: ANN401
    for_ever = policy.expires_at is None and link.expires is not None
    try:
        return api.call(
            DOING,
            "sharing_modify_shared_link_settings",
            link.url,
            _settings(api, policy),
            remove_expiration=for_ever,
        )
    except Conflict as conflict:
        if policy.password or not conflict.has("not_authorized"):
            raise _refusal(conflict, policy) from conflict
    return link


def _settings(api: DropboxApi, policy: LinkPolicy) -> Any:  # noqa: ANN401
    sharing = api.sdk.sharing
    settings: dict[str, Any] = {"audience": sharing.LinkAudience.public}
    if policy.expires_at:
        naive_utc = policy.expires_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        settings["expires"] = naive_utc
    if policy.password:
        settings |= {"require_password": True, "link_password": policy.password.reveal()}
    return sharing.SharedLinkSettings(**settings)


def _refusal(conflict: Conflict, policy: LinkPolicy) -> StorageError:
    if policy.password and conflict.has("not_authorized"):
        return StorageRefusedError(
            f"could not {DOING}: the Dropbox plan has no passwords for links;"
            " take the password away, or choose another plan"
        )
    return conflict.as_error(DOING)


def _is_as_asked(link: Any, policy: LinkPolicy) -> bool:  # noqa: ANN401
    if policy.password or _has_password(link):
        return False  # which password it has is not told
    if not _is_public(link):
        return False
    return _same_time(_ends_at(link), policy.expires_at)


def _same_time(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= SAME_TIME


def _ends_at(link: Any) -> datetime | None:  # noqa: ANN401
    return link.expires.replace(tzinfo=UTC) if link.expires else None  # the SDK's are naive UTC


def _has_password(link: Any) -> bool:  # noqa: ANN401
    return bool(link.link_permissions.require_password)


def _described(link: Any, policy: LinkPolicy) -> Link:  # noqa: ANN401
    ends_at = _ends_at(link)
    remarks = []
    if not _same_time(ends_at, policy.expires_at):
        asked = f"{policy.expires_at:%Y-%m-%d}" if policy.expires_at else "never"
        ends = f"on {ends_at:%Y-%m-%d}" if ends_at else "never"
        remarks.append(f"Dropbox ends the link {ends}, asked was {asked}: plan or team decide")
    if _has_password(link) and not policy.password:
        remarks.append("the link has a password that was set in Dropbox")
    if not _is_public(link):
        remarks.append("the team's policy opens the link to members of the team only")
    return Link(
        url=_direct(link.url),
        expires_at=ends_at,
        has_password=_has_password(link),
        remarks=tuple(remarks),
    )


def _is_public(link: Any) -> bool:  # noqa: ANN401
    permissions = link.link_permissions
    audience = permissions.effective_audience or permissions.resolved_visibility
    return audience is None or bool(audience.is_public())


def _direct(url: str) -> str:
    """The link that downloads: `dl=1`; `rlkey` is part of the capability and stays.

    Source: Dropbox help, "force a shared link to download or render".
    """
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "dl"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("dl", "1")])))
