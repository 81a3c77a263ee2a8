"""What a worker makes of a delivery in which something fails that no storage backend is to blame for."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models.functions import Now
from django.test import Client

from simcrate.cli.bench import make_bench
from simcrate.errors import NotifyError, RecipientRefusedError
from simcrate.pipeline.notify import OutboxPost, Post
from simcrate.pipeline.place import spool_path
from simcrate.pipeline.watch import Watch
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.queue.models import Part
from simcrate.portal.queue.parts import PartRows
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.secret import Secret
from simcrate.worker.identity import machine_name, owner_name
from simcrate.worker.port import WorkKind
from simcrate.worker.staging import Staging
from simcrate.worker.tasks import Bench, perform
from tests.integration.deliveries.conftest import Announce


@pytest.fixture
def bench() -> Bench:
    return make_bench()


def work(bench: Bench) -> None:
    claim = bench.port.claim([WorkKind.DELIVERY])
    assert claim is not None
    perform(bench, claim, Watch())


@pytest.fixture
def linked(announced: Announce) -> Delivery:
    """One whose outcome is to be sent by this machine."""
    return announced(
        state="linked", announced_at=None, spool_released_at=None,
        machine=machine_name(settings.VAR_DIR),
    )  # fmt: skip


@pytest.fixture
def blocked(simulation: Simulation) -> Delivery:
    """Its directory in the spool cannot be made."""
    failed = Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, keep_days=7, state="failed",
        machine="elsewhere", announced_at=Now(), file_name="study.zip", sha256="ab",
    )  # fmt: skip
    row = Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, keep_days=7, again_of=failed,
        machine=machine_name(settings.VAR_DIR), file_name="study.zip", sha256="ab",
    )  # fmt: skip
    directory = spool_path(settings.VAR_DIR, row.pk, row.file_name).parent
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.write_text("in the way")
    return row


def test_an_unforeseen_failure_is_tried_again_then_given_up_and_announced(
    bench: Bench, blocked: Delivery
) -> None:
    work(bench)
    blocked.refresh_from_db()
    assert (blocked.state, blocked.error) == ("waiting", "File exists.")

    Delivery.objects.update(attempts=99, retry_at=None)
    work(bench)
    blocked.refresh_from_db()
    assert blocked.state == "failed"

    work(bench)
    blocked.refresh_from_db()
    assert blocked.announced_at is not None
    assert bench.port.claim([WorkKind.DELIVERY]) is None


class RefusingPost:
    """Knows nobody."""

    def send(self, message: EmailMessage) -> None:
        raise RecipientRefusedError(f"no mailbox for {message['To']}")


def test_a_mail_that_is_refused_keeps_neither_spool_nor_crate_and_the_page_says_it(
    bench: Bench, announced: Announce, as_alice: Client
) -> None:
    delivery = announced(
        state="linked", announced_at=None, spool_released_at=None, expires_at=None,
        machine=machine_name(settings.VAR_DIR),
    )  # fmt: skip
    spool = spool_path(settings.VAR_DIR, delivery.pk, delivery.file_name).parent
    spool.mkdir(parents=True)
    work(replace(bench, post=RefusingPost()))

    delivery.refresh_from_db()
    assert delivery.state == "announced"
    assert delivery.spool_released_at is not None
    assert delivery.expires_at is not None
    assert not spool.exists()
    page = as_alice.get(f"/simulations/{delivery.simulation_id}/").content.decode()
    assert "not announced by the worker: no mailbox for alice@example.org" in page


def test_the_outcome_goes_to_an_address_that_is_the_owners_when_it_is_sent(
    bench: Bench, linked: Delivery
) -> None:
    EmailAddress.objects.update(email="new@example.org")
    work(bench)

    sent = (bench.var_dir / "outbox").glob(f"*{linked.pk}*.eml")
    assert ["To: new@example.org" in path.read_text() for path in sent] == [True]


def test_the_subject_of_the_mail_says_that_no_run_completed(bench: Bench, linked: Delivery) -> None:
    Run.objects.create(simulation=linked.simulation, number=0, state="failed")
    work(bench)

    [sent] = (bench.var_dir / "outbox").glob(f"*{linked.pk}*.eml")
    assert "Subject: No run of 'study' completed: 1 failed\n" in sent.read_text()


def test_a_spool_that_could_not_be_released_is_released_later(
    bench: Bench, announced: Announce
) -> None:
    delivery = announced(spool_released_at=None, machine=machine_name(settings.VAR_DIR))
    claim = bench.port.claim([WorkKind.DELIVERY])
    assert claim is not None
    bench.port.ledger(claim).waiting(RecipientRefusedError(), retry_in_s=-1)
    bench.port.release(claim)
    work(bench)

    delivery.refresh_from_db()
    assert delivery.state == "announced"
    assert delivery.spool_released_at is not None


class DownPost:
    """A mail server that is down."""

    def send(self, message: EmailMessage) -> None:
        raise NotifyError


def test_parts_are_kept_until_the_outcome_was_announced(bench: Bench, announced: Announce) -> None:
    machine = machine_name(settings.VAR_DIR)
    delivery = announced(
        state="linked", announced_at=None, spool_released_at=None, machine=machine, sha256="ab"
    )
    run = Run.objects.create(simulation=delivery.simulation, number=0, state="completed")
    Part.objects.create(
        run=run, fence=0, key="parts/run-0.zip", size_bytes=9, sha256="ab", staged_at=Now()
    )
    staging = Staging(
        url="http://127.0.0.1:1",
        parts=PartRows(owner=owner_name(machine), machine=machine),
        secret=Secret("lc_secret"),
    )
    posts: list[tuple[Post, bool]] = [(DownPost(), True), (OutboxPost(bench.var_dir), False)]
    for post, are_kept in posts:
        Delivery.objects.update(retry_at=None)
        work(replace(bench, staging=staging, post=post))

        assert Part.objects.exists() == are_kept
