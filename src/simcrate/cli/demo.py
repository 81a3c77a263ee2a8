"""`simcrate demo`: the whole way on this machine, shown and verified."""

from __future__ import annotations

import hashlib
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import httpx
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from simcrate.cli.firststart import STORAGE, define_local_cloud
from simcrate.cli.follow import follow
from simcrate.cli.up import (
    Ports,
    cloud_secret_path,
    ports_options,
    running,
    until_signal,
)
from simcrate.crate import verify_crate
from simcrate.errors import SimCrateError
from simcrate.portal.environment import read_environment

if TYPE_CHECKING:
    from simcrate.portal.accounts.models import User
    from simcrate.portal.deliveries.models import Delivery
    from simcrate.portal.simulations.models import Simulation

USER = "demo"
EMAIL = "demo@localhost.localdomain"
EXAMPLE = "epidemic"
CONFIG = "Epidemic"
PRECISION_S = 10.0
KEEP_DAYS = 7
CHUNK_BYTES = 1 << 20


@ports_options
@click.command()
@click.option("--once", is_flag=True, help="End after the verified download.")
def demo(web_port: int, cloud_port: int, once: bool) -> None:  # noqa: FBT001 - click's interface
    """Simulate, pack, upload, link, download and verify an example on this machine."""
    console = Console()
    ports = Ports(web=web_port, cloud=cloud_port)
    console.print("Starting portal, worker and local-cloud …")
    with running(ports) as programs:
        password = make_user()
        define_local_cloud(
            ports.cloud_address, cloud_secret_path(read_environment().var_dir), keep_days=KEEP_DAYS
        )
        started = time.monotonic()
        simulation = submit_example()
        console.print(f"Submitted [b]{simulation.title}[/] ({simulation.runs.count()} runs).")
        delivery = follow(simulation, console)
        took_s = time.monotonic() - started
        if not delivery.link_url:
            raise SimCrateError(f"the demo's crate has no link: {delivery.error}")
        console.print(_facts(delivery, ports, took_s))
        target = fetch(delivery, console)
        check(target, delivery, console)
        if once:
            console.print(delivery.link_url, soft_wrap=True)
            return
        console.print(_invitation(ports, password))
        programs.keep(until_signal())


def make_user() -> str:
    """The demo's user, with a new random password; returns it."""
    from allauth.account.models import EmailAddress

    from simcrate.portal.accounts.models import User

    password = secrets.token_urlsafe(12)
    user, _ = User.objects.get_or_create(username=USER, defaults={"email": EMAIL})
    user.set_password(password)
    user.is_staff = user.is_superuser = True  # the demo shows the administration, too
    user.save()
    EmailAddress.objects.update_or_create(
        user=user, email=EMAIL, defaults={"verified": True, "primary": True}
    )
    return password


def submit_example() -> Simulation:
    """Submit the example through the function that the web form calls."""
    from simcrate.portal.simulations.examples import INI_NAME, get_example
    from simcrate.portal.simulations.services import submit_simulation

    example = get_example(EXAMPLE)
    return submit_simulation(
        owner=_user(),
        title=example.title,
        ini_name=INI_NAME,
        files=example.files,
        config=CONFIG,
        precision_s=PRECISION_S,
        storage_id=STORAGE,
        notify_email=EMAIL,
    )


def fetch(delivery: Delivery, console: Console) -> Path:
    """Download the crate from its link, as its user would."""
    from django.conf import settings

    target: Path = settings.VAR_DIR / "demo" / delivery.file_name
    target.parent.mkdir(exist_ok=True)
    bars = Progress(
        TextColumn("download  "), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        console=console,
    )  # fmt: skip
    try:
        with (
            bars,
            httpx.stream("GET", delivery.link_url) as answer,
            target.open("wb") as file,
        ):
            answer.raise_for_status()
            task = bars.add_task("download", total=delivery.size_bytes)
            for chunk in answer.iter_bytes(CHUNK_BYTES):
                file.write(chunk)
                bars.advance(task, len(chunk))
    except httpx.HTTPError as error:
        message = f"could not download the crate from its link: {error}"
        raise SimCrateError(message) from error
    return target


def check(target: Path, delivery: Delivery, console: Console) -> None:
    """The download is the crate that was packed, and the crate proves itself."""
    with target.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != delivery.sha256:
        message = f"the downloaded crate has SHA-256 {sha256}, but {delivery.sha256} was packed"
        raise SimCrateError(message)
    verification = verify_crate(target)
    if verification.faults:
        faults = "; ".join(fault.text for fault in verification.faults)
        raise SimCrateError(f"the downloaded crate has faults: {faults}")
    console.print(f"[green]✔[/] downloaded and verified: {target}", soft_wrap=True)


def _user() -> User:
    from simcrate.portal.accounts.models import User

    return User.objects.get(username=USER)


def _facts(delivery: Delivery, ports: Ports, took_s: float) -> Panel:
    table = Table.grid(padding=(0, 2))
    kept = f"{delivery.expires_at:%Y-%m-%d %H:%M} UTC" if delivery.expires_at else "kept for ever"
    for label, value in (
        ("link", delivery.link_url),
        ("permalink", f"{ports.portal_url}/r/{delivery.permalink}"),
        ("expires", kept),
        ("size", f"{delivery.size_bytes:,} bytes"),
        ("SHA-256", delivery.sha256),
        ("took", f"{took_s:.1f} s from submission to link"),
    ):
        table.add_row(f"[b]{label}[/]", value)
    return Panel(table, title="The crate is ready", border_style="green")


def _invitation(ports: Ports, password: str) -> Panel:
    text = (
        f"Log in at [b]{ports.portal_url}[/] as [b]{USER}[/] with the password [b]{password}[/]\n"
        f"Storage backends: {ports.portal_url}/admin/    Ctrl-C ends everything."
    )
    return Panel(text, title="SimCrate is running", border_style="blue")
