"""Links to files in a Seafile library, and whether they work.

Seafile answers 200 with a page for a link that is unknown, expired, or whose file is gone.  Only a 302 to
the file server means that a link works, and for a link with a password only after the password's form.
A path has one link: asking again is refused, also when the link expired, so it is found and changed; its
password cannot be changed, so it is then replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import httpx

from simcrate.errors import (
    StorageError,
    StorageNotFoundError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.secret import Secret
from simcrate.storage.base import JSON, Link
from simcrate.storage.seafile_api import LINK_FIELDS, SeafileApi, expect, new_client, translated
from simcrate.storage.seafile_errors import error_of, public_words

DOING = "make the link"
DAY = timedelta(days=1)
ROUNDING = timedelta(minutes=1)  # clocks differ, and Seafile keeps whole seconds
FOR_EVER_DAYS = 36_500  # what a link gets that ended once and shall not end any more

_PAGES: tuple[tuple[str, type[StorageError], str], ...] = (
    ("Link is expired", StorageRefusedError, "Seafile says that the link is expired"),
    ("File does not exist", StorageNotFoundError, "Seafile says that its file does not exist"),
    ("Link does not exist", StorageNotFoundError, "Seafile says that there is no such link"),
    ("password", StorageRefusedError, "Seafile wants the password of the link"),
)
_EXPIRE_RULE = re.compile(r"xpire days should be (?:greater|less)(?: than)? or equal to (\d+)")


def make_link(
    api: SeafileApi, repo_id: str, path: str, expires_at: datetime | None, password: Secret | None
) -> Link:
    """The link of a path with that policy: found, changed, replaced or new.

    Raises:
        StorageNotFoundError: there is no such file.
        StorageRefusedError: the library is encrypted, or the server's rules for links forbid it.
    """
    found = next(iter(_links_to(api, repo_id, path)), None)
    if found and not _suits(found, password):
        api.delete_link(found["token"])
        found = None
    if found is None:
        found = _new_link(api, repo_id, path, expires_at, password)
    elif not _ends_as_asked(found, expires_at):
        found = _renewed(api, found, expires_at)
    return _described(found, expires_at)


def delete_links(api: SeafileApi, repo_id: str, path: str) -> None:
    """Delete every link of the account to a path, also when the file is gone."""
    for link in _links_to(api, repo_id, path):
        api.delete_link(link["token"])


@contextmanager
def open_link(url: str, password: Secret | None) -> Iterator[httpx.Response]:
    """What the link serves to an anonymous user, as a streamed response with status 200.

    Raises:
        StorageNotFoundError, StorageRefusedError: what Seafile's page says instead.
        StorageUnreachableError: no answer.
    """
    doing = "open the link"
    page, download = url.partition("?")[0], url.partition("?")[0] + "?dl=1"
    with new_client() as client, translated(doing):
        answer = client.get(download)
        if password and answer.status_code == 200:
            form = {
                "csrfmiddlewaretoken": client.cookies.get("sfcsrftoken", ""),
                "token": page.rstrip("/").rpartition("/")[2],
                "password": password.reveal(),
            }
            client.post(page, data=form, headers={"Referer": page})
            answer = client.get(download)
        if answer.status_code != 302:
            raise _refusal(answer, doing)
        location = urljoin(download, answer.headers.get("Location", ""))
        if "/files/" not in location:
            raise StorageRefusedError(
                f"could not {doing}: it leads elsewhere than to the file server; if links need a login"
                " on this server, switch that off"
            )
        with client.stream("GET", location) as served:
            if served.status_code != 200:
                served.read()
                raise error_of(served, doing)
            yield served


def _links_to(api: SeafileApi, repo_id: str, path: str) -> list[dict[str, Any]]:
    found = api.links_to(repo_id, path)
    if found is None:  # the file is gone; its links are still among those of the library
        found = [link for link in api.links(repo_id) if link["path"] == path]
    return found


def _suits(link: dict[str, Any], password: Secret | None) -> bool:
    wanted = password.reveal() if password else ""
    return bool(link["password"] == wanted and link["permissions"].get("can_download"))


def _new_link(
    api: SeafileApi, repo_id: str, path: str, expires_at: datetime | None, password: Secret | None
) -> dict[str, Any]:
    fields: dict[str, JSON] = {"repo_id": repo_id, "path": path}
    if password:
        fields["password"] = password.reveal()
    end = {"expiration_time": expires_at.isoformat(timespec="seconds")} if expires_at else {}
    response = api.try_link({**fields, **end})
    if days := _allowed_days(response):
        response = api.try_link({**fields, "expire_days": days})
    return _granted(response)


def _renewed(api: SeafileApi, link: dict[str, Any], expires_at: datetime | None) -> dict[str, Any]:
    """The same link with another end; Seafile changes it in whole days from now, and never to none."""
    days = FOR_EVER_DAYS
    if expires_at is not None:
        days = max(1, -((datetime.now(UTC) - expires_at) // DAY))
    response = api.try_change(link["token"], days)
    if allowed := _allowed_days(response):
        response = api.try_change(link["token"], allowed)
    return _granted(response)


def _granted(response: httpx.Response) -> dict[str, Any]:
    if response.status_code == 400:
        raise StorageRefusedError(
            f"could not {DOING}: Seafile answered: {public_words(response)} Change the link password"
            " of the definition, or the server's rules for links"
        )
    return expect(response, dict, DOING, LINK_FIELDS)


def _allowed_days(response: httpx.Response) -> int:
    """The nearest number of days by the server's rules; 0: this is no refusal of a number of days."""
    if response.status_code != 400:
        return 0
    found = _EXPIRE_RULE.search(public_words(response))
    return int(found[1]) if found else 0


def _ends_as_asked(link: dict[str, Any], expires_at: datetime | None) -> bool:
    ends_at = _end(link)
    if link["is_expired"]:
        return False
    if expires_at is None or ends_at is None:
        return ends_at is None or ends_at > datetime.now(UTC) + FOR_EVER_DAYS * DAY / 2
    return expires_at - ROUNDING <= ends_at < expires_at + DAY + ROUNDING


def _end(link: dict[str, Any]) -> datetime | None:
    text = link["expire_date"]
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _described(link: dict[str, Any], expires_at: datetime | None) -> Link:
    ends_at = _end(link)
    remarks: tuple[str, ...] = ()
    if ends_at and (expires_at is None or abs(ends_at - expires_at) > ROUNDING):
        asked = f"{expires_at.astimezone(UTC):%Y-%m-%d %H:%M}" if expires_at else "never"
        remarks = (f"Seafile ends the link at {ends_at:%Y-%m-%d %H:%M} UTC, asked was {asked}",)
    has_password = bool(link["password"])
    return Link(
        url=link["link"] if has_password else link["link"] + "?dl=1",
        expires_at=ends_at,
        has_password=has_password,
        remarks=remarks,
    )


def _refusal(page: httpx.Response, doing: str) -> StorageError:
    """The error that stands on a page that came instead of the file."""
    if page.status_code != 200:
        return error_of(page, doing)
    for words, kind, came_back in _PAGES:
        if words in page.text:
            return kind(f"could not {doing}: {came_back}")
    return StorageUnreachableError(
        f"could not {doing}: what answered is not Seafile; check SERVICE_URL"
    )
