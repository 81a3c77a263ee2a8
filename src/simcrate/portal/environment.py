"""The one place of portal and worker that reads `SIMCRATE_*` from the environment.

Everything has a safe default; unknown names are an error, so that a newcomer's typo is found at start.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from simcrate.errors import BadInputError

PREFIX = "SIMCRATE_"
MAX_LICENCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the environment says, parsed; the reference is `docs/reference/settings.md`."""

    var_dir: Path
    """Everything that portal, worker and local-cloud write lives below this directory."""

    database_url: str = field(repr=False)
    """`postgresql://…`, or empty for SQLite below `var_dir`."""

    redis_url: str = field(repr=False)
    """`redis://…` where RQ carries run ids to workers, or empty for the embedded queue."""

    staging_url: str
    """The local-cloud through which machines hand runs over, or empty: one machine runs and packs."""

    staging_secret_file: Path | None
    """Holds that server's secret, on machines that pack and deliver; None: this one only runs."""

    public_url: str
    """Where users reach the portal; permalinks and mails start with it."""

    allowed_hosts: tuple[str, ...]
    """Host names that the portal answers to, besides that of `public_url`."""

    trusted_proxies: tuple[str, ...]
    """Addresses and networks of web servers in front, whose `X-Forwarded-*` headers are believed."""

    smtp_url: str = field(repr=False)
    """`smtp://user:password@host:port?starttls=1`, or empty: mail lands in `var/outbox`."""

    mail_from: str
    """The sender of every mail."""

    registration: str
    """`closed`: an administrator makes the accounts; `open`: anybody with an address may."""

    submission_max_bytes: int
    """All files of one submission together."""

    licence: str
    """What a submitter who chooses no licence gives the results: an SPDX identifier or an absolute URL."""

    keep_run_days: int
    """How long run directories stay after their delivery was verified."""

    disk_floor_bytes: int
    """Free space of a worker's disk below which run directories go sooner; 0: they never do."""

    sandbox: str
    """`bubblewrap`, or `none`: the weaker promise, said loudly."""

    seafile_server: str
    """The server of Seafile definitions that name none."""

    metrics_address: str
    """`host:port` at which the portal serves `/metrics` and nothing else, or empty: nowhere."""

    debug: bool
    """Django's debug pages; never on a machine that others reach."""

    @property
    def only_runs(self) -> bool:
        """Whether this machine does runs and nothing else, and holds no credentials for more."""
        return bool(self.staging_url) and self.staging_secret_file is None


def read_environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """Parse `SIMCRATE_*`.

    Raises:
        BadInputError: an unknown name or a value that cannot be used; all faults in one text.
    """
    given = {name: value for name, value in variables.items() if name.startswith(PREFIX)}
    faults: list[str] = []

    def text(name: str, default: str = "") -> str:
        return given.pop(PREFIX + name, "") or default

    def several(name: str, default: str) -> tuple[str, ...]:
        return tuple(one.strip() for one in text(name, default).split(","))

    def number(name: str, default: int) -> int:
        value = text(name, str(default))
        if value.isdecimal():
            return int(value)
        faults.append(f"{PREFIX}{name} is {value!r}, but must be a whole number, 0 or more")
        return default

    def choice(name: str, default: str, other: str) -> str:
        value = text(name, default)
        if value in {default, other}:
            return value
        faults.append(f"{PREFIX}{name} is {value!r}, but must be '{default}' or '{other}'")
        return default

    def path(name: str) -> Path | None:
        value = text(name)
        return Path(value).absolute() if value else None

    environment = Environment(
        var_dir=Path(text("VAR", "var")).absolute(),
        database_url=text("DATABASE_URL"),
        redis_url=text("REDIS_URL"),
        staging_url=text("STAGING_URL").rstrip("/"),
        staging_secret_file=path("STAGING_SECRET_FILE"),
        public_url=text("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/"),
        allowed_hosts=several("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]"),
        trusted_proxies=several("TRUSTED_PROXIES", "127.0.0.1,::1"),
        smtp_url=text("SMTP_URL"),
        mail_from=text("MAIL_FROM", "SimCrate <simcrate@localhost>"),
        registration=choice("REGISTRATION", "closed", "open"),
        submission_max_bytes=number("SUBMISSION_MAX_BYTES", 32 * 2**20),
        licence=text("LICENCE", "CC-BY-4.0"),
        keep_run_days=number("KEEP_RUN_DAYS", 7),
        disk_floor_bytes=number("DISK_FLOOR_BYTES", 2**30),
        sandbox=choice("SANDBOX", "bubblewrap", "none"),
        seafile_server=text("SEAFILE_SERVER").rstrip("/"),
        metrics_address=text("METRICS_ADDRESS"),
        debug=choice("DEBUG", "0", "1") == "1",
    )
    faults += [
        *_address_faults("PUBLIC_URL", environment.public_url, "https://simcrate.example.org"),
        *_licence_faults(environment.licence),
        *_proxy_faults(environment.trusted_proxies),
        *_metrics_faults(environment.metrics_address),
    ]
    if environment.staging_url:
        faults += _address_faults("STAGING_URL", environment.staging_url, "http://10.0.0.2:8976")
    faults += [f"{name} is not a setting of SimCrate" for name in sorted(given)]
    if faults:
        raise BadInputError("could not use the environment: " + "; ".join(faults))
    return environment


def _address_faults(name: str, url: str, example: str) -> list[str]:
    if _is_address(url):
        return []
    return [f"{PREFIX}{name} is {url!r}, but must be a scheme and a host, as in {example}"]


def _licence_faults(licence: str) -> list[str]:
    if len(licence) <= MAX_LICENCE and licence.isprintable():
        return []
    must_be = f"an SPDX identifier such as CC-BY-4.0, or a URL, of at most {MAX_LICENCE} characters"
    return [f"{PREFIX}LICENCE is {licence!r}, but must be {must_be}"]


def _proxy_faults(proxies: tuple[str, ...]) -> Iterator[str]:
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError as error:
            must_be = "an address or a network, as in 10.88.0.1,10.89.0.0/24"
            yield f"{PREFIX}TRUSTED_PROXIES has {proxy!r}, but must be {must_be}: {error}"


def _metrics_faults(address: str) -> list[str]:
    if not address or host_and_port(address):
        return []
    must_be = "an address of this machine and a port, as in 127.0.0.1:9100"
    return [f"{PREFIX}METRICS_ADDRESS is {address!r}, but must be {must_be}"]


def host_and_port(address: str) -> tuple[str, int] | None:
    """The two parts of `host:port` or `[::1]:port`; None: it is not one."""
    host, _, port = address.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if host and port.isdecimal() and 0 < int(port) < 2**16:
        return host, int(port)
    return None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.path


def secret_value(var_dir: Path, name: str) -> str:
    """The random secret of that name in `var/secrets`, or a passing one where none was made yet.

    Only `simcrate.portal.start.prepare` makes secrets; importing the settings writes nothing.
    """
    path = var_dir / "secrets" / name
    return path.read_text().strip() if path.exists() else secrets.token_urlsafe(48)
