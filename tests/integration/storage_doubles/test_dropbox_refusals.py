"""What can be wrong with a Dropbox account or definition, each with a name and what to do."""

from __future__ import annotations

import io
import logging
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simcrate.errors import (
    DefinitionError,
    StorageAuthError,
    StorageBusyError,
    StorageError,
    StorageFullError,
    StorageNotFoundError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.secret import ScrubbingFormatter, Secret
from simcrate.storage import (
    LinkPolicy,
    Source,
    StorageBackend,
    StorageDefinition,
    StoredCrate,
    dropboxops,
    obstacles,
    open_backend,
)
from simcrate.storage.contract import make_source, new_name
from tests.servers.dropbox import DropboxServer
from tests.servers.dropbox_replies import (
    as_json,
    error_body,
    plain,
    rate_limited,
    rate_limited_in_text,
)
from tests.servers.dropbox_state import SCOPES
from tests.servers.http_double import Fault, Reply

CONTENT = os.urandom(3000)
DAYS_3 = timedelta(days=3)
CREATE_LINK = "create_shared_link_with_settings"


@pytest.fixture
def backend(dropbox: DropboxServer) -> Iterator[StorageBackend]:
    with closing(open_dropbox(dropbox)) as opened:
        yield opened


@pytest.fixture
def crate(tmp_path: Path) -> Source:
    return make_source(tmp_path / "crate.zip", CONTENT)


@pytest.fixture
def stored(backend: StorageBackend, crate: Source) -> StoredCrate:
    return upload(backend, crate)


def open_dropbox(dropbox: DropboxServer, /, **config: str | bool) -> StorageBackend:
    state = dropbox.state
    given = {
        "app_key": state.app_key,
        "app_secret": state.app_secret,
        "refresh_token": state.add_refresh_token(),
        **config,
    }
    return open_backend(StorageDefinition(name="Dropbox", id="dropbox", config=given))


def upload(backend: StorageBackend, crate: Source, name: str = "") -> StoredCrate:
    return backend.upload(
        crate, name or new_name(), save_resume=lambda _: None, progress=lambda _: None
    )


def served(dropbox: DropboxServer, url: str) -> bytes:
    from simcrate.storage.dropbox_api import DropboxApi
    from simcrate.storage.dropbox_links import open_link
    from simcrate.storage.dropboxops import load_sdk

    with open_link(DropboxApi(load_sdk(), None), url) as response:
        return bytes(response.content)


# Credentials


def test_a_refresh_token_that_was_revoked_is_refused(
    dropbox: DropboxServer, backend: StorageBackend
) -> None:
    dropbox.state.refresh_tokens.clear()

    with pytest.raises(StorageAuthError, match="connect it again"):
        backend.space()


def test_a_wrong_app_secret_is_refused(dropbox: DropboxServer) -> None:
    with (
        closing(open_dropbox(dropbox, app_secret="wrong")) as backend,
        pytest.raises(StorageAuthError, match="app_secret"),
    ):
        backend.space()


def test_a_bare_token_that_is_none_is_refused(dropbox: DropboxServer) -> None:
    opened = open_backend(StorageDefinition(name="Dropbox", id="dropbox", token="abcdef"))
    with closing(opened) as backend, pytest.raises(StorageAuthError):
        backend.space()


@pytest.mark.parametrize(
    "scope", ["files.content.write", "files.metadata.read", "sharing.write", "sharing.read"]
)
def test_the_doctor_names_a_permission_that_the_app_lacks(
    dropbox: DropboxServer, scope: str
) -> None:
    scopes = tuple(granted for granted in SCOPES if granted != scope)
    token = dropbox.state.add_access_token(scopes)
    opened = open_backend(StorageDefinition(name="Dropbox", id="dropbox", token=token))
    with closing(opened) as backend:
        failed = [finding for finding in backend.check() if not finding.ok]

    assert failed
    assert f"'{scope}'" in failed[0].seen


def test_the_doctor_names_an_address_that_is_not_verified(
    dropbox: DropboxServer, backend: StorageBackend
) -> None:
    dropbox.state.email_verified = False

    first = next(iter(backend.check()))
    assert not first.ok
    assert "verify" in first.todo


@pytest.mark.parametrize(
    ("token", "config", "message"),
    [
        ("sl.abc", {"app_key": "k", "refresh_token": "r"}, "exclude each other"),
        ("", {"refresh_token": "r"}, "app_key"),
        ("two words", {}, "without blanks"),
        ("", {"app_key": "k", "refresh_token": "r\n"}, "without blanks"),
        ("sl.abc", {"directory": "a/../b"}, "directory"),
        ("sl.abc", {"directory": "a/Desktop.ini"}, "directory"),
    ],
)
def test_options_that_cannot_be_right_are_refused_when_they_are_saved(
    token: str, config: dict[str, str], message: str
) -> None:
    with pytest.raises(DefinitionError, match=message):
        open_backend(StorageDefinition(name="D", id="dropbox", token=token, config=config))


def test_a_definition_without_an_account_can_be_saved_but_not_used() -> None:
    definition = StorageDefinition(name="D", id="dropbox", config={"app_key": "k"})

    (reason,) = obstacles(definition)
    assert "simcrate storage connect dropbox" in reason


# Answers


@pytest.mark.parametrize(
    ("reply", "retry_after_s"), [(rate_limited(15), 15), (rate_limited_in_text(300), 300)]
)
def test_a_rate_limit_says_when_to_come_back_in_both_shapes(
    dropbox: DropboxServer, backend: StorageBackend, reply: Reply, retry_after_s: int
) -> None:
    dropbox.faults.on("get_space_usage", Fault("before", reply))

    with pytest.raises(StorageBusyError) as caught:
        backend.space()
    assert caught.value.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    "reply",
    [
        plain(500, "<html>oops</html>", "text/html"),
        plain(503, "", "text/plain"),
        plain(200, "<html>Sign in to the hotel's network</html>", "text/html"),
        plain(200, "<html></html>", "application/json"),
        plain(200, "{}", "application/json; charset=utf-8"),
        plain(401, "<html></html>", "text/html"),
        plain(404, "<html></html>", "text/html"),
    ],
    ids=["500", "503", "200 html", "no json", "other type", "401 html", "404 html"],
)
def test_an_answer_that_is_a_fault_or_somebody_elses_is_worth_another_try(
    dropbox: DropboxServer, backend: StorageBackend, reply: Reply
) -> None:
    dropbox.faults.on("get_space_usage", Fault("before", reply))

    with pytest.raises(StorageUnreachableError):
        backend.space()


