"""The `local` storage backend: a local-cloud server on one's own network.

`storage_backend_token` is the server's address, as in `10.10.160.10:8976`; it is no secret.  The config
may be empty.  A server that was started with `--open` takes uploads without a secret; it tells nobody
what it holds, so that a crate there is known by its link and removed by a token of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial

import httpx

from simcrate.errors import StorageError, StorageNotFoundError
from simcrate.secret import Secret
from simcrate.storage import local_upload
from simcrate.storage.address import parse_address
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
from simcrate.storage.doctor import (
    CLOCK_SKEW_LIMIT_S,
    canary_steps,
    clock_skew_s,
    fetch_anonymously,
    finding_of,
)
from simcrate.storage.local_api import OBJECT, LocalApi, bearer, link_path
from simcrate.storage.whereabouts import looked_for

HOW_TO_AUTHENTICATE = (
    'write the server\'s secret into the config, {"secret": "…"};'
    " 'local-cloud secret new' makes one on the server"
)


class LocalBackend(StorageBackend):
    """A local-cloud server."""

    kind = "local"
    title = "Local"
    abilities = Abilities(
        resumes=True,
        expires_links=True,
        link_passwords=False,
        digest="sha256",
        reports_space=True,
    )
    options = (
        Option(
            name="secret",
            help="The server's secret for uploads. A server started with --open needs none.",
            secret=True,
        ),
        Option(
            name="tls",
            help="Whether the server speaks https.",
            default=False,
            address=True,
            kind=bool,
        ),
        Option(
            name="ca",
            help="A file with the certificates that vouch for the server's, in PEM."
            " Without it those of the system count.",
            address=True,
            example="/etc/simcrate/campus-ca.pem",
        ),
    )
    token_option = Option(
        name="token",
        help="The server's address, HOST:PORT. IPv6 addresses stand in brackets.",
        required=True,
        address=True,
        example="10.10.160.10:8976",
    )

    def __init__(self, *, token: OptionValue, config: Mapping[str, OptionValue]) -> None:
        secret, ca = config["secret"], config["ca"]
        self._api = LocalApi(
            parse_address(str(token)),
            secret=secret if isinstance(secret, Secret) else None,
            tls=config["tls"] is True,
            ca=str(ca) if ca is not None else None,
        )

    @classmethod
    def faults(cls, token: OptionValue, config: Mapping[str, OptionValue]) -> tuple[str, ...]:
        """An address that is none, and certificates without TLS."""
        faults = []
        try:
            parse_address(str(token))
        except ValueError as error:
            faults.append(f"the backend token: {error}")
        if config["ca"] is not None and config["tls"] is not True:
            faults.append("'ca' in the backend config counts only with 'tls': true")
        return tuple(faults)

    def check(self) -> Iterator[Finding]:
        """Who answers, whether it takes our secret, its clock, then the canary."""
        for step, look in (("authenticate", self._check_secret), ("target", self._check_target)):
            try:
                finding = look()
            except StorageError as error:
                finding = finding_of(step, error)
            yield finding
            if not finding.ok:
                return
        yield from canary_steps(self, fetch=partial(fetch_anonymously, trust=self._api.trust))

    def upload(
        self,
        source: Source,
        name: str,
        *,
        resume: JSON = None,
        save_resume: SaveResume,
        progress: ShowProgress,
    ) -> StoredCrate:
        """See `simcrate.storage.local_upload`."""
        described = local_upload.upload(
            self._api, source, name, resume=resume, save_resume=save_resume, progress=progress
        )
        return self._stored(described)

    def link(self, stored: StoredCrate, policy: LinkPolicy) -> Link:
        """Set the object's expiry; its link exists since the upload."""
        remarks = []
        if policy.password is not None:
            remarks.append("a link of this backend has no password")
        if self._api.has_secret:
            expires = policy.expires_at.isoformat() if policy.expires_at else None
            path = f"/objects/{stored.remote_id}"
            with self._looked_for(stored):
                described = self._ask(
                    "set the link's expiry", "PATCH", path, *OBJECT, json={"expires": expires}
                )
        else:
            described = self._seen_by_link(stored)
        expires_at = _time(described["expires_at"])
        if expires_at != _whole_seconds(policy.expires_at):
            remarks.append(_expiry_remark(expires_at))
        return Link(url=described["url"], expires_at=expires_at, remarks=tuple(remarks))

    def stat(self, stored: StoredCrate) -> StoredCrate:
        """Ask by id; without a secret, by the link."""
        if not self._api.has_secret:
            return self._stored(self._seen_by_link(stored) | dict(stored.extra))
        path = f"/objects/{stored.remote_id}"
        with self._looked_for(stored):
            return self._stored(self._ask("look at the crate", "GET", path, *OBJECT))

    def delete(self, stored: StoredCrate) -> None:
        """Remove the object and its link, if it has still the digest that was stored."""
        headers = {"If-Match": f'"{stored.digest.partition(":")[2]}"'}
        if (token := stored.extra.get("delete_token")) is not None:
            headers |= bearer(token)
        path = f"/objects/{stored.remote_id}"
        with suppress(StorageNotFoundError), self._looked_for(stored):
            self._api.request("delete the crate", "DELETE", path, headers=headers)

    def list_owned(self) -> Iterator[StoredCrate]:
        """Everything that was stored with this secret, page by page."""
        after: str | None = ""
        while after is not None:
            answer = self._api.request(
                "list the crates", "GET", "/objects", params={"after": after}
            )
            page = self._api.json("list the crates", answer, "objects", "next_after")
            yield from map(self._stored, page["objects"])
            after = page["next_after"]

    def space(self) -> Space:
        """As it counts for this secret's next upload; None on an open server."""
        if not self._api.has_secret:
            return Space(used_bytes=None, free_bytes=None)
        space = self._ask("ask for space", "GET", "/space", "used", "free")
        return Space(used_bytes=space["used"], free_bytes=space["free"])

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _check_secret(self) -> Finding:
        who = self._ask("ask who answers", "GET", "/healthz")
        if who.get("service") != "local-cloud":
            seen = f"something that is no local-cloud answers at {self._api.address}"
            return Finding(step="authenticate", ok=False, seen=seen, todo="correct the address")
        seen = f"local-cloud answers at {self._api.address}, protocol {who.get('protocol')}"
        if self._api.has_secret:
            self._ask("use the secret", "GET", "/space")
            return Finding(step="authenticate", ok=True, seen=f"{seen}; it takes our secret")
        if who.get("secret_needed"):
            seen = f"{seen}; it wants a secret for uploads, and the definition has none"
            return Finding(step="authenticate", ok=False, seen=seen, todo=HOW_TO_AUTHENTICATE)
        return Finding(step="authenticate", ok=True, seen=f"{seen}; it is open to everybody")

    def _check_target(self) -> Finding:
        answer = self._api.request("ask whether it is ready", "GET", "/readyz")
        skew_s = clock_skew_s(answer, time.time())
        if skew_s is not None and abs(skew_s) > CLOCK_SKEW_LIMIT_S:
            seen = f"the server's clock differs from ours by {skew_s / 60:+.0f} minutes"
            todo = "set both clocks by NTP; links would expire at the wrong time"
            return Finding(step="target", ok=False, seen=seen, todo=todo)
        return Finding(step="target", ok=True, seen="the server is ready for uploads")

    def _ask(
        self, what: str, method: str, path: str, *members: str, json: JSON = None
    ) -> dict[str, JSON]:
        return self._api.json(what, self._api.request(what, method, path, json=json), *members)

    def _stored(self, described: Mapping[str, JSON]) -> StoredCrate:
        extra = {"url": described["url"]}
        if not self._api.has_secret and "delete_token" in described:
            extra["delete_token"] = described["delete_token"]
        return StoredCrate(
            remote_id=described["id"],
            name=described["key"],
            size_bytes=described["size"],
            digest=f"sha256:{described['sha256']}",
            account=str(self._api.address),
            extra=extra,
        )

    def _looked_for(self, stored: StoredCrate) -> AbstractContextManager[None]:
        return looked_for(stored, lambda: str(self._api.address))

    def _seen_by_link(self, stored: StoredCrate) -> dict[str, JSON]:
        """What an open server tells whoever has the link."""
        what, url = "look at the crate", str(stored.extra["url"])
        with self._looked_for(stored):
            answer = self._api.request(what, "HEAD", link_path(url))
        return {
            "id": stored.remote_id,
            "key": stored.name,
            "url": url,
            "size": int(self._api.header(what, answer, "Content-Length", r"[0-9]+")),
            "sha256": self._api.header(what, answer, "ETag", r'"[0-9a-f]{64}"').strip('"'),
            "expires_at": _sunset(answer),
        }


def _sunset(answer: httpx.Response) -> str | None:
    """When the link ends (RFC 8594)."""
    value = answer.headers.get("Sunset")
    return parsedate_to_datetime(value).isoformat() if value else None


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _whole_seconds(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(microsecond=0)


def _expiry_remark(expires_at: datetime | None) -> str:
    if expires_at is None:
        return "the server takes no expiry without a secret; the link does not end by itself"
    return f"the server keeps nothing longer than until {expires_at:%Y-%m-%d %H:%M} UTC"
