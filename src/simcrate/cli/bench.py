"""What a worker of this machine works with, put together from the portal's settings."""

from __future__ import annotations

from django.conf import settings

from simcrate.pipeline.notify import OutboxPost, Post, SmtpPost
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.storages.services import storage_defaults
from simcrate.simulators import SandboxKind
from simcrate.storage import PatientBackends
from simcrate.worker.identity import machine_name, owner_name
from simcrate.worker.tasks import Bench


def make_bench(tags: frozenset[str] = frozenset()) -> Bench:
    """The worker's port on our rows, its sandbox, its post."""
    machine = machine_name(settings.VAR_DIR)
    return Bench(
        var_dir=settings.VAR_DIR,
        port=RowsPort(owner=owner_name(machine), machine=machine),
        sandbox_kind=SandboxKind(settings.ENVIRONMENT.sandbox),
        tags=tags,
        post=_post(),
        mail_from=settings.ENVIRONMENT.mail_from,
        backends=PatientBackends(storage_defaults()),
    )


def _post() -> Post:
    server = settings.MAIL_SERVER
    if server is None:
        return OutboxPost(settings.OUTBOX_DIR)
    return SmtpPost(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        tls=server.tls,
        starttls=server.starttls,
    )
