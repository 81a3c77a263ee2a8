"""The engine, with a ledger on disk and a storage backend that is a directory."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from simcrate_directory import DirectoryBackend

from simcrate.delivery import (
    DeliveryRecord,
    DeliveryState,
    FileLedger,
    Patience,
    deliver,
    open_ledger,
    settle,
)
from simcrate.errors import (
    LeaseLostError,
    NotifyError,
    RecipientRefusedError,
    StorageAuthError,
    StorageUnreachableError,
    UnforeseenError,
)
from simcrate.storage import Link, LinkPolicy, StorageBackend, StoredCrate
from tests.servers.static_files import serving

CONTENT = b"a crate" * 100_000
DELIVERY_ID = uuid.UUID(int=7)


class Desk:
    """A spool, a directory to deliver into, and the announcements that went out."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "cloud"
        self.folder.mkdir(parents=True)
        self.crate_path = tmp_path / "spool" / str(DELIVERY_ID) / "results.zip"
        self.crate_path.parent.mkdir(parents=True)
        self.crate_path.write_bytes(CONTENT)
        self.announced: list[DeliveryRecord] = []
        self.base_url = "http://files.example"

    def backend(self) -> StorageBackend:
        return DirectoryBackend(
            token="", config={"folder": str(self.folder), "base_url": self.base_url}
        )

    def ledger(self, keep_days: int = 7) -> Iterator[FileLedger]:
        with open_ledger(
            self.crate_path,
            delivery_id=DELIVERY_ID,
            size_bytes=len(CONTENT),
            sha256=hashlib.sha256(CONTENT).hexdigest(),
            keep_days=keep_days,
        ) as ledger:
            yield ledger

    def stored_files(self) -> list[Path]:
        return list(self.folder.rglob("*.zip"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def ledger(desk: Desk) -> Iterator[FileLedger]:
    yield from desk.ledger()


def test_a_crate_goes_all_the_way(desk: Desk, ledger: FileLedger) -> None:
    deliver(ledger, desk.backend, desk.announced.append)

    (record,) = desk.announced
    assert record.link is not None
    assert record.link.url.endswith("/results.zip")
    assert record.message_id == f"<{DELIVERY_ID}@simcrate>"
    (stored,) = desk.stored_files()
    assert stored.read_bytes() == CONTENT


def test_the_spool_is_released_after_the_announcement(desk: Desk, ledger: FileLedger) -> None:
    deliver(ledger, desk.backend, desk.announced.append)

    assert not desk.crate_path.parent.exists()


def test_expiry_counts_from_the_announcement(desk: Desk, ledger: FileLedger) -> None:
    before = datetime.now(UTC)
    deliver(ledger, desk.backend, desk.announced.append)

    expires_at = desk.announced[0].expires_at
    assert expires_at is not None
    assert timedelta() <= expires_at - before - timedelta(days=7) < timedelta(minutes=1)


class ShortLinksBackend(DirectoryBackend):
    """Ends every link after a day, whatever is asked."""

    def link(self, stored: StoredCrate, policy: LinkPolicy) -> Link:
        return replace(super().link(stored, policy), expires_at=datetime.now(UTC) + timedelta(1))


@pytest.mark.parametrize("keep_days", [0, 7])
def test_a_link_that_ends_before_its_crate_is_said(desk: Desk, keep_days: int) -> None:
    config = {"folder": str(desk.folder), "base_url": "http://files.example"}
    for ledger in desk.ledger(keep_days=keep_days):
        deliver(ledger, lambda: ShortLinksBackend(token="", config=config), desk.announced.append)

    (warning,) = desk.announced[0].warnings
    assert "ends the link on" in warning


def test_a_link_that_lasts_longer_than_its_crate_needs_no_word(
    desk: Desk, ledger: FileLedger
) -> None:
    deliver(ledger, desk.backend, desk.announced.append)

    assert desk.announced[0].warnings == ()


def test_keep_days_of_zero_keeps_for_ever(desk: Desk) -> None:
    for ledger in desk.ledger(keep_days=0):
        deliver(ledger, desk.backend, desk.announced.append)

    assert desk.announced[0].expires_at is None


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, object]]:
    """The events, and whose delivery each is about."""
    return [(record.message, vars(record)["delivery"]) for record in caplog.records]


def test_the_log_says_that_there_is_a_link_and_that_it_was_announced(
    desk: Desk, ledger: FileLedger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "simcrate")
    deliver(ledger, desk.backend, desk.announced.append)

    events = ("delivery.linked", "delivery.announced")
    assert said(caplog) == [(event, str(DELIVERY_ID)) for event in events]