def test_a_server_that_never_answers_is_given_up_and_worth_another_try(
    dropbox: DropboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropboxops, "TIMEOUT_S", 0.2)
    dropbox.faults.on("get_space_usage", Fault("never"))

    with closing(open_dropbox(dropbox)) as backend, pytest.raises(StorageUnreachableError):
        backend.space()


def test_an_error_that_the_sdk_does_not_know_is_final(
    dropbox: DropboxServer, stored: StoredCrate, backend: StorageBackend
) -> None:
    unknown = as_json(error_body({".tag": "invalid_account_type"}), 403)
    dropbox.faults.on("get_metadata", Fault("before", unknown))

    with pytest.raises(StorageRefusedError, match="SDK does not know"):
        backend.stat(stored)


def test_a_commit_among_too_many_others_is_worth_another_try(
    dropbox: DropboxServer, backend: StorageBackend, crate: Source
) -> None:
    error = {
        ".tag": "path",
        "reason": {".tag": "too_many_write_operations"},
        "upload_session_id": "s",
    }
    dropbox.faults.on("files/upload", Fault("before", as_json(error_body(error), 409)))

    with pytest.raises(StorageBusyError):
        upload(backend, crate)


@pytest.mark.parametrize(
    "slug", ["x" * 252 + ".zip", "desktop.ini", "a\\b.zip", "end ", "", "a\x7f"]
)
def test_a_name_that_dropbox_cannot_store_is_refused_before_anything_is_sent(
    dropbox: DropboxServer, backend: StorageBackend, crate: Source, slug: str
) -> None:
    with pytest.raises(StorageRefusedError, match="another title"):
        upload(backend, crate, new_name(slug))
    assert not any("/2/files/" in line for line in dropbox.seen)


# Teams


