"""Run the application on its sockets until a signal ends it."""

from __future__ import annotations

import fcntl
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from simcrate.errors import SimCrateError
from simcrate.localcloud.app import make_app
from simcrate.localcloud.config import WILDCARDS, Config
from simcrate.localcloud.guard import GuardedProtocol
from simcrate.localcloud.ports import Role

KEEP_ALIVE_S = 30
STOP_WITHIN_S = 10  # what is under way then is cut off; uploads go on after the restart
BACKLOG = 2048


def serve(config: Config, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        config: as given at start.
        announce: called with the server's URL once it takes connections.

    Raises:
        SimCrateError: an address cannot be bound, or another server has this folder.
    """
    _allow_many_connections()
    with _only_server(config.folder):
        sockets = _bind_all(config)
        ports = {role: bound.getsockname()[1] for role, bound in sockets.items()}
        app = make_app(config, roles={port: role for role, port in ports.items()})
        main_port = ports.get(Role.BOTH) or ports[Role.OWNERS]
        links_port = ports.get(Role.LINKS, main_port)
        app.state.cloud.public_url = app.state.cloud.public_url or local_url(config, links_port)
        options = uvicorn.Config(
            app,
            http=GuardedProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(config.trusted_proxy),
            forwarded_allow_ips=config.trusted_proxy or None,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            ssl_certfile=config.tls_cert,
            ssl_keyfile=config.tls_key,
            backlog=BACKLOG,
        )
        server = _AnnouncingServer(options, lambda: announce(local_url(config, main_port)))
        with suppress(KeyboardInterrupt):  # uvicorn raises it again after the clean stop
            server.run(sockets=list(sockets.values()))


def local_url(config: Config, port: int) -> str:
    """How this server is reached on its own address."""
    scheme = "https" if config.tls_cert else "http"
    host = "127.0.0.1" if config.host in WILDCARDS else config.host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


class _AnnouncingServer(uvicorn.Server):
    """Says so when connections are taken."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()


def _bind_all(config: Config) -> dict[Role, socket.socket]:
    if config.web_port is None:
        sockets = {Role.BOTH: _bind(config.host, config.port)}
    else:
        sockets = {
            Role.OWNERS: _bind(config.host, config.port),
            Role.LINKS: _bind(config.host, config.web_port),
        }
    if config.metrics_port is not None:
        sockets[Role.METRICS] = _bind(config.metrics_host, config.metrics_port)
    return sockets


def _bind(host: str, port: int) -> socket.socket:
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        bound = socket.socket(address[0][0], socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address[0][4])
    except (OSError, OverflowError) as error:
        message = f"could not listen on {host} port {port}: {error}; choose another with --port"
        raise SimCrateError(message) from error
    return bound


@contextmanager
def _only_server(folder: Path) -> Iterator[None]:
    """Hold a folder against a second server."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another local-cloud is serving the folder '{folder}'; stop it first"
            raise SimCrateError(message) from error
        yield


def _allow_many_connections() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
