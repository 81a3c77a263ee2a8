"""Disk and ledger agree again after a death."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcrate.localcloud import Config, make_app
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.objects import find_living, list_objects
from simcrate.localcloud.recovery import recover
from simcrate.localcloud.uploads import Announcement, Upload, begin_upload, find_upload
from simcrate.localcloud.wish import Wish
from tests.unit.localcloud.conftest import running

OWNER = "main"
SHA256_OF_12345 = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(Config(folder=tmp_path / "store"))


def begun(cloud: Cloud, content: bytes, *, sha256: str | None = None, size: int = 5) -> Upload:
    announced = Announcement(
        owner=OWNER,
        key="a/x.bin",
        media_type="text/plain",
        size_bytes=size,
        sha256=sha256,
        wish=Wish(),
    )
    upload = begin_upload(cloud, announced)
    cloud.blobs.incoming_path(upload.upload_id).write_bytes(content)
    return upload


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


def test_files_that_nobody_knows_are_removed(cloud: Cloud) -> None:
    cloud.blobs.incoming_path("0" * 32).write_bytes(b"x")
    stray = cloud.blobs.blob_path("1" * 32)
    stray.parent.mkdir()
    stray.write_bytes(b"x")

    recover(cloud)

    assert list(cloud.blobs.incoming()) == []
    assert not stray.exists()


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
