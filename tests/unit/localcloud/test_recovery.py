"""Disk and ledger agree again after a death."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from simcrate.errors import BadInputError, SimCrateError
from simcrate.localcloud import Config, make_app
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.grants import GrantTerms, make_grant
from simcrate.localcloud.housekeeping import tidy
from simcrate.localcloud.objects import find_living, list_objects
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.recovery import recover
from simcrate.localcloud.removal import remove_object
from simcrate.localcloud.scrub import scrub
from simcrate.localcloud.start import prepare
from simcrate.localcloud.uploads import (
    Announcement,
    Upload,
    begin_upload,
    commit,
    drop_upload,
    find_upload,
)
from simcrate.localcloud.wish import Wish
from tests.unit.localcloud.conftest import DAY_S, running

OWNER = "main"
SHA256_OF_12345 = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(Config(folder=tmp_path / "store"))


def begun(
    cloud: Cloud, content: bytes, *, sha256: str | None = None, grant_id: str | None = None
) -> Upload:
    announced = Announcement(
        owner=OWNER,
        key="a/x.bin",
        media_type="text/plain",
        size_bytes=5,
        sha256=sha256,
        wish=Wish(),
        grant_id=grant_id,
    )
    upload = begin_upload(cloud, announced)
    cloud.blobs.incoming_path(upload.upload_id).write_bytes(content)
    return upload


def published(cloud: Cloud, content: bytes, blob: str = "1" * 32) -> str:
    """A blob by hand."""
    cloud.blobs.incoming_path(blob).write_bytes(content)
    cloud.blobs.publish(blob)
    return blob


def restart(cloud: Cloud) -> list[str]:
    """Start a server on the folder and stop it; the keys of its objects."""
    app = make_app(cloud.config)
    with running(app) as client:
        client.get("/healthz")
        while any(row for row in unfinished_whole(app.state.cloud)):
            client.get("/healthz")
        return [stored.key for stored in list_objects(app.state.cloud.ledger, owner=None)]


def unfinished_whole(cloud: Cloud) -> list[str]:
    rows = cloud.ledger.rows("SELECT * FROM uploads WHERE object_id IS NULL")
    return [
        row["upload_id"]
        for row in rows
        if cloud.blobs.offset(row["upload_id"]) == row["size_bytes"]
    ]


def test_whole_upload_that_was_not_committed_is_finished(cloud: Cloud) -> None:
    begun(cloud, b"12345", sha256=SHA256_OF_12345)

    assert restart(cloud) == ["a/x.bin"]


def test_blob_that_was_renamed_but_not_entered_is_finished(cloud: Cloud) -> None:
    upload = begun(cloud, b"12345")
    cloud.blobs.publish(upload.upload_id)

    assert restart(cloud) == ["a/x.bin"]
    assert find_living(cloud.ledger, OWNER, "a/x.bin", SHA256_OF_12345) is not None


def test_whole_upload_with_wrong_bytes_is_dropped(cloud: Cloud) -> None:
    upload = begun(cloud, b"54321", sha256=SHA256_OF_12345)

    assert restart(cloud) == []
    assert find_upload(cloud, upload.upload_id) is None


def test_unfinished_bytes_that_nobody_knows_are_removed(cloud: Cloud) -> None:
    cloud.blobs.incoming_path("0" * 32).write_bytes(b"x")

    recover(cloud)

    assert list(cloud.blobs.incoming()) == []


def test_blob_that_the_ledger_does_not_know_is_set_aside_and_said(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    blob = published(cloud, b"12345")

    recover(cloud)

    assert (cloud.config.folder / "lost" / blob).read_bytes() == b"12345"
    (said,) = caplog.records
    assert said.message == "blobs.lost"
    assert {"count": 1, "size_bytes": 5}.items() <= vars(said).items()
    assert [verdict.name for verdict in scrub(cloud) if verdict.fault] == [blob]


def test_blob_that_was_set_aside_comes_back_with_a_ledger_that_names_it(
    cloud: Cloud, tmp_path: Path
) -> None:
    upload = begun(cloud, b"12345")
    stored = commit(cloud, upload)
    older = Cloud(replace(cloud.config, folder=tmp_path / "other"))
    older.blobs = cloud.blobs
    recover(older)
    assert list(cloud.blobs.blobs()) == []

    recover(cloud)

    assert cloud.blobs.blob_path(stored.blob).read_bytes() == b"12345"
    assert cloud.blobs.lost() == {}


def test_blob_of_a_removal_that_was_cut_short_is_removed(cloud: Cloud) -> None:
    stored = commit(cloud, begun(cloud, b"12345"))
    remove_object(cloud, stored, why="removed")
    published(cloud, b"12345", stored.blob)

    recover(cloud)

    assert list(cloud.blobs.blobs()) == []
    assert cloud.blobs.lost() == {}


def test_folder_with_objects_and_without_its_ledger_is_refused(cloud: Cloud) -> None:
    commit(cloud, begun(cloud, b"12345"))
    cloud.close()
    ledger = cloud.config.folder / "ledger.sqlite3"
    for lose in (lambda: ledger.write_bytes(b""), ledger.unlink):
        lose()
        with pytest.raises(BadInputError, match="put the ledger back"):
            next(prepare(cloud.config), None)
        with pytest.raises(BadInputError, match="put the ledger back"):
            Cloud(cloud.config)


def test_ledger_that_is_damaged_is_refused(cloud: Cloud) -> None:
    commit(cloud, begun(cloud, b"12345"))
    cloud.close()
    ledger = cloud.config.folder / "ledger.sqlite3"
    sound = ledger.read_bytes()

    for damaged in (b"x" * len(sound), sound[:8192] + b"x" * 4096 + sound[12288:]):
        ledger.write_bytes(damaged)
        with pytest.raises(BadInputError, match="is damaged"):
            next(prepare(cloud.config), None)


def test_ledger_that_cannot_be_read_while_the_disk_is_full_is_not_called_damaged(
    cloud: Cloud, tmp_path: Path
) -> None:
    commit(cloud, begun(cloud, b"12345"))
    rebooted = replace(cloud.config, folder=tmp_path / "rebooted")
    rebooted.folder.mkdir()
    for name in ("ledger.sqlite3", "ledger.sqlite3-wal"):  # as a power cut leaves them
        shutil.copy(cloud.config.folder / name, rebooted.folder / name)

    with nothing_can_grow(), pytest.raises(SimCrateError, match="make room on the disk") as caught:
        next(prepare(rebooted), None)

    assert "damaged" not in str(caught.value)
    prepared = list(prepare(rebooted))
    assert len(prepared) == 1


@contextmanager
def nothing_can_grow() -> Iterator[None]:
    """As on a full disk; Python ignores the signal."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_commit_that_the_ledger_could_not_take_is_repeated_with_the_same_digest(
    cloud: Cloud,
) -> None:
    upload = begun(cloud, b"12345")
    cloud.blobs.publish(upload.upload_id)

    assert commit(cloud, upload).sha256 == SHA256_OF_12345