@pytest.mark.parametrize(
    ("limit", "limit_type", "free"),
    [
        (0, "stop_sync", 4000),
        (1500, "stop_sync", 500),
        (1500, "alert_only", 4000),
        (1500, "off", 4000),
    ],
)
def test_a_teams_space_is_the_teams_and_below_it_the_members_share(
    dropbox: DropboxServer, backend: StorageBackend, limit: int, limit_type: str, free: int
) -> None:
    dropbox.state.team = {
        "used": 5000,
        "allocated": 9000,
        "limit": limit,
        "limit_type": limit_type,
        "member_used": 1000,
    }

    assert backend.space().free_bytes == free


def test_a_crate_goes_into_the_teams_space_where_the_definition_says_so(
    dropbox: DropboxServer, crate: Source
) -> None:
    dropbox.state.team = {"used": 0, "allocated": 10**9}
    dropbox.state.root_namespace = "7"
    with closing(open_dropbox(dropbox, team_space=True, directory="/Simulations/")) as backend:
        stored = upload(backend, crate)
        found = [crate.name for crate in backend.list_owned()]

    ((namespace, path),) = dropbox.state.files
    assert namespace == "7"
    assert path.startswith("/simulations/")
    assert found == [stored.name]


def test_a_member_who_left_the_teams_space_is_told(dropbox: DropboxServer, crate: Source) -> None:
    dropbox.state.root_namespace = "7"
    with closing(open_dropbox(dropbox, team_space=True)) as backend:
        backend.space()
        dropbox.state.root_namespace = "8"
        with pytest.raises(StorageRefusedError, match="team_space"):
            upload(backend, crate)


def test_a_full_team_is_full(
    dropbox: DropboxServer, backend: StorageBackend, crate: Source
) -> None:
    dropbox.state.team = {"used": 10**9, "allocated": 10**9}

    with pytest.raises(StorageFullError):
        upload(backend, crate)


# Links


@pytest.mark.parametrize("with_metadata", [True, False])
def test_a_link_whose_answer_was_lost_is_found(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate, *, with_metadata: bool
) -> None:
    dropbox.state.exists_with_metadata = with_metadata
    exists = as_json(error_body({".tag": "shared_link_already_exists"}), 409)
    dropbox.faults.on(CREATE_LINK, Fault("after", exists))
    link = backend.link(stored, LinkPolicy())

    assert len(dropbox.state.links) == 1
    assert served(dropbox, link.url) == CONTENT