def test_the_log_tells_a_delivery_that_waits_from_one_that_is_given_up(
    desk: Desk, ledger: FileLedger, caplog: pytest.LogCaptureFixture
) -> None:
    error = StorageUnreachableError("no answer", detail="port 443")
    settle(ledger, error)
    settle(ledger, error, patience=Patience(tries=1))

    events = ("delivery.delayed", "delivery.failed")
    assert said(caplog) == [(event, str(DELIVERY_ID)) for event in events]
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    facts = {"code": "storage.unreachable", "why": "no answer", "detail": "port 443"}
    assert all(facts.items() <= vars(record).items() for record in caplog.records)


def test_a_backend_that_is_down_is_waited_for(desk: Desk, ledger: FileLedger) -> None:
    desk.folder.rmdir()
    record = deliver(ledger, desk.backend, desk.announced.append)

    assert record.state is DeliveryState.WAITING
    assert "mount it" in record.error
    assert desk.announced == []
    assert desk.crate_path.read_bytes() == CONTENT

    desk.folder.mkdir()
    deliver(ledger, desk.backend, desk.announced.append)

    assert len(desk.announced) == 1


def test_a_backend_that_stays_down_is_given_up_and_the_failure_announced(
    desk: Desk, ledger: FileLedger
) -> None:
    desk.folder.rmdir()
    patience = Patience(tries=1)
    record = deliver(ledger, desk.backend, desk.announced.append, patience=patience)

    assert record.state is DeliveryState.FAILED
    assert record.announced
    assert "mount it" in desk.announced[0].error
    assert desk.crate_path.read_bytes() == CONTENT


class RevokedBackend(DirectoryBackend):
    def link(self, stored: StoredCrate, policy: LinkPolicy) -> Link:
        raise StorageAuthError("the token was revoked; connect again")


def test_a_final_error_is_not_retried(desk: Desk, ledger: FileLedger) -> None:
    config = {"folder": str(desk.folder), "base_url": "http://files.example"}
    record = deliver(ledger, lambda: RevokedBackend(token="", config=config), desk.announced.append)

    assert record.state is DeliveryState.FAILED
    assert desk.announced[0].error == "the token was revoked; connect again"


def test_a_mail_server_that_is_down_delays_the_announcement_alone(
    desk: Desk, ledger: FileLedger
) -> None:
    def refuse(_: DeliveryRecord) -> None:
        raise NotifyError("no")

    record = deliver(ledger, desk.backend, refuse)
    first_expiry = record.expires_at
    assert record.state is DeliveryState.LINKED
    assert desk.crate_path.exists()

    deliver(ledger, desk.backend, desk.announced.append)

    assert len(desk.announced) == 1
    assert desk.announced[0].expires_at == first_expiry
    assert len(desk.stored_files()) == 1


def refuse_the_recipient(_: DeliveryRecord) -> None:
    raise RecipientRefusedError("no such mailbox")


def test_a_recipient_that_is_refused_for_good_holds_nothing_back(
    desk: Desk, ledger: FileLedger
) -> None:
    record = deliver(ledger, desk.backend, refuse_the_recipient)

    assert record.state is DeliveryState.ANNOUNCED
    assert record.expires_at is not None
    assert not desk.crate_path.parent.exists()


def test_a_failure_that_nobody_can_be_told_of_stays_a_failure(
    desk: Desk, ledger: FileLedger
) -> None:
    desk.folder.rmdir()
    record = deliver(ledger, desk.backend, refuse_the_recipient, patience=Patience(tries=1))

    assert record.state is DeliveryState.FAILED
    assert record.announced
    assert desk.crate_path.exists()


def test_a_mail_server_that_stays_down_is_given_up(desk: Desk, ledger: FileLedger) -> None:
    def refuse(_: DeliveryRecord) -> None:
        raise NotifyError("no")

    record = deliver(ledger, desk.backend, refuse, patience=Patience(tries=1))

    assert record.state is DeliveryState.ANNOUNCED


def test_the_patience_with_a_mail_server_begins_with_the_announcement(
    desk: Desk, ledger: FileLedger
) -> None:
    def refuse(_: DeliveryRecord) -> None:
        raise NotifyError("no")

    ledger._write(attempts=99)

    assert deliver(ledger, desk.backend, refuse).state is DeliveryState.LINKED


def test_what_nobody_has_foreseen_is_tried_again_ever_later_and_then_given_up(
    ledger: FileLedger,
) -> None:
    waits = []
    for _ in range(99):
        settle(ledger, UnforeseenError("no space left on device"))
        waits.append(ledger.retry_in_s)
    assert ledger.read().state is DeliveryState.WAITING
    assert waits[0] <= 15
    assert max(waits) > 1800
    assert 2 * 86400 < sum(waits) < 4 * 86400

    settle(ledger, UnforeseenError("no space left on device"))
    assert ledger.read().state is DeliveryState.FAILED


def test_time_in_which_nobody_tried_does_not_count(desk: Desk, ledger: FileLedger) -> None:
    ledger._write(created_at=(datetime.now(UTC) - timedelta(days=4)).isoformat())
    desk.folder.rmdir()

    assert deliver(ledger, desk.backend, desk.announced.append).state is DeliveryState.WAITING