def test_bytes_that_the_disk_did_not_take_are_asked_for_again(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(cloud, b"12345")

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "the disk failed")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="the disk failed"):
            commit(cloud, upload)

    with pytest.raises(Problem, match="0 of 5 bytes are here"):
        commit(cloud, upload)


def test_upload_that_was_published_with_other_bytes_than_announced_leaves_none(
    cloud: Cloud,
) -> None:
    upload = begun(cloud, b"54321", sha256=SHA256_OF_12345)
    cloud.blobs.publish(upload.upload_id)

    with pytest.raises(Problem, match="send them again"):
        commit(cloud, upload)

    assert list(cloud.blobs.blobs()) == []
    assert find_upload(cloud, upload.upload_id) is None


def test_upload_that_was_published_and_has_expired_is_entered_and_a_failure_hinders_no_other(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    wrong, right = begun(cloud, b"54321", sha256=SHA256_OF_12345), begun(cloud, b"12345")
    for upload in (wrong, right):
        cloud.blobs.publish(upload.upload_id)
    cloud.clock = lambda: right.expires_at + 1

    tidy(cloud)

    assert list(cloud.blobs.blobs()) == [right.upload_id]
    assert find_living(cloud.ledger, OWNER, "a/x.bin", SHA256_OF_12345) is not None
    assert "upload.not_recovered" in [record.message for record in caplog.records]


def granted(cloud: Cloud) -> str:
    """The id of a grant."""
    now = cloud.now()
    terms = GrantTerms(
        owner=OWNER, key="", max_bytes=5, sha256=None, wish=Wish(), expires_at=now + 60
    )
    with cloud.ledger.transaction(durable=True) as connection:
        return make_grant(connection, terms, now=now)[0]


def test_grant_outlives_the_upload_that_it_is_needed_for(cloud: Cloud) -> None:
    upload = begun(cloud, b"12345", grant_id=granted(cloud))
    much_later = upload.expires_at + 2 * DAY_S
    with cloud.ledger.transaction(durable=True) as connection:
        connection.execute("UPDATE uploads SET expires_at = ?", [much_later])
    cloud.clock = lambda: much_later - 1
    tidy(cloud)

    assert commit(cloud, upload).blob == upload.upload_id

    tidy(cloud)
    assert cloud.ledger.rows("SELECT * FROM grants") == []


def test_grant_that_begins_anew_leaves_what_was_published(cloud: Cloud) -> None:
    grant_id = granted(cloud)
    first = begun(cloud, b"12345", grant_id=grant_id)
    cloud.blobs.publish(first.upload_id)

    second = begun(cloud, b"54321", grant_id=grant_id)
    given = commit(cloud, second)
    recover(cloud)

    assert given.blob == second.upload_id
    assert set(cloud.blobs.blobs()) == {first.upload_id, second.upload_id}


def test_upload_that_was_finished_meanwhile_keeps_its_bytes_when_it_is_given_up(
    cloud: Cloud,
) -> None:
    upload = begun(cloud, b"12345")
    stored = commit(cloud, upload)

    drop_upload(cloud, upload)

    assert list(cloud.blobs.blobs()) == [stored.blob]


def test_upload_that_was_given_up_meanwhile_becomes_no_object(cloud: Cloud) -> None:
    upload = begun(cloud, b"12345")
    drop_upload(cloud, upload)
    cloud.blobs.incoming_path(upload.upload_id).write_bytes(b"12345")

    with pytest.raises(Problem, match="given up"):
        commit(cloud, upload)


def test_after_a_power_cut_what_was_published_is_finished_without_a_digest_too(
    cloud: Cloud,
) -> None:
    upload = begun(cloud, b"12345")
    cloud.blobs.publish(upload.upload_id)
    (cloud.config.folder / "boot").write_text("another boot")

    recover(cloud)

    assert find_living(cloud.ledger, OWNER, "a/x.bin", SHA256_OF_12345) is not None


def test_after_a_power_cut_only_uploads_with_a_digest_are_gone_on_with(cloud: Cloud) -> None:
    proven = begun(cloud, b"123", sha256=SHA256_OF_12345)
    unproven = begun(cloud, b"123")
    (cloud.config.folder / "boot").write_text("another boot")

    recover(cloud)

    assert find_upload(cloud, proven.upload_id) is not None
    assert find_upload(cloud, unproven.upload_id) is None


def test_after_a_clean_stop_and_a_reboot_every_upload_is_gone_on_with(cloud: Cloud) -> None:
    upload = begun(cloud, b"123")
    restart(cloud)

    recover(cloud)

    assert find_upload(cloud, upload.upload_id) is not None
