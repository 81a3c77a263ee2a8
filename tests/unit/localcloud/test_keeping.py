"""What time does to objects, uploads and gravestones."""

from __future__ import annotations

from typing import Any

import pytest

from simcrate.localcloud.digests import repr_digest
from simcrate.localcloud.objects import list_objects
from simcrate.localcloud.removal import remove_object
from tests.unit.localcloud.conftest import DAY_S, Server

TUS = {"Tus-Resumable": "1.0.0"}


def put(server: Server, key: str = "a/x.bin", **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer: dict[str, Any] = server.client.put(
        f"/upload/{key}", content=b"12345", headers=named
    ).json()
    return answer


def test_object_is_gone_the_moment_it_expires_and_its_bytes_after_tidying(server: Server) -> None:
    stored = put(server, Cloud_Expires=str(int(DAY_S)))
    server.clock.now += DAY_S

    answer = server.client.get(stored["url"])
    removed = server.days_pass(0)

    assert (answer.status_code, answer.json()["code"]) == (410, "expired")
    assert removed == 1
    assert list(server.cloud.blobs.blobs()) == []
    assert server.client.get("/space").json()["used"] == 0


def test_expired_link_answers_410_for_90_days_and_404_afterwards(server: Server) -> None:
    stored = put(server, Cloud_Expires="1")
    server.days_pass(1)

    assert server.client.get(stored["url"]).status_code == 410
    server.days_pass(91)
    assert server.client.get(stored["url"]).status_code == 404


def test_object_without_expiry_stays(server: Server) -> None:
    stored = put(server)

    assert server.days_pass(10_000) == 0
    assert server.client.get(stored["url"]).content == b"12345"


def test_object_on_hold_outlives_its_expiry_and_cannot_be_deleted(server: Server) -> None:
    stored = put(server, Cloud_Expires="60")
    server.client.patch(f"/objects/{stored['id']}", json={"held": True})

    assert server.days_pass(10) == 0
    assert server.client.get(stored["url"]).status_code == 200
    assert server.client.delete(f"/objects/{stored['id']}").status_code == 412


def test_extended_object_is_kept_until_its_new_expiry(server: Server) -> None:
    stored = put(server, Cloud_Expires="60")
    server.client.patch(f"/objects/{stored['id']}", json={"expires": int(5 * DAY_S)})

    assert server.days_pass(4) == 0
    assert server.days_pass(2) == 1


def test_putting_the_same_again_keeps_it_longer_never_shorter(server: Server) -> None:
    put(server, Cloud_Expires="86400")

    longer = put(server, Cloud_Expires="172800")
    shorter = put(server, Cloud_Expires="60")

    assert shorter["id"] == longer["id"]
    assert shorter["expires_at"] == longer["expires_at"]


def test_putting_again_what_has_expired_is_a_new_object(server: Server) -> None:
    first = put(server, Cloud_Expires="60")
    server.clock.now += 61

    second = put(server, Cloud_Expires="60")

    assert second["id"] != first["id"]
    assert server.client.get(second["url"]).status_code == 200


def test_bytes_shared_by_two_objects_go_with_the_last(server: Server) -> None:
    first = put(server, "a/x.bin", Cloud_Expires="60")
    body = {"key": "b/x.bin", "sha256": first["sha256"], "size": 5}
    second = server.client.post("/objects", json=body).json()

    server.days_pass(1)
    assert server.client.get(second["url"]).content == b"12345"
    server.client.delete(f"/objects/{second['id']}")
    assert list(server.cloud.blobs.blobs()) == []


def test_unfinished_upload_expires_a_day_after_its_last_bytes(server: Server) -> None:
    headers = TUS | {"Upload-Length": "10"}
    location = server.client.post("/files", headers=headers).headers["location"]
    stream = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    server.days_pass(0.9)
    server.client.patch(location, content=b"12345", headers=stream)

    server.days_pass(0.9)
    assert server.client.head(location, headers=TUS).headers["upload-offset"] == "5"
    server.days_pass(0.2)
    assert server.client.head(location, headers=TUS).status_code == 404
    assert list(server.cloud.blobs.incoming()) == []


def test_reservation_ends_by_itself(server: Server) -> None:
    server.client.post("/reservations", json={"size": 100, "expires_in_s": 3600})
    assert server.client.get("/space").json()["announced"] == 100

    server.days_pass(1)

    assert server.client.get("/space").json()["announced"] == 0


def test_purge_goes_by_the_ledger_and_leaves_what_is_not_in_it(server: Server) -> None:
    stray = server.cloud.config.folder / "blobs" / "notes.txt"
    stray.write_text("mine")
    put(server, Cloud_Expires="60")

    server.days_pass(1)

    assert stray.exists()


def test_ledger_forgets_a_removed_object_only_after_its_bytes_are_gone(server: Server) -> None:
    stored = put(server)
    (blob,) = server.cloud.blobs.blobs()
    server.client.delete(f"/objects/{stored['id']}")
    server.cloud.blobs.blob_path(blob).write_bytes(
        b"12345"
    )  # as a death before the removal leaves it

    server.days_pass(91)

    assert list(server.cloud.blobs.blobs()) == []


def test_nothing_expires_while_an_older_ledger_is_in_place_and_each_round_says_so(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    stored = put(server, Cloud_Expires="60")
    lost = server.cloud.blobs.lost_dir / ("1" * 32)
    lost.parent.mkdir()
    lost.write_bytes(b"x")

    assert server.days_pass(1) == server.days_pass(0) == 0
    held_back = [record for record in caplog.records if record.message == "expiry.held_back"]
    assert [vars(record)["count"] for record in held_back] == [1, 1]
    assert server.client.get(stored["url"]).status_code == 410
    lost.unlink()
    assert server.days_pass(0) == 1


def test_putting_the_same_again_sets_the_password_that_is_asked_for_now(server: Server) -> None:
    first = put(server)
    digest = {"Repr_Digest": repr_digest(first["sha256"])}

    second = put(server, Cloud_Password="sesame street", **digest)
    third = put(server, **digest)

    assert first["id"] == second["id"] == third["id"]
    assert [each["has_password"] for each in (first, second, third)] == [False, True, True]


def test_putting_again_with_its_digest_keeps_it_longer_too(server: Server) -> None:
    first = put(server, Cloud_Expires="60")
    second = put(server, Cloud_Expires="120", Repr_Digest=repr_digest(first["sha256"]))

    assert second["id"] == first["id"]
    assert second["expires_at"] > first["expires_at"]


def test_what_replaces_an_expired_object_leaves_no_bytes_behind(server: Server) -> None:
    put(server, Cloud_Expires="60")
    server.clock.now += 61

    put(server)

    assert len(list(server.cloud.blobs.blobs())) == 1


def test_bytes_that_the_disk_lost_are_back_after_putting_them_again(server: Server) -> None:
    stored = put(server)
    for blob in server.cloud.blobs.blobs():
        server.cloud.blobs.remove(blob)

    again = put(server, Repr_Digest=repr_digest(stored["sha256"]))

    assert again["id"] == stored["id"]
    assert server.client.get(stored["url"]).content == b"12345"


def test_object_that_two_remove_at_once_is_counted_once(server: Server) -> None:
    put(server)
    (stored,) = list_objects(server.cloud.ledger, owner=None)

    removed = [remove_object(server.cloud, stored, why="removed") for _ in range(2)]

    assert removed == [True, False]
    usage = server.client.get("/space").json()
    assert (usage["objects"], usage["used"]) == (0, 0)


@pytest.mark.parametrize("kept", [{"expires": 600}, {"held": True}])
def test_object_that_is_kept_longer_while_the_round_is_under_way_stays(
    server: Server, kept: dict[str, object]
) -> None:
    link = put(server, Cloud_Expires="60")
    (stored,) = list_objects(server.cloud.ledger, owner=None)
    server.client.patch(f"/objects/{stored.object_id}", json=kept)
    server.clock.now += 61

    assert not remove_object(server.cloud, stored, why="expired")
    assert server.client.get(link["url"]).content == b"12345"


def test_object_whose_bytes_are_missing_is_refused_by_name_and_listed(server: Server) -> None:
    stored = put(server, "a/x.zip")
    for blob in server.cloud.blobs.blobs():
        server.cloud.blobs.blob_path(blob).write_bytes(b"12")
    urls = [stored["url"], stored["inside_url"], f"/objects/{stored['id']}"]

    answers = [server.client.get(url) for url in urls]

    assert [answer.json()["code"] for answer in answers] == ["bytes-missing"] * 3
    assert [server.client.head(url).status_code for url in urls] == [410] * 3
    assert [each["id"] for each in server.client.get("/objects").json()["objects"]] == [
        stored["id"]
    ]


def test_used_grant_answers_for_no_object_whose_bytes_are_missing(server: Server) -> None:
    grant = server.client.post("/grants", json={"size": 9}).json()["grant"]
    headers = {"Authorization": f"Bearer {grant}"}
    stored = put(server, **headers)
    headers |= {"Repr_Digest": repr_digest(stored["sha256"])}
    assert put(server, **headers)["id"] == stored["id"]
    for blob in server.cloud.blobs.blobs():
        server.cloud.blobs.remove(blob)

    assert put(server, **headers)["code"] == "grant-used"


def test_empty_object_gives_as_many_downloads_as_were_asked_for(server: Server) -> None:
    headers = {"Cloud-Max-Downloads": "2"}
    stored = server.client.put("/upload/a/empty.bin", content=b"", headers=headers).json()

    answers = [server.client.get(stored["url"]).status_code for _ in range(3)]

    assert answers == [200, 200, 410]


def test_put_that_begins_anew_gives_back_the_space_of_its_earlier_try(server: Server) -> None:
    headers = TUS | {"Upload-Length": "1000", "Upload-Metadata": "filename YS94LmJpbg=="}  # a/x.bin
    server.client.post("/files", headers=headers)
    assert server.client.get("/space").json()["announced"] == 1000

    put(server, "a/x.bin")

    assert server.client.get("/space").json()["announced"] == 0
