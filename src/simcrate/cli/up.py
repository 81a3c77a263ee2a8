"""`simcrate up`: portal, worker and local-cloud on this machine under one supervisor."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import click

from simcrate.cli.firststart import prepare_portal
from simcrate.cli.portal import start_portal
from simcrate.cli.programs import Program, Programs
from simcrate.cli.serve import WEB_PORT, WEB_READY, WORKER_READY, worker_options
from simcrate.errors import BadInputError, SimCrateError
from simcrate.portal.environment import PREFIX, read_environment

CLOUD_PORT = 8976
CLOUD_READY = "local-cloud: serving on"
HOST = "127.0.0.1"
LEAST_FREE_BYTES = 500 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the two servers listen, on this machine only."""

    web: int = WEB_PORT
    cloud: int = CLOUD_PORT
    cloud_url: str = ""
    """Where users reach local-cloud; empty: at its own address."""

    @property
    def portal_url(self) -> str:
        """Where to log in."""
        return f"http://{HOST}:{self.web}"

    @property
    def cloud_address(self) -> str:
        """`host:port`, as the local storage backend's token has it."""
        return f"{HOST}:{self.cloud}"


def ports_options(command: click.Command) -> click.Command:
    """`--port` and `--cloud-port`."""
    for option in (
        click.Option(["--cloud-port"], default=CLOUD_PORT, show_default=True),
        click.Option(["--port", "web_port"], default=WEB_PORT, show_default=True),
    ):
        command.params.insert(0, option)
    return command


@worker_options
@ports_options
@click.command()
@click.option(
    "--cloud-url", default="", help="Where users reach local-cloud, behind a web server of yours."
)
def up(
    web_port: int, cloud_port: int, cloud_url: str, runs: int | None, tags: tuple[str, ...]
) -> None:
    """Run portal, worker and local-cloud on this machine until Ctrl-C."""
    ports = Ports(web=web_port, cloud=cloud_port, cloud_url=cloud_url)
    worker_arguments = [*(["--runs", str(runs)] if runs else []), *(f"--tag={tag}" for tag in tags)]
    with running(ports, worker_arguments) as programs:
        secret_path = cloud_secret_path(read_environment().var_dir)
        told = prepare_portal(
            cloud_address=ports.cloud_address, cloud_url=cloud_url, secret_path=secret_path
        )
        for sentence in told:
            click.echo(sentence)
        click.echo(f"SimCrate is running: {ports.portal_url}  (Ctrl-C ends it)")
        programs.keep(until_signal())


@contextmanager
def running(ports: Ports, worker_arguments: Sequence[str] = ()) -> Iterator[Programs]:
    """All three programs, ready; stopped at the end.

    Raises:
        SimCrateError: something is in the way, in a sentence.
    """
    # the portal must know its own address before anything reads its settings
    os.environ.setdefault(f"{PREFIX}PUBLIC_URL", ports.portal_url)
    var_dir = read_environment().var_dir
    check_disk(var_dir)
    start_portal(migrate=False)
    with only_one(var_dir):
        check_ports(ports)
        start_portal()
        programs = Programs(
            programs_of(ports, var_dir, worker_arguments),
            log_dir=var_dir / "log",
            environment=os.environ,
        )
        programs.start()
        try:
            yield programs
        finally:
            programs.stop()


def programs_of(ports: Ports, var_dir: Path, worker_arguments: Sequence[str]) -> list[Program]:
    """The three programs and how they are started."""
    simcrate = (sys.executable, "-m", "simcrate")
    behind = ("--public-url", ports.cloud_url, "--trusted-proxy", HOST) if ports.cloud_url else ()
    return [
        Program(
            name="local-cloud",
            command=(
                *(sys.executable, "-m", "simcrate.localcloud"),
                *("--host", HOST, "--port", str(ports.cloud)),
                *("--folder", str(var_dir / "local-cloud")),
                *("--secret-file", str(cloud_secret_path(var_dir))),
                *behind,
            ),
            ready_line=CLOUD_READY,
            reads_settings=False,
        ),
        Program(
            name="portal",
            command=(*simcrate, "web", "--host", HOST, "--port", str(ports.web)),
            ready_line=WEB_READY,
        ),
        Program(
            name="worker",
            command=(*simcrate, "worker", *worker_arguments),
            ready_line=WORKER_READY,
            can_be_drained=True,
        ),
    ]


def cloud_secret_path(var_dir: Path) -> Path:
    """Made by local-cloud at its first start."""
    return var_dir / "secrets" / "local-cloud"


@contextmanager
def only_one(var_dir: Path) -> Iterator[None]:
    """One supervisor for each var directory."""
    with (var_dir / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = (
                f"SimCrate is already running with the directory '{var_dir}'; "
                "end that one first, or set SIMCRATE_VAR to another directory"
            )
            raise BadInputError(message) from error
        yield


def check_ports(ports: Ports) -> None:
    """Both ports can be listened on.

    Raises:
        BadInputError: one of them is taken; names both and what to do.
    """
    taken = [str(port) for port in (ports.web, ports.cloud) if not _is_free(port)]
    if taken:
        message = (
            f"another program listens on {' and '.join(f'{HOST}:{port}' for port in taken)}; "
            "end it, or choose others with --port and --cloud-port "
            '(make demo OPTIONS="--port … --cloud-port …")'
        )
        raise BadInputError(message)


def check_disk(var_dir: Path) -> None:
    """There is room to work in.

    Raises:
        SimCrateError: less than half a gigabyte is free.
    """
    place = next(path for path in (var_dir, *var_dir.parents) if path.exists())
    free_bytes = shutil.disk_usage(place).free
    if free_bytes < LEAST_FREE_BYTES:
        message = (
            f"only {free_bytes / 2**20:.0f} MiB are free for '{var_dir}' and at least "
            f"{LEAST_FREE_BYTES / 2**20:.0f} MiB are needed; free some, or set SIMCRATE_VAR to "
            "a directory on another disk"
        )
        raise SimCrateError(message)


def until_signal() -> Event:
    """An event that SIGINT and SIGTERM set."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
