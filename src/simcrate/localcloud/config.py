"""What the server is told at start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simcrate.errors import BadInputError

DEFAULT_PORT = 8976
MIB = 1 << 20
DAY_S = 86_400.0
WILDCARDS = {"0.0.0.0", "::", ""}  # noqa: S104 - recognised, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings of one server; sizes in bytes, times in seconds."""

    folder: Path
    """Everything that the server keeps: ledger, objects, unfinished uploads."""
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0 takes a free one."""
    web_port: int | None = None
    """Where downloads are served, when they are to have a port of their own."""
    public_url: str = ""
    """What links begin with; empty: made from host and port."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    secret_file: Path | None = None
    """A file with one secret, made if absent; None: `<folder>/secret`, made if no secret exists."""
    open: bool = False
    """Anyone who reaches the port may upload."""
    max_bytes: int | None = None
    """Of all objects together; None: as the disk allows."""
    max_owner_bytes: int | None = None
    """Of all objects of one owner together."""
    reserve_bytes: int = 512 * MIB
    """Disk space that is left free."""
    max_file_bytes: int | None = None
    max_keep_s: float | None = None
    """Objects expire after this at the latest; None: they may be kept for ever."""
    upload_keep_s: float = DAY_S
    """Unfinished uploads are kept this long."""
    threads: int = 8
    """They hash, write and flush; more only queue for the same disk."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    """Where `/metrics` is served; None: nowhere."""
    audit_file: Path | None = None
    """None: `<folder>/audit.jsonl`."""
    requests_per_s: float = 500.0
    """Of one credential or address, sustained; four times that in a burst."""
    failures_per_minute: float = 60.0
    """Wrong secrets, passwords and links of one address."""
    trusted_proxy: str = ""
    """Address of the reverse proxy whose `X-Forwarded-For` counts; empty: none."""

    def __post_init__(self) -> None:
        if self.host in WILDCARDS and not self.public_url:
            message = (
                f"could not serve on every address ('{self.host}'): links would have no host; "
                "say with --public-url how users reach this server"
            )
            raise BadInputError(message)
        if self.public_url and not self.public_url.startswith(("http://", "https://")):
            message = f"--public-url '{self.public_url}' must begin with http:// or https://"
            raise BadInputError(message)
        if (self.tls_cert is None) != (self.tls_key is None):
            raise BadInputError("--tls-cert and --tls-key go together: give both or neither")
