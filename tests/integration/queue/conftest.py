from __future__ import annotations

import itertools

import pytest

from simcrate.pipeline.jobs import RunState
from simcrate.portal.accounts.models import User
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.start import prepare
from simcrate.portal.storages.models import StorageBackend
from tests.servers.clocks import Clock

_names = itertools.count()


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    from django.conf import settings

    prepare(settings.VAR_DIR)


@pytest.fixture
def storage() -> StorageBackend:
    return StorageBackend.objects.create(
        name="Local storage", identifier="local", token="127.0.0.1:1", keep_days=7
    )


@pytest.fixture
def simulation(storage: StorageBackend) -> Simulation:
    """Of alice, with two runs that are queued."""
    alice = User.objects.create_user(f"alice{next(_names)}")
    simulation = Simulation.objects.create(
        owner=alice, title="study", simulator="oppsim", ini_name="omnetpp.ini", config="Epidemic",
        precision_s=10, storage=storage,
    )  # fmt: skip
    for number in (0, 1):
        Run.objects.create(simulation=simulation, number=number, state=RunState.QUEUED)
    return simulation


@pytest.fixture
def clock() -> Clock:
    """By which these workers judge for how long they have seen something."""
    return Clock()


@pytest.fixture
def worker(clock: Clock) -> RowsPort:
    return RowsPort(owner="here/1/1.00", machine="here", clock=clock)


@pytest.fixture
def other_worker(clock: Clock) -> RowsPort:
    return RowsPort(owner="here/2/2.00", machine="here", clock=clock)


@pytest.fixture
def elsewhere(clock: Clock) -> RowsPort:
    """A worker of another machine."""
    return RowsPort(owner="there/1/1.00", machine="there", clock=clock)
