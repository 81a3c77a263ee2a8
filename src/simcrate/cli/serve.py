"""`simcrate web` and `simcrate worker`: the two programs that `simcrate up` runs together."""

from __future__ import annotations

import os
import signal
import socket
from threading import Event

import click

from simcrate.cli.portal import start_portal

WEB_PORT = 8000
WEB_READY = "portal: serving on"
WORKER_READY = "worker: ready"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=WEB_PORT, show_default=True)
def web(host: str, port: int) -> None:
    """Serve the portal."""
    start_portal()
    import uvicorn
    from django.conf import settings

    from simcrate.cli.metricsport import listen_for_metrics
    from simcrate.portal.asgi import application
    from simcrate.portal.environment import host_and_port
    from simcrate.portal.metrics.port import MetricsPort

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                click.echo(f"{WEB_READY} http://{host}:{port}")

    address = host_and_port(settings.ENVIRONMENT.metrics_address)
    config = uvicorn.Config(
        MetricsPort(application, address[1]) if address else application,
        host=host,
        port=port,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=list(settings.ENVIRONMENT.trusted_proxies),
    )
    metrics = listen_for_metrics(*address, portal_port=port) if address else None
    Server(config).run(sockets=[config.bind_socket(), metrics] if metrics else None)


def worker_options(command: click.Command) -> click.Command:
    """`--runs` and `--tag`."""
    command.params += [
        click.Option(
            ["--runs"], type=click.IntRange(min=1), help="Runs at a time; one per core by default."
        ),
        click.Option(
            ["--tag", "tags"], multiple=True, help="What this machine has; some simulators ask."
        ),
    ]
    return command


@worker_options
@click.command()
def worker(runs: int | None, tags: tuple[str, ...]) -> None:
    """Run simulations, and deliver their crates, until told to stop."""
    start_portal()
    from django.conf import settings

    # matplotlib keeps its font cache here instead of in the home directory of whoever runs us
    os.environ.setdefault("MPLCONFIGDIR", str(settings.VAR_DIR / "cache" / "matplotlib"))
    from simcrate.cli.bench import check_company, make_bench
    from simcrate.cli.redis import engine_for, hearing_wakes
    from simcrate.cli.upkeep import upkeep
    from simcrate.worker.grants import giving_grants
    from simcrate.worker.supervisor import Supervisor, default_slots

    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    check_company()
    bench = make_bench(frozenset(tags))
    slots = default_slots(runs, only_runs=settings.ENVIRONMENT.only_runs)
    supervisor = Supervisor(bench, slots, engine_for(slots))
    click.echo(WORKER_READY)
    with upkeep(bench, stop), hearing_wakes(stop), giving_grants(bench.staging, stop):
        supervisor.run(stop)
