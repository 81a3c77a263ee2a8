"""What a worker of this machine works with, put together from the portal's settings."""

from __future__ import annotations

from django.conf import settings

from simcrate.errors import BadInputError
from simcrate.pipeline.notify import OutboxPost, Post, SmtpPost
from simcrate.portal.queue.parts import PartRows
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.storages.services import storage_defaults
from simcrate.portal.workers.queries import other_machines
from simcrate.secret import Secret
from simcrate.simulators import SandboxKind
from simcrate.storage import PatientBackends
from simcrate.worker.identity import machine_name, owner_name
from simcrate.worker.parts import PartsPort
from simcrate.worker.staging import Staging
from simcrate.worker.tasks import Bench


def make_bench(tags: frozenset[str] = frozenset()) -> Bench:
    """The worker's port on our rows, its sandbox, its post."""
    environment = settings.ENVIRONMENT
    machine = machine_name(settings.VAR_DIR)
    owner = owner_name(machine)
    return Bench(
        var_dir=settings.VAR_DIR,
        port=RowsPort(owner=owner, machine=machine, has_staging=bool(environment.staging_url)),
        sandbox_kind=SandboxKind(environment.sandbox),
        tags=tags,
        post=_post(),
        mail_from=environment.mail_from,
        backends=PatientBackends(storage_defaults()),
        least_free_bytes=environment.disk_floor_bytes // 2,
        staging=_staging(PartRows(owner=owner, machine=machine)),
    )


def check_company() -> None:
    """Several machines need a way to hand runs over.

    Raises:
        BadInputError: there is another one, and no way.
    """
    others = other_machines(machine_name(settings.VAR_DIR))
    if others and not settings.ENVIRONMENT.staging_url:
        message = (
            f"{', '.join(others)} works for this database, too, and results cannot be handed over: "
            "set SIMCRATE_STAGING_URL on both, or wait a minute if that one was stopped just now"
        )
        raise BadInputError(message)


def _staging(parts: PartsPort) -> Staging | None:
    environment = settings.ENVIRONMENT
    if not environment.staging_url:
        return None
    path = environment.staging_secret_file
    try:
        secret = Secret(path.read_text().strip()) if path else None
    except OSError as error:
        message = (
            f"could not read the secret of the staging server in '{path}': {error.strerror}; "
            "correct SIMCRATE_STAGING_SECRET_FILE, or unset it on machines that only run"
        )
        raise BadInputError(message) from error
    return Staging(url=environment.staging_url, parts=parts, secret=secret)


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