def test_a_delivery_that_is_begun_again_goes_on_with_its_upload(desk: Desk) -> None:
    for ledger in desk.ledger():
        ledger.save_resume({"offset": 99})
        ledger.failed(StorageAuthError("the token was revoked; connect again"))
    (record,) = [ledger.read() for ledger in desk.ledger()]

    assert (record.state, record.attempts) == (DeliveryState.SPOOLED, 0)
    assert record.resume == {"offset": 99}


@pytest.mark.parametrize("attempts", [0, 99, 5000])
def test_a_failure_after_the_announcement_undoes_nothing(ledger: FileLedger, attempts: int) -> None:
    ledger.linked(Link(url="http://files.example/results.zip"))
    ledger.announcing()
    ledger.announced()
    ledger._write(attempts=attempts)
    settle(ledger, UnforeseenError("the database went away"))

    assert ledger.read().state is DeliveryState.ANNOUNCED


@pytest.fixture
def restored(desk: Desk) -> Iterator[FileLedger]:
    """A ledger from before its delivery, which is at its end."""
    with serving(desk.folder) as desk.base_url:
        for ledger in desk.ledger():
            before = ledger.path.read_bytes()
            deliver(ledger, desk.backend, desk.announced.append)
            desk.crate_path.parent.mkdir()
            ledger.path.write_bytes(before)
            yield ledger


def test_a_ledger_that_was_restored_finds_the_crate_that_it_had_delivered(
    desk: Desk, restored: FileLedger
) -> None:
    there = desk.stored_files()
    deliver(restored, desk.backend, desk.announced.append)

    first, second = desk.announced
    assert (second.link, second.message_id) == (first.link, first.message_id)
    assert desk.stored_files() == there


def test_what_stands_there_counts_only_when_it_is_the_crate(
    desk: Desk, restored: FileLedger
) -> None:
    (there,) = desk.stored_files()
    there.write_bytes(b"!" * len(CONTENT))
    record = deliver(restored, desk.backend, desk.announced.append)

    assert record.state is DeliveryState.WAITING
    assert "other bytes came" in record.error


def test_a_crate_that_is_in_no_place_is_missed_in_the_spool(
    desk: Desk, restored: FileLedger
) -> None:
    shutil.rmtree(desk.stored_files()[0].parent)
    record = deliver(restored, desk.backend, desk.announced.append)

    assert record.state is DeliveryState.WAITING
    assert "could not read the crate from the spool" in record.error


class LosingBackend(DirectoryBackend):
    """Forgets the file once, as a provider that lost it between two requests."""

    def __init__(self, lost: list[int], **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._lost = lost

    def stat(self, stored: StoredCrate) -> StoredCrate:
        if not self._lost:
            self._lost.append(1)
            self.delete(stored)
            raise StorageUnreachableError("lost")
        return super().stat(stored)


def test_what_cannot_be_verified_is_sent_again(desk: Desk, ledger: FileLedger) -> None:
    config = {"folder": str(desk.folder), "base_url": "http://files.example"}
    lost: list[int] = []
    for _ in range(2):
        deliver(
            ledger,
            lambda: LosingBackend(lost, token="", config=config),
            desk.announced.append,
        )

    assert len(desk.announced) == 1
    assert len(desk.stored_files()) == 1


class Killed(BaseException):
    """What `kill -9` does to a process, as far as one process can show."""


class DyingLedger(FileLedger):
    """Dies at its n-th write, before or after it is on disk."""

    def __init__(self, path: Path, *, at_write: int, after: bool) -> None:
        super().__init__(path)
        self._numbers = count()
        self._at_write = at_write
        self._after = after

    def _write(self, **changes: object) -> None:
        dies = next(self._numbers) == self._at_write
        if dies and not self._after:
            raise Killed
        super()._write(**changes)
        if dies:
            raise Killed


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_write_and_called_again_it_ends_with_one_file_and_one_message(
    tmp_path: Path, *, after: bool
) -> None:
    for number in range(100):
        desk = Desk(tmp_path / str(number))
        died = _deliver_dying(desk, number, after=after)
        if not died:
            assert number > 5  # upload, resume, stored, linked, announcing, announced at least
            return
        for ledger in desk.ledger():
            deliver(ledger, desk.backend, desk.announced.append)
        assert len(desk.stored_files()) == 1
        assert len({record.message_id for record in desk.announced}) == 1
        assert len(desk.announced) <= 2
    pytest.fail("the engine never came to an end")


def _deliver_dying(desk: Desk, number: int, *, after: bool) -> bool:
    for ledger in desk.ledger():
        dying = DyingLedger(ledger.path, at_write=number, after=after)
        try:
            deliver(dying, desk.backend, desk.announced.append)
        except Killed:
            return True
    return False


def test_two_processes_do_not_deliver_the_same_crate(desk: Desk, ledger: FileLedger) -> None:
    with pytest.raises(LeaseLostError):
        next(desk.ledger())
