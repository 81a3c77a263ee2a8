"""The double of Dropbox refuses what the published specification refuses, in its shapes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from simcrate.storage.dropboxops import load_sdk
from tests.servers.dropbox import DropboxServer

Sdk = Any  # the SDK has no types
BLOCK = 4 * 1024 * 1024
EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def client(dropbox: DropboxServer) -> Iterator[Sdk]:
    token = dropbox.state.add_access_token()
    made = load_sdk().Dropbox(token, max_retries_on_error=0, max_retries_on_rate_limit=0)
    yield made
    made.close()


@pytest.fixture
def concurrent(client: Sdk) -> str:
    kind = load_sdk().files.UploadSessionType.concurrent
    return str(client.files_upload_session_start(b"", session_type=kind).session_id)


def cursor(session_id: str, offset: int) -> Sdk:
    return load_sdk().files.UploadSessionCursor(session_id, offset)


def commit(path: str, **settings: Sdk) -> Sdk:
    return load_sdk().files.CommitInfo(path, **settings)


def refused() -> Sdk:
    return pytest.raises(load_sdk().exceptions.ApiError)


def test_the_sdks_own_uploader_leaves_the_trace_that_is_known(
    dropbox: DropboxServer, client: Sdk
) -> None:
    import dropbox.file_transfer as transfer  # noqa: TID251 - the double is held against it

    content = os.urandom(5 * BLOCK + 3)
    transfer.Uploader(client).upload(
        transfer.BytesUpload(content),
        commit("/golden.bin"),
        transfer.UploadOptions(parallel_uploads=4),
    )
    calls = [
        (route.rpartition("/")[2], argument, size) for route, argument, size in dropbox.routes.calls
    ]
    start, *parts, finish = calls

    assert start[1]["session_type"] == {".tag": "concurrent"}
    assert start[1]["content_hash"] == EMPTY_HASH
    assert sorted((part[1]["cursor"]["offset"], part[2]) for part in parts) == [
        (0, 2 * BLOCK),
        (2 * BLOCK, 2 * BLOCK),
        (4 * BLOCK, BLOCK + 3),
    ]
    assert [bool(part[1].get("close")) for part in parts] == [False, False, True]
    assert (finish[1]["cursor"]["offset"], finish[2]) == (5 * BLOCK + 3, 0)
    assert dropbox.state.files[("6", "/golden.bin")].content == content


def test_a_concurrent_session_takes_no_data_at_its_start(client: Sdk) -> None:
    kind = load_sdk().files.UploadSessionType.concurrent

    with refused() as caught:
        client.files_upload_session_start(b"data", session_type=kind)
    assert caught.value.error.is_concurrent_session_data_not_allowed()


def test_a_concurrent_session_cannot_be_closed_at_its_start(client: Sdk) -> None:
    kind = load_sdk().files.UploadSessionType.concurrent

    with refused() as caught:
        client.files_upload_session_start(b"", close=True, session_type=kind)
    assert caught.value.error.is_concurrent_session_close_not_allowed()


@pytest.mark.parametrize(
    ("offset", "size", "tag"),
    [
        (BLOCK + 1, BLOCK, "concurrent_session_invalid_offset"),
        (BLOCK, BLOCK + 1, "concurrent_session_invalid_data_size"),
    ],
)
def test_offsets_and_sizes_of_a_concurrent_session_are_multiples(
    client: Sdk, concurrent: str, offset: int, size: int, tag: str
) -> None:
    with refused() as caught:
        client.files_upload_session_append_v2(bytes(size), cursor(concurrent, offset))
    assert caught.value.error._tag == tag


def test_a_closed_session_takes_no_more(client: Sdk, concurrent: str) -> None:
    client.files_upload_session_append_v2(b"end", cursor(concurrent, 0), close=True)

    with refused() as caught:
        client.files_upload_session_append_v2(bytes(BLOCK), cursor(concurrent, BLOCK))
    assert caught.value.error.is_closed()


def test_an_open_concurrent_session_cannot_be_finished(client: Sdk, concurrent: str) -> None:
    client.files_upload_session_append_v2(bytes(BLOCK), cursor(concurrent, 0))

    with refused() as caught:
        client.files_upload_session_finish(b"", cursor(concurrent, BLOCK), commit("/a"))
    assert caught.value.error.is_concurrent_session_not_closed()


def test_a_concurrent_session_with_a_hole_cannot_be_finished(client: Sdk, concurrent: str) -> None:
    client.files_upload_session_append_v2(b"end", cursor(concurrent, BLOCK), close=True)

    with refused() as caught:
        client.files_upload_session_finish(b"", cursor(concurrent, BLOCK + 3), commit("/a"))
    assert caught.value.error.is_concurrent_session_missing_data()


def test_a_concurrent_session_takes_no_data_at_its_finish(client: Sdk, concurrent: str) -> None:
    client.files_upload_session_append_v2(b"end", cursor(concurrent, 0), close=True)

    with refused() as caught:
        client.files_upload_session_finish(b"x", cursor(concurrent, 3), commit("/a"))
    assert caught.value.error.is_concurrent_session_data_not_allowed()


def test_a_sequential_session_says_where_it_is(client: Sdk) -> None:
    session_id = client.files_upload_session_start(b"four").session_id

    with refused() as caught:
        client.files_upload_session_append_v2(b"more", cursor(session_id, 0))
    assert caught.value.error.get_incorrect_offset().correct_offset == 4
    assert client.files_upload_session_finish(b"!", cursor(session_id, 4), commit("/a")).size == 5


def test_an_unknown_session_is_not_found(client: Sdk) -> None:
    with refused() as caught:
        client.files_upload_session_finish(b"", cursor("unknown", 0), commit("/a"))
    assert caught.value.error.get_lookup_failed().is_not_found()


def test_adding_the_same_content_again_writes_nothing(client: Sdk) -> None:
    first = client.files_upload(b"same", "/a.zip")
    second = client.files_upload(b"same", "/A.ZIP")

    assert (first.id, first.rev) == (second.id, second.rev)


def test_adding_other_content_is_a_conflict(client: Sdk) -> None:
    client.files_upload(b"one", "/a.zip")

    with refused() as caught:
        client.files_upload(b"two", "/a.zip")
    reason = caught.value.error.get_path().reason
    assert reason.get_conflict().is_file()
    assert caught.value.error.get_path().upload_session_id


def test_a_strict_conflict_is_one_for_the_same_content_too(client: Sdk) -> None:
    client.files_upload(b"same", "/a.zip")

    with refused():
        client.files_upload(b"same", "/a.zip", strict_conflict=True)


def test_an_update_needs_the_revision(client: Sdk) -> None:
    modes = load_sdk().files.WriteMode
    first = client.files_upload(b"one", "/a.zip")
    second = client.files_upload(b"two", "/a.zip", mode=modes.update(first.rev))

    assert second.id == first.id
    with refused():
        client.files_upload(b"three", "/a.zip", mode=modes.update(first.rev))


def test_a_content_hash_covers_the_bytes_of_its_call(client: Sdk) -> None:
    with refused() as caught:
        client.files_upload(b"data", "/a.zip", content_hash=EMPTY_HASH)
    assert caught.value.error.is_content_hash_mismatch()


def test_the_root_is_an_empty_text_and_no_slash(client: Sdk) -> None:
    assert client.files_list_folder("").entries == []
    with refused():
        client.files_get_metadata("/nothing")


def test_deleting_needs_the_revision_that_is_there(client: Sdk) -> None:
    client.files_upload(b"one", "/a.zip")

    with refused() as caught:
        client.files_delete_v2("/a.zip", parent_rev="a1c10ce0dd78")
    assert caught.value.error.get_path_write().get_conflict().is_file()


def test_a_link_is_told_to_exist_with_its_metadata(dropbox: DropboxServer, client: Sdk) -> None:
    client.files_upload(b"one", "/a.zip")
    made = client.sharing_create_shared_link_with_settings("/a.zip")

    with refused() as caught:
        client.sharing_create_shared_link_with_settings("/a.zip")
    found = caught.value.error.get_shared_link_already_exists().get_metadata()
    assert found.url == made.url
    assert "rlkey=" in made.url


def test_a_missing_permission_is_named(dropbox: DropboxServer) -> None:
    sdk = load_sdk()
    client = sdk.Dropbox(dropbox.state.add_access_token(("files.metadata.read",)))
    with pytest.raises(sdk.exceptions.AuthError) as caught:
        client.users_get_space_usage()
    client.close()

    assert caught.value.error.get_missing_scope().required_scope == "account_info.read"
