"""Random accidents: whatever happens in whatever order, one whole file is what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcrate.errors import StorageError
from simcrate.storage import JSON, Source, StorageDefinition, StoredCrate, open_backend
from simcrate.storage.contract import make_source, new_name
from simcrate.storage.seafileops import SeafileBackend
from tests.servers.exchanges import noise
from tests.servers.http_double import Fault, Reply
from tests.servers.seafile import SeafileServer, seafile_server
from tests.servers.seafile_state import Library

ALICE = "alice@loop.test"
KIB = 1024
CHUNK = 64 * KIB
ATTEMPTS = 8

MOMENTS = st.sampled_from(
    [
        Fault("before"),
        Fault("mid-body"),
        Fault("after"),
        Fault("before", Reply(500)),
        Fault("after", Reply(502)),
    ]
)


@dataclass(frozen=True)
class Accident:
    """What goes wrong in one attempt, and around it."""

    at: int
    fault: Fault
    restart: bool
    """The server restarts afterwards: its links are gone."""
    forget: bool
    """The worker lost its resume value."""
    sweep: bool
    """The server's temporary files are swept."""


ACCIDENTS = st.builds(
    Accident,
    at=st.integers(0, 12),
    fault=MOMENTS,
    restart=st.booleans(),
    forget=st.booleans(),
    sweep=st.booleans(),
)


@pytest.fixture(scope="module", params=["c", "go"])
def server(request: pytest.FixtureRequest) -> Iterator[SeafileServer]:
    with seafile_server(flavour=request.param) as running, pytest.MonkeyPatch.context() as patch:
        patch.setattr(SeafileBackend, "chunk_bytes", CHUNK)
        running.state.add_account(ALICE)
        yield running


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spool")


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    size=st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5]),
    left_over=st.sampled_from([0, 1, CHUNK, 5 * CHUNK]),
    accidents=st.lists(ACCIDENTS, max_size=ATTEMPTS - 1),
)
def test_accidents_in_any_order_end_with_one_whole_file(
    server: SeafileServer, spool: Path, size: int, left_over: int, accidents: list[Accident]
) -> None:
    library = server.state.add_library("results", ALICE)
    source = make_source(spool / "crate.zip", noise(size, seed=size))
    name = new_name()
    if left_over:
        server.state.leave_temporary(library, f"/simcrate/{name}", b"\xff" * left_over)
    resume: JSON = None
    for accident in accidents:
        server.faults.at(accident.at, accident.fault)
        resume = _attempt(server, library, source, name, resume)
        server.faults.clear()
        _afterwards(server, library, accident)
        resume = None if accident.forget else resume
    stored = _upload(server, library, source, name, resume, [])

    assert stored.size_bytes == size
    assert list(library.files) == [f"/simcrate/{name}"]
    assert server.state.content(library, f"/simcrate/{name}") == source.path.read_bytes()


def _attempt(
    server: SeafileServer, library: Library, source: Source, name: str, resume: JSON
) -> JSON:
    """One upload that may break; its last resume value."""
    saved = [resume]
    try:
        _upload(server, library, source, name, resume, saved)
    except StorageError as error:
        if not error.retryable:
            raise
    return saved[-1]


def _upload(
    server: SeafileServer,
    library: Library,
    source: Source,
    name: str,
    resume: JSON,
    saved: list[JSON],
) -> StoredCrate:
    token = server.state.accounts[ALICE].token
    config = {"token": token, "repoid": library.id, "server": server.url}
    definition = StorageDefinition(name="S", id="seafile", config=config)
    with closing(open_backend(definition)) as backend:
        return backend.upload(
            source, name, resume=resume, save_resume=saved.append, progress=lambda _: None
        )


def _afterwards(server: SeafileServer, library: Library, accident: Accident) -> None:
    if accident.restart:
        server.state.restart()
    if accident.sweep:
        library.temporary.clear()