def test_a_link_is_found_again_and_stays_the_same(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    policy = LinkPolicy(expires_at=datetime.now(UTC) + DAYS_3)
    links = [backend.link(stored, policy) for _ in range(2)]

    assert links[0] == links[1]
    assert not links[0].remarks
    assert "rlkey=" in links[0].url
    assert links[0].url.endswith("dl=1")


def test_the_end_of_a_link_is_moved_and_taken_away(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    first = backend.link(stored, LinkPolicy(expires_at=datetime.now(UTC) + DAYS_3))
    later = datetime.now(UTC) + 2 * DAYS_3
    second = backend.link(stored, LinkPolicy(expires_at=later))
    third = backend.link(stored, LinkPolicy())

    assert first.url == second.url == third.url
    assert second.expires_at is not None
    assert abs(second.expires_at - later) < timedelta(seconds=2)
    assert third.expires_at is None


def test_a_plan_without_ends_of_links_gives_one_for_ever_and_says_so(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    dropbox.state.plan = "basic"
    for _ in range(2):
        link = backend.link(stored, LinkPolicy(expires_at=datetime.now(UTC) + DAYS_3))

        assert link.expires_at is None
        assert "ends the link never" in link.remarks[0]


def test_a_plan_without_passwords_gives_no_open_link_instead(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    dropbox.state.plan = "basic"

    with pytest.raises(StorageRefusedError, match="no passwords"):
        backend.link(stored, LinkPolicy(password=Secret("Correct-horse-7")))
    assert dropbox.state.links == {}


def test_a_team_that_keeps_links_to_itself_is_told_in_the_link(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    dropbox.state.team_only_links = True

    assert "members of the team only" in backend.link(stored, LinkPolicy()).remarks[0]


def test_a_link_that_somebody_closed_is_opened_again(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    first = backend.link(stored, LinkPolicy())
    (link,) = dropbox.state.links.values()
    link.audience = "team"
    second = backend.link(stored, LinkPolicy())

    assert second == first
    assert served(dropbox, second.url) == CONTENT


def test_links_that_were_stopped_for_traffic_are_worth_a_day_of_waiting(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    dropbox.state.banned = True

    with pytest.raises(StorageBusyError, match="too much traffic") as caught:
        backend.link(stored, LinkPolicy())
    assert caught.value.retry_after_s == 24 * 3600


def test_an_account_that_may_not_share_is_told_why(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    dropbox.state.email_verified = False

    with pytest.raises(StorageRefusedError, match="not verified"):
        backend.link(stored, LinkPolicy())


def test_a_link_in_the_past_is_refused(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    with pytest.raises(StorageRefusedError, match="settings of a link"):
        backend.link(stored, LinkPolicy(expires_at=datetime.now(UTC) - DAYS_3))


# Listing and removing


def test_listings_in_pages_that_dropbox_gives_up_are_complete_and_without_doubles(
    dropbox: DropboxServer, backend: StorageBackend, crate: Source
) -> None:
    names = [upload(backend, crate).name for _ in range(4)]
    dropbox.state.page_size = 1
    dropbox.state.resets = 2

    assert sorted(stored.name for stored in backend.list_owned()) == sorted(names)


def test_deleting_takes_link_file_and_folder_and_nothing_else(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    dropbox.state.put("/kept.txt", b"somebody's")
    backend.link(stored, LinkPolicy())
    backend.delete(stored)

    assert dropbox.state.all_paths() == ["/kept.txt"]
    assert dropbox.state.folders == set()
    assert dropbox.state.links == {}


def test_a_file_that_somebody_changed_is_not_deleted(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    dropbox.state.put(f"/{stored.name}", b"something else")

    with pytest.raises(StorageRefusedError, match="another file"):
        backend.delete(stored)
    assert dropbox.state.all_paths() == [f"/{stored.name}"]


def test_a_file_that_changes_just_before_it_is_deleted_is_kept(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    changed = error_body(
        {".tag": "path_write", "path_write": {".tag": "conflict", "conflict": {".tag": "file"}}}
    )
    dropbox.faults.on("delete_v2", Fault("before", as_json(changed, 409)))

    with pytest.raises(StorageRefusedError):
        backend.delete(stored)


def test_a_file_that_is_gone_is_not_found(
    dropbox: DropboxServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    dropbox.state.files.clear()

    with pytest.raises(StorageNotFoundError):
        backend.stat(stored)


# Secrets


def _revoked(dropbox: DropboxServer, crate: Source) -> None:
    with closing(open_dropbox(dropbox)) as backend:
        dropbox.state.refresh_tokens.clear()
        upload(backend, crate)


def _reset(dropbox: DropboxServer, crate: Source) -> None:
    dropbox.faults.on("files/upload", Fault("mid-body"))
    with closing(open_dropbox(dropbox)) as backend:
        upload(backend, crate)


def _fault(dropbox: DropboxServer, crate: Source) -> None:
    dropbox.faults.on("oauth2/token", Fault("before", plain(500, "oops", "text/plain")))
    with closing(open_dropbox(dropbox)) as backend:
        upload(backend, crate)


def _expired(dropbox: DropboxServer, crate: Source) -> None:
    token = dropbox.state.add_access_token()
    dropbox.state.expire_access_tokens()
    opened = open_backend(StorageDefinition(name="D", id="dropbox", token=token))
    with closing(opened) as backend:
        upload(backend, crate)


@pytest.mark.parametrize("fail", [_revoked, _reset, _fault, _expired])
def test_a_secret_is_in_no_error_traceback_or_log(
    dropbox: DropboxServer, crate: Source, fail: Callable[[DropboxServer, Source], None]
) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(ScrubbingFormatter())
    logging.root.addHandler(handler)
    level = logging.root.level
    logging.root.setLevel(logging.DEBUG)
    try:
        with pytest.raises(StorageError) as caught:
            fail(dropbox, crate)
    finally:
        logging.root.removeHandler(handler)
        logging.root.setLevel(level)

    error = caught.value
    told = "".join(traceback.format_exception(error)) + error.detail + log.getvalue()
    secrets = [dropbox.state.app_secret, *dropbox.state.issued]
    assert [secret for secret in secrets if secret in told] == []
    assert dropbox.http.host not in str(error)
