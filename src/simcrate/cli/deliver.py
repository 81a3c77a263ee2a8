"""`simcrate deliver`: an existing result directory becomes a crate and a link, without a portal.

The spool below `--spool` keeps the crate and its ledger until the remote file is verified.  The same
command again, after any interruption, takes up where it stopped: the same files make the same crate, and
the crate names its delivery.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from simcrate.cli.definitions import find_definition, option_defaults
from simcrate.crate import PackedCrate
from simcrate.delivery import (
    DeliveryRecord,
    DeliveryState,
    FileLedger,
    OpenBackend,
    Patience,
    open_ledger,
)
from simcrate.delivery import deliver as run_delivery
from simcrate.errors import BadInputError, SimCrateError, StorageAuthError
from simcrate.storage import PatientBackends, RetryPolicy, StorageDefinition

log = logging.getLogger("simcrate")
log.addHandler(
    logging.NullHandler()
)  # without a portal's logging: this command says all that it knows

DELIVERIES = uuid.UUID("6f0c5a57-6f57-4b2e-9f2e-2c8f4a1d9b10")
"""Namespace of the ids of deliveries that are named by crate and storage backend."""

PATIENCE = Patience(first_wait_s=2.0, longest_wait_s=60.0, tries=480)
"""Some six hours."""

BLIP = RetryPolicy(deadline_s=3.0)  # what lasts longer is said: somebody may be waiting

PASSING = ".packing-"
ABANDONED_AFTER_S = 86400.0  # nobody packs for so long


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--storage", "storage_id", metavar="ID", help="Backend identifier.")
@click.option(
    "--definitions", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="TOML or JSON file with storage backends; else those of this machine's portal.",
)  # fmt: skip
@click.option("--to", "address", metavar="HOST:PORT", help="A local-cloud, without a definition.")
@click.option(
    "--secret-file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With --to: the file with the local-cloud's secret.",
)  # fmt: skip
@click.option("--keep-days", type=click.IntRange(min=0), help="Instead of the definition's.")
@click.option("--title", default="", help="The directory's name if not given.")
@click.option(
    "--spool", "spool_dir", type=click.Path(path_type=Path, file_okay=False),
    help="Where the crate waits until it is delivered.",
)  # fmt: skip
def deliver(  # noqa: PLR0913 - one parameter for each option
    directory: Path,
    storage_id: str | None,
    definitions: Path | None,
    address: str | None,
    secret_file: Path | None,
    keep_days: int | None,
    title: str,
    spool_dir: Path | None,
) -> None:
    """Pack DIRECTORY and bring it to a storage backend; the link is the last line."""
    definition = _definition(storage_id, definitions, address, secret_file)
    backends = PatientBackends(option_defaults(), policy=BLIP)
    backends.open(definition).close()  # what is wrong with the definition is said before any work
    console = Console(stderr=True)
    spool = spool_dir or _default_spool()
    name = title or directory.resolve().name
    with _packed(directory, spool, name) as crate:
        delivery_id = uuid.uuid5(DELIVERIES, f"{crate.sha256} {definition.id} {definition.token}")
        crate_path = _spooled(crate.path, spool / str(delivery_id))
    with open_ledger(
        crate_path,
        delivery_id=delivery_id,
        size_bytes=crate.size_bytes,
        sha256=crate.sha256,
        keep_days=definition.keep_days if keep_days is None else keep_days,
    ) as ledger:
        record = _until_settled(ledger, lambda: backends.open(definition), console)
    if record.error or record.link is None:
        hint = _hint(record) if address else ""
        raise SimCrateError(f"{record.error}{hint}; the crate is kept in {crate_path}")
    for remark in record.link.remarks:
        click.echo(remark, err=True)
    if record.expires_at:
        click.echo(f"kept until {record.expires_at:%Y-%m-%d %H:%M} UTC", err=True)
    click.echo(f"SHA-256 {crate.sha256}", err=True)
    click.echo(record.link.url)


def _definition(
    storage_id: str | None, definitions: Path | None, address: str | None, secret_file: Path | None
) -> StorageDefinition:
    if bool(address) == bool(storage_id):
        message = "say where to: either --storage ID (with --definitions FILE) or --to HOST:PORT"
        raise BadInputError(message)
    if address:
        config = {"secret": secret_file.read_text().strip()} if secret_file else {}
        return StorageDefinition(name=address, id="local", token=address, config=config)
    assert storage_id is not None
    return find_definition(definitions, storage_id)


def _hint(record: DeliveryRecord) -> str:
    """Where the credentials come from that were refused."""
    is_refused = record.error_code == StorageAuthError.code
    return "; --secret-file names a file with the secret" if is_refused else ""


def _default_spool() -> Path:
    state_dir = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state_dir) / "simcrate" / "spool"


@contextmanager
def _packed(directory: Path, spool: Path, title: str) -> Iterator[PackedCrate]:
    """The crate, under a passing name in the spool."""
    from simcrate.cli.crate import pack_directory
    from simcrate.pipeline.runner import slug

    spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    _clear(spool)
    with TemporaryDirectory(prefix=PASSING, dir=spool) as passing:
        yield pack_directory(directory, Path(passing) / f"{slug(title)}.zip", title=title)


def _clear(spool: Path) -> None:
    """Remove what was being packed when its process was killed."""
    for passing in spool.glob(f"{PASSING}*"):
        with suppress(FileNotFoundError):  # another process has done so
            if passing.stat().st_mtime < time.time() - ABANDONED_AFTER_S:
                shutil.rmtree(passing)


def _spooled(crate_path: Path, directory: Path) -> Path:
    """Move the crate to the directory that its delivery owns."""
    directory.mkdir(exist_ok=True)
    return crate_path.rename(directory / crate_path.name)


def _until_settled(
    ledger: FileLedger, open_backend: OpenBackend, console: Console
) -> DeliveryRecord:
    bars = Progress(
        "uploading", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip
    with bars:
        task = bars.add_task("upload", total=ledger.read().source.size_bytes)
        while True:
            record = run_delivery(
                ledger,
                open_backend,
                lambda _: None,  # whoever called reads the link
                progress=lambda sent_bytes: _show(bars, task, sent_bytes),
                patience=PATIENCE,
            )
            if record.state is not DeliveryState.WAITING:
                return record
            wait_s = ledger.retry_in_s
            told = f"{record.error}; trying again in {wait_s:.0f} s (Ctrl-C: later)"
            console.print(told, soft_wrap=True, markup=False, highlight=False)
            time.sleep(wait_s)


def _show(bars: Progress, task: TaskID, sent_bytes: int) -> None:
    bars.update(task, completed=sent_bytes)
