"""What people and providers get wrong: a named error with what to do, and a ledger that says the truth."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from simcrate.delivery import DeliveryRecord, DeliveryState
from simcrate.storage import RetryPolicy
from tests.integration.deliveries.dying import Errand
from tests.integration.deliveries.targets import ALICE, Target, dropbox, local, seafile

CONTENT = b"a crate" * 1000
Serve = Callable[[Path], AbstractContextManager[Target]]
Spoil = Callable[[Target], None]

FAILED, WAITING = DeliveryState.FAILED, DeliveryState.WAITING


@pytest.fixture(
    scope="module", params=[local, dropbox, seafile], ids=["local", "dropbox", "seafile"]
)
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    with request.param(tmp_path_factory.mktemp("server")) as serving:
        yield serving


def errand(target: Target, folder: Path, content: bytes = CONTENT) -> Errand:
    made = Errand(
        folder=folder,
        delivery_id=uuid.uuid4(),
        definition=target.definition,
        policy=RetryPolicy(deadline_s=0),
    )
    made.put(content)
    return made


def options(**changes: object) -> Spoil:
    """Change the definition."""

    def spoil(target: Target) -> None:
        config = {**target.definition.config, **changes}
        target.definition = replace(target.definition, config=config)

    return spoil


def full_local(tmp_path: Path) -> AbstractContextManager[Target]:
    return local(tmp_path, "--max-bytes", "10")


def nobody_there(target: Target) -> None:
    target.definition = replace(target.definition, token="127.0.0.1:1")


def revoke(target: Target) -> None:
    target.state.refresh_tokens.clear()


def fill(target: Target) -> None:
    target.state.allocated = 10


def use_up_quota(target: Target) -> None:
    target.state.accounts[ALICE].quota = 10


@pytest.mark.parametrize(
    ("serve", "spoil", "state", "says"),
    [
        (local, options(secret="wrong"), FAILED, "secret"),
        (local, nobody_there, WAITING, "nobody answers"),
        (full_local, options(), WAITING, "the server has no space for it; free some"),
        (dropbox, options(refresh_token="wrong"), FAILED, "connect"),
        (dropbox, revoke, FAILED, "connect"),
        (dropbox, fill, WAITING, "space"),
        (seafile, options(token="0" * 40), FAILED, "token"),
        (seafile, options(repoid=str(uuid.uuid4())), FAILED, "repoid"),
        (seafile, options(server="http://127.0.0.1:1"), WAITING, "if this lasts"),
        (seafile, use_up_quota, WAITING, "quota"),
    ],
    ids=[
        "local: wrong secret", "local: wrong host", "local: full", "dropbox: wrong token",
        "dropbox: revoked app", "dropbox: full account", "seafile: wrong token",
        "seafile: wrong repoid", "seafile: wrong host", "seafile: over quota",
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_the_crate_is_kept(
    tmp_path: Path, serve: Serve, spoil: Spoil, state: DeliveryState, says: str
) -> None:
    with serve(tmp_path) as target:
        spoil(target)
        crate = errand(target, tmp_path / "errand")
        record = crate.run()

        assert record.state is state
        assert says in record.error
        assert record.stored is None
        assert crate.crate_path.read_bytes() == CONTENT
        assert crate.announced_path.exists() == (state is FAILED)


def test_a_crate_without_a_byte_is_delivered(target: Target, tmp_path: Path) -> None:
    empty = errand(target, tmp_path / "errand", b"")

    assert empty.run().state is DeliveryState.ANNOUNCED
    assert target.contents(str(empty.delivery_id)) == [b""]


def test_a_crate_that_changed_since_it_was_packed_is_never_seen(
    target: Target, tmp_path: Path
) -> None:
    crate = errand(target, tmp_path / "errand")
    announced_digest = crate.sha256()
    crate.crate_path.write_bytes(b"another" * 1000)
    record: DeliveryRecord = crate.run(sha256=announced_digest)

    assert record.state is WAITING
    assert "crate" in record.error
    assert target.contents(str(crate.delivery_id)) == []
