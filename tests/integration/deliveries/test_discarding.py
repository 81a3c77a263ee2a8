"""A crate that could not be delivered is kept until somebody says otherwise, and then it goes."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.conf import settings
from django.db.models.functions import Now
from django.test import Client

from simcrate.cli.bench import make_bench
from simcrate.cli.run_dirs import remove_run_dirs
from simcrate.cli.simulations import discard
from simcrate.cli.upkeep import tidy_spool
from simcrate.errors import BadInputError
from simcrate.pipeline.place import Place, spool_path
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.discarding import discard_crate
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.services import deliver_again
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.queries import overview
from simcrate.portal.storages.models import StorageBackend
from tests.integration.deliveries.conftest import Announce, days_pass

FULL_DISK = 1 << 60

Fail = Callable[..., Delivery]


@pytest.fixture
def failed(simulation: Simulation) -> Fail:
    """A delivery that failed for good, was announced, and has its crate in the spool of `here`."""

    def fail(**changes: object) -> Delivery:
        values = {
            "id": uuid.uuid4(), "simulation": simulation, "storage": simulation.storage,
            "keep_days": 7, "machine": "here", "file_name": "study.zip", "sha256": "ab",
            "state": "failed", "error": "quota exceeded", "announced_at": Now(),
        }  # fmt: skip
        row = Delivery.objects.create(**{**values, **changes})
        path = crate_path(row)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a crate")
        Simulation.objects.update(machine="here")
        return row

    return fail


def crate_path(row: Delivery) -> Path:
    return spool_path(settings.VAR_DIR, row.pk, row.file_name)


def results_of(simulation: Simulation) -> Path:
    """What its runs left, on disk."""
    path = Place(Path(settings.VAR_DIR), simulation.pk).result_dir(0)
    path.mkdir(parents=True)
    return path


def tidy(*, floor_bytes: int = 0) -> None:
    """What a worker does once in a while."""
    tidy_spool(make_bench(), "here")
    keep = timedelta(days=7)
    remove_run_dirs(Path(settings.VAR_DIR), "here", keep=keep, floor_bytes=floor_bytes)


def sentence_of(simulation: Simulation) -> str:
    return overview(Simulation.objects.get(pk=simulation.pk)).standing.sentence


def test_what_could_not_be_delivered_is_kept_whatever_time_passes_and_whatever_the_disk(
    failed: Fail, simulation: Simulation
) -> None:
    row, results = failed(), results_of(simulation)
    days_pass(1000)
    tidy(floor_bytes=FULL_DISK)

    assert crate_path(row).exists()
    assert results.exists()
    assert "is kept on the worker until it is delivered or discarded" in sentence_of(simulation)


def test_what_was_discarded_is_removed_with_what_its_runs_left(
    failed: Fail, simulation: Simulation, alice: User
) -> None:
    row, results = failed(), results_of(simulation)
    discard_crate(simulation, who="alice")
    tidy()

    assert not crate_path(row).parent.exists()
    assert not results.exists()
    (event,) = row.events.all()
    assert (event.what, event.who) == ("discarded", "alice")
    assert "It was discarded on" in sentence_of(simulation)


def test_a_packing_that_failed_can_be_given_up_too(
    failed: Fail, simulation: Simulation, alice: User
) -> None:
    failed(sha256="")
    results = results_of(simulation)
    discard_crate(simulation, who="alice")
    tidy()

    assert not results.exists()


def test_a_crate_that_is_there_and_was_discarded_elsewhere_keeps_what_its_runs_left(
    failed: Fail, announced: Announce, simulation: Simulation, alice: User
) -> None:
    announced(sha256="cd")
    row, results = failed(), results_of(simulation)
    discard_crate(simulation, who="alice")
    tidy()

    assert not crate_path(row).exists()
    assert results.exists()


def test_what_was_discarded_is_not_delivered_again(
    failed: Fail, simulation: Simulation, alice: User
) -> None:
    failed()
    discard_crate(simulation, who="alice")

    with pytest.raises(BadInputError, match="run it again"):
        deliver_again(simulation, storage_id="local", by=alice)


def test_what_is_on_its_way_again_is_not_discarded(
    failed: Fail, simulation: Simulation, alice: User, other_storage: StorageBackend
) -> None:
    row = failed()
    deliver_again(simulation, storage_id="local:attic", by=alice)

    with pytest.raises(BadInputError, match="on its way to Attic"):
        discard_crate(simulation, who="alice")
    tidy()
    assert crate_path(row).exists()


@pytest.mark.parametrize("state", ["announced", "spooled", "waiting"])
def test_only_what_failed_can_be_discarded(
    announced: Announce, simulation: Simulation, alice: User, state: str
) -> None:
    announced(state=state)

    with pytest.raises(BadInputError, match="none that failed"):
        discard_crate(simulation, who="alice")


def test_a_failure_that_nobody_was_told_of_yet_is_kept(
    failed: Fail, simulation: Simulation, alice: User
) -> None:
    failed(announced_at=None)

    with pytest.raises(BadInputError, match="none that failed"):
        discard_crate(simulation, who="alice")


def test_the_owner_discards_on_the_page(
    failed: Fail, as_alice: Client, simulation: Simulation
) -> None:
    row = failed()
    page = f"/simulations/{simulation.pk}/"
    assert "Discard" in as_alice.get(page).content.decode()
    answer = as_alice.post(f"{page}discard/", follow=True).content.decode()

    row.refresh_from_db()
    assert row.discarded_at is not None
    assert "The crate is discarded" in answer
    assert ">Discard<" not in answer
    assert "none that failed" in as_alice.post(f"{page}discard/", follow=True).content.decode()


def test_a_stranger_discards_nothing(failed: Fail, charlie: User, simulation: Simulation) -> None:
    row = failed()
    stranger = Client()
    stranger.force_login(charlie)

    for path in (f"/simulations/{simulation.pk}/discard/", _api(simulation)):
        assert stranger.post(path).status_code == 404
    row.refresh_from_db()
    assert row.discarded_at is None


def test_the_api_discards(failed: Fail, as_alice: Client, simulation: Simulation) -> None:
    failed()
    answer = as_alice.post(_api(simulation))

    assert answer.status_code == 202
    assert answer.json()[0]["discarded_at"]
    assert as_alice.post(_api(simulation)).status_code == 422


def _api(simulation: Simulation) -> str:
    return f"/api/v1/simulations/{simulation.pk}/discard"


def test_the_command_names_what_it_asks_about(failed: Fail, simulation: Simulation) -> None:
    row = failed()
    asked = CliRunner().invoke(discard, [str(simulation.pk)[:4]], input="n\n")
    row.refresh_from_db()

    assert f"'study' of alice ({simulation.pk})" in asked.output
    assert (asked.exit_code, row.discarded_at) == (1, None)


def test_the_command_asks_nothing_about_what_is_not_there(failed: Fail) -> None:
    failed()
    with pytest.raises(BadInputError, match="there is no simulation"):
        CliRunner().invoke(discard, ["no-such-id"], catch_exceptions=False)


def test_the_command_discards_in_the_name_of_whoever_runs_it(
    failed: Fail, simulation: Simulation
) -> None:
    row = failed()
    CliRunner().invoke(discard, [str(simulation.pk), "--yes"], catch_exceptions=False)
    row.refresh_from_db()

    assert row.discarded_at is not None
    assert row.events.get().who == f"simcrate discard ({getpass.getuser()})"


def test_administrators_see_what_is_kept(
    failed: Fail, announced: Announce, simulation: Simulation
) -> None:
    failed(file_name="kept.zip")
    announced(file_name="delivered.zip")
    root = Client()
    root.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    page = root.get("/admin/deliveries/delivery/?crate=kept").content.decode()

    assert "kept.zip" in page
    assert "delivered.zip" not in page
    assert f"/simulations/{simulation.pk}/" in page
