"""Run the application on its sockets until a signal ends it."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable

import uvicorn

from simcrate.errors import SimCrateError
from simcrate.localcloud.app import make_app
from simcrate.localcloud.config import Config
from simcrate.localcloud.guard import GuardedProtocol

KEEP_ALIVE_S = 30
STOP_WITHIN_S = 10  # what is under way then is cut off; uploads go on after the restart
BACKLOG = 2048


def serve(config: Config, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        config: as given at start.
        announce: called with the server's URL once it takes connections.

    Raises:
        SimCrateError: an address cannot be bound.
    """
    _allow_many_connections()
    main = _bind(config.host, config.port)
    port = main.getsockname()[1]
    app = make_app(config)
    url = local_url(config, port)
    app.state.cloud.public_url = app.state.cloud.public_url or url
    server = _AnnouncingServer(
        uvicorn.Config(
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
        ),
        lambda: announce(url),
    )
    server.run(sockets=[main])


class _AnnouncingServer(uvicorn.Server):
    """Says so when connections are taken."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()


def local_url(config: Config, port: int) -> str:
    """How this server is reached on its own address."""
    scheme = "https" if config.tls_cert else "http"
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{scheme}://{host}:{port}"


def _bind(host: str, port: int) -> socket.socket:
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(address[0], socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address[4])
    except OSError as error:
        message = f"could not listen on {host} port {port}: {error.strerror}; is it taken already?"
        raise SimCrateError(message) from error
    return bound


def _allow_many_connections() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
