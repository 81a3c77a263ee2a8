"""What every storage backend must do, as a pytest suite to subclass.

    # conftest.py, so that failing assertions show their values
    pytest.register_assert_rewrite("simcrate.storage.contract")

    # test_mine.py
    class TestMineBackend(StorageContract):
        @pytest.fixture
        def opener(self, server) -> Iterator[Opener]:
            yield lambda: MineBackend(token=None, config={"server": server.url})

        @pytest.fixture
        def unreachable(self) -> StorageBackend:
            return MineBackend(token=None, config={"server": "http://127.0.0.1:1"})

Run it against a real server that the tests start.  Needs pytest, which SimCrate itself does not.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from simcrate.errors import (
    StorageAuthError,
    StorageError,
    StorageIntegrityError,
    StorageNotFoundError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.secret import Secret
from simcrate.storage.base import (
    JSON,
    Link,
    LinkPolicy,
    ShowProgress,
    Source,
    StorageBackend,
    StoredCrate,
)
from simcrate.storage.doctor import fetch_anonymously
from simcrate.storage.wrappers import RetryPolicy, with_retries

Opener = Callable[[], StorageBackend]
"""A new backend object for the same definition, as another process would make it."""

KIB = 1024
PATIENCE = RetryPolicy(first_wait_s=0.2, longest_wait_s=2.0, deadline_s=30.0)
MOST_STEPS = 200  # of one upload that dies whenever its resume value changes
ASKED = timedelta(days=3)  # of an expiring link

AWKWARD_NAMES = {
    "spaces": "two  words and more.zip",
    "umlauts": "Größenänderung.zip",
    "decomposed": unicodedata.normalize("NFD", "Größe.zip"),
    "cjk": "模拟结果.zip",
    "emoji": "🚀 run.zip",
    "percent": "100%25 done%.zip",
    "url": "a?b=c&d#e+f;g=h.zip",
    "brackets": "[x](y){z}.zip",
    "quotes": "it's a ~`^!@$,=.zip",
    "dots": "..hidden..zip",
    "dash": "-rf.zip",
    "long": "x" * 180 + ".zip",
}
"""Names that a slug of a simulation's title can become at worst, and worse."""


class Killed(BaseException):
    """Stands for the death of the process in the middle of an upload."""


class StorageContract:
    """Subclass it, and give it the fixtures `opener` and `unreachable`."""

    large_bytes = 600 * KIB
    """More than the backend sends in one piece, so that an upload can break between two."""

    @pytest.fixture
    def opener(self) -> Opener:
        """Opens the backend under test, with a place of its own for each test."""
        raise NotImplementedError

    @pytest.fixture
    def unreachable(self) -> StorageBackend:
        """A backend whose server does not answer."""
        raise NotImplementedError

    @pytest.fixture
    def unauthorised(self) -> StorageBackend | None:
        """A backend with wrong credentials; None for a kind that has no credentials."""
        raise NotImplementedError

    def fetch(self, link: Link) -> bytes:
        """What an anonymous user gets from a link; raises `StorageError` for nothing."""
        return fetch_anonymously(link)

    # --- the cast

    @pytest.fixture
    def backend(self, opener: Opener) -> Iterator[StorageBackend]:
        """The backend under test, as patient as a worker is."""
        with closing(with_retries(opener(), PATIENCE)) as backend:
            yield backend

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        """A small crate."""
        return make_source(tmp_path / "small.zip", os.urandom(5 * KIB))

    @pytest.fixture
    def large(self, tmp_path: Path) -> Source:
        """A crate that is sent in several pieces."""
        return make_source(tmp_path / "large.zip", os.urandom(self.large_bytes))

    # --- uploading

    def test_a_stored_crate_says_what_was_stored(
        self, backend: StorageBackend, source: Source
    ) -> None:
        stored = upload(backend, source)

        assert stored.size_bytes == source.size_bytes
        assert stored.remote_id
        assert stored.digest.partition(":")[0] == backend.abilities.digest

    def test_a_stored_crate_survives_the_way_through_json(
        self, backend: StorageBackend, source: Source
    ) -> None:
        stored = upload(backend, source)
        again = StoredCrate(**json.loads(json.dumps(asdict(stored))))

        assert backend.stat(again).size_bytes == source.size_bytes

    def test_an_anonymous_user_gets_the_same_bytes(
        self, backend: StorageBackend, large: Source
    ) -> None:
        link = backend.link(upload(backend, large), LinkPolicy())

        assert self.fetch(link) == large.path.read_bytes()

    def test_an_empty_crate_is_stored_and_served(
        self, backend: StorageBackend, tmp_path: Path
    ) -> None:
        stored = upload(backend, make_source(tmp_path / "empty.zip", b""))

        assert stored.size_bytes == 0
        assert self.fetch(backend.link(stored, LinkPolicy())) == b""

    @pytest.mark.parametrize("slug", AWKWARD_NAMES.values(), ids=AWKWARD_NAMES.keys())
    def test_an_awkward_name_is_stored_served_and_found_again(
        self, backend: StorageBackend, source: Source, slug: str
    ) -> None:
        name = new_name(slug)
        stored = upload(backend, source, name)

        assert self.fetch(backend.link(stored, LinkPolicy())) == source.path.read_bytes()
        assert upload(backend, source, name).remote_id == stored.remote_id

    def test_progress_never_goes_back_and_ends_at_the_size(
        self, backend: StorageBackend, large: Source
    ) -> None:
        reports: list[int] = []
        upload(backend, large, progress=reports.append)

        assert reports == sorted(reports)
        assert reports[-1] == large.size_bytes

    def test_the_same_upload_again_finds_the_crate(
        self, opener: Opener, backend: StorageBackend, large: Source
    ) -> None:
        name = new_name()
        first = upload(backend, large, name)
        with closing(with_retries(opener(), PATIENCE)) as another:
            second = upload(another, large, name)

        assert second.remote_id == first.remote_id
        assert ids_named(backend, first.name) == [first.remote_id]

    @pytest.mark.parametrize("part", [0.0, 0.5, 1.0], ids=["start", "middle", "end"])
    def test_an_upload_that_was_killed_ends_with_one_whole_file(
        self, opener: Opener, backend: StorageBackend, large: Source, part: float
    ) -> None:
        name = new_name()
        resume = killed_upload(opener(), large, name, at_bytes=int(large.size_bytes * part))
        stored = upload(backend, large, name, resume=resume)

        assert self.fetch(backend.link(stored, LinkPolicy())) == large.path.read_bytes()
        assert ids_named(backend, stored.name) == [stored.remote_id]

    def test_an_upload_that_is_killed_at_every_step_in_turn_ends_with_one_whole_file(
        self, opener: Opener, backend: StorageBackend, large: Source
    ) -> None:
        name, file, steps = new_name(), _JsonFile(), 0
        while _killed_after_one_step(opener(), large, name, file):
            steps += 1
            assert steps < MOST_STEPS
        stored = upload(backend, large, name, resume=json.loads(file.text))

        assert self.fetch(backend.link(stored, LinkPolicy())) == large.path.read_bytes()
        assert ids_named(backend, stored.name) == [stored.remote_id]

    def test_an_upload_that_was_killed_goes_on_from_its_resume_value(
        self, opener: Opener, backend: StorageBackend, large: Source
    ) -> None:
        if not backend.abilities.resumes:
            pytest.skip("this kind does not resume")
        name = new_name()
        resume = killed_upload(opener(), large, name, at_bytes=large.size_bytes // 2)
        reports: list[int] = []
        upload(backend, large, name, resume=resume, progress=reports.append)

        assert reports[0] > 0

    def test_a_stale_resume_value_costs_time_only(
        self, opener: Opener, backend: StorageBackend, large: Source
    ) -> None:
        name = new_name()
        resume = killed_upload(opener(), large, name, at_bytes=large.size_bytes // 2)
        backend.delete(upload(backend, large, name, resume=resume))
        stored = upload(backend, large, name, resume=resume)

        assert self.fetch(backend.link(stored, LinkPolicy())) == large.path.read_bytes()

    @pytest.mark.parametrize("value", [{}, {"unknown": 1}, [], "text", 7], ids=repr)
    def test_a_resume_value_of_nobody_is_as_good_as_none(
        self, backend: StorageBackend, source: Source, value: JSON
    ) -> None:
        assert upload(backend, source, resume=value).size_bytes == source.size_bytes

    def test_another_crate_under_the_resumed_name_is_not_mixed_with_the_first(
        self, opener: Opener, backend: StorageBackend, large: Source, tmp_path: Path
    ) -> None:
        name = new_name()
        resume = killed_upload(opener(), large, name, at_bytes=large.size_bytes // 2)
        other = make_source(tmp_path / "other.zip", os.urandom(self.large_bytes - 1))
        stored = upload(backend, other, name, resume=resume)

        assert self.fetch(backend.link(stored, LinkPolicy())) == other.path.read_bytes()

    def test_a_crate_that_changes_while_it_is_uploaded_is_refused(
        self, opener: Opener, large: Source
    ) -> None:
        name = new_name()
        changes = iter([large.path])

        def change(_: int) -> None:
            if path := next(changes, None):
                with path.open("r+b") as file:
                    file.seek(-1, os.SEEK_END)
                    file.write(os.urandom(1))
                os.utime(path, ns=(1, 1))

        with closing(opener()) as backend:
            with pytest.raises(StorageIntegrityError):
                upload(backend, large, name, progress=change)

            assert ids_named(backend, name) == []

    def test_a_crate_that_is_not_what_it_was_is_not_stored(
        self, opener: Opener, source: Source
    ) -> None:
        name = new_name()
        source.path.write_bytes(b"short")

        with closing(opener()) as backend:
            with pytest.raises(StorageIntegrityError):
                upload(backend, source, name)

            assert ids_named(backend, name) == []

    # --- linking

    def test_a_link_does_not_contain_the_deliverys_uuid(
        self, backend: StorageBackend, source: Source
    ) -> None:
        name = new_name()
        link = backend.link(upload(backend, source, name), LinkPolicy())

        assert name.partition("/")[0] not in link.url

    def test_linking_twice_gives_working_links(
        self, backend: StorageBackend, source: Source
    ) -> None:
        stored = upload(backend, source)
        links = [backend.link(stored, LinkPolicy()) for _ in range(2)]

        assert [self.fetch(link) for link in links] == [source.path.read_bytes()] * 2

    def test_a_link_expires_when_asked_or_says_that_it_does_not(
        self, backend: StorageBackend, source: Source
    ) -> None:
        asked = datetime.now(UTC) + ASKED
        link = backend.link(upload(backend, source), LinkPolicy(expires_at=asked))

        assert backend.abilities.expires_links or link.expires_at is None
        if link.expires_at is None or abs(link.expires_at - asked) > timedelta(minutes=1):
            assert link.remarks

    def test_the_expiry_of_a_link_can_be_moved(
        self, backend: StorageBackend, source: Source
    ) -> None:
        stored = upload(backend, source)
        now = datetime.now(UTC)
        backend.link(stored, LinkPolicy(expires_at=now + 2 * ASKED))
        link = backend.link(stored, LinkPolicy(expires_at=now + ASKED))

        if link.expires_at is None or abs(link.expires_at - (now + ASKED)) > timedelta(minutes=1):
            assert link.remarks

    def test_a_password_holds_or_the_link_says_that_it_does_not(
        self, backend: StorageBackend, source: Source
    ) -> None:
        policy = LinkPolicy(password=Secret("Correct-horse-7-battery"))
        link = backend.link(upload(backend, source), policy)

        if link.has_password:
            assert not self._is_served(link, source)
        else:
            assert link.remarks

    def test_a_link_of_a_deleted_crate_is_refused(
        self, backend: StorageBackend, source: Source
    ) -> None:
        stored = upload(backend, source)
        backend.delete(stored)

        with pytest.raises(StorageNotFoundError):
            backend.link(stored, LinkPolicy())

    # --- looking and removing

    def test_stat_gives_what_upload_gave(self, backend: StorageBackend, source: Source) -> None:
        stored = upload(backend, source)
        seen = backend.stat(stored)

        assert (seen.remote_id, seen.size_bytes, seen.digest) == (
            stored.remote_id,
            stored.size_bytes,
            stored.digest,
        )

    def test_a_deleted_crate_is_gone_and_so_is_its_link(
        self, backend: StorageBackend, source: Source
    ) -> None:
        stored = upload(backend, source)
        link = backend.link(stored, LinkPolicy())
        backend.delete(stored)

        with pytest.raises(StorageNotFoundError):
            backend.stat(stored)
        assert not self._is_served(link, source)

    def test_deleting_twice_succeeds(self, backend: StorageBackend, source: Source) -> None:
        stored = upload(backend, source)
        backend.delete(stored)
        backend.delete(stored)

    def test_a_crate_that_was_stored_elsewhere_does_not_count_as_gone_where_it_is_not_found(
        self, backend: StorageBackend, source: Source
    ) -> None:
        stored = upload(backend, source)
        last = "x" if stored.remote_id[-1] != "x" else "y"
        unknown_id = f"{stored.remote_id[:-1]}{last}"
        moved = replace(stored, remote_id=unknown_id, account="elsewhere.example")
        for call in (backend.delete, lambda crate: backend.link(crate, LinkPolicy())):
            with pytest.raises(StorageRefusedError, match="stored at elsewhere"):
                call(moved)

    def test_a_server_that_has_another_name_by_now_still_deletes_its_crates(
        self, backend: StorageBackend, source: Source
    ) -> None:
        stored = upload(backend, source)
        backend.delete(replace(stored, account="former-name.example"))

        assert list(backend.list_owned()) == []

    def test_deleting_never_takes_another_crate_of_the_same_name(
        self, backend: StorageBackend, source: Source, large: Source
    ) -> None:
        name = new_name()
        old = upload(backend, source, name)
        new = upload(backend, large, name)
        with suppress(StorageRefusedError):
            backend.delete(old)

        assert backend.stat(new).size_bytes == large.size_bytes

    def test_list_owned_has_every_crate_and_no_other(
        self, backend: StorageBackend, source: Source, large: Source
    ) -> None:
        kept = [upload(backend, source), upload(backend, large)]
        backend.delete(upload(backend, source))

        found = {stored.remote_id: stored.size_bytes for stored in backend.list_owned()}
        assert found == {stored.remote_id: stored.size_bytes for stored in kept}

    def test_what_list_owned_gives_can_be_looked_at_and_deleted(
        self, backend: StorageBackend, source: Source
    ) -> None:
        upload(backend, source)
        (found,) = backend.list_owned()

        assert backend.stat(found).size_bytes == source.size_bytes
        backend.delete(found)
        assert list(backend.list_owned()) == []

    def test_space_is_told_where_the_kind_says_so(self, backend: StorageBackend) -> None:
        space = backend.space()

        assert (space.free_bytes is not None) == backend.abilities.reports_space
        assert space.free_bytes is None or space.free_bytes >= 0

    # --- the doctor

    def test_the_doctor_finds_a_healthy_backend_healthy_and_leaves_nothing(
        self, backend: StorageBackend
    ) -> None:
        findings = list(backend.check())

        assert [finding for finding in findings if not finding.ok] == []
        assert [finding.step for finding in findings] == [
            *("authenticate", "target", "space", "write", "link", "fetch", "delete", "gone")
        ]
        assert list(backend.list_owned()) == []

    def test_the_doctor_says_what_to_do_when_nobody_answers(
        self, unreachable: StorageBackend
    ) -> None:
        with closing(unreachable):
            last = list(unreachable.check())[-1]

        assert not last.ok
        assert last.seen
        assert last.todo

    def test_the_doctor_finds_wrong_credentials_at_its_first_step(
        self, unauthorised: StorageBackend | None
    ) -> None:
        if unauthorised is None:
            pytest.skip("this kind has no credentials")
        with closing(unauthorised):
            (finding,) = unauthorised.check()

        assert (finding.step, finding.ok) == ("authenticate", False)
        assert finding.todo

    # --- errors

    def test_a_server_that_does_not_answer_is_worth_another_try(
        self, unreachable: StorageBackend, source: Source
    ) -> None:
        with closing(unreachable), pytest.raises(StorageUnreachableError) as caught:
            upload(unreachable, source)

        assert caught.value.retryable

    def test_wrong_credentials_are_not_worth_another_try(
        self, unauthorised: StorageBackend | None, source: Source
    ) -> None:
        if unauthorised is None:
            pytest.skip("this kind has no credentials")
        with closing(unauthorised), pytest.raises(StorageAuthError) as caught:
            upload(unauthorised, source)

        assert not caught.value.retryable

    def _is_served(self, link: Link, source: Source) -> bool:
        try:
            return self.fetch(link) == source.path.read_bytes()
        except StorageError:
            return False


def make_source(path: Path, content: bytes) -> Source:
    """A crate in the spool."""
    path.write_bytes(content)
    return Source(path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def new_name(slug: str = "epidemic-routing.zip") -> str:
    """The name of a new delivery."""
    return f"{uuid4()}/{slug}"


def upload(
    backend: StorageBackend,
    source: Source,
    name: str = "",
    *,
    resume: JSON = None,
    progress: ShowProgress = lambda _: None,
) -> StoredCrate:
    """One call of a worker that keeps its resume value in a JSON file."""
    return backend.upload(
        source,
        name or new_name(),
        resume=resume,
        save_resume=_JsonFile().save,
        progress=progress,
    )


def killed_upload(backend: StorageBackend, source: Source, name: str, *, at_bytes: int) -> JSON:
    """The last resume value of a worker that died once so many bytes were certain."""
    file = _JsonFile()

    def die(sent_bytes: int) -> None:
        if sent_bytes >= at_bytes:
            raise Killed

    with closing(backend), pytest.raises(Killed):
        backend.upload(source, name, resume=None, save_resume=file.save, progress=die)
    return json.loads(file.text)


def _killed_after_one_step(
    backend: StorageBackend, source: Source, name: str, file: _JsonFile
) -> bool:
    """A worker that dies as soon as its resume value changed; False: it came to the end."""

    def save_and_die(value: JSON) -> None:
        before = file.text
        file.save(value)
        if file.text != before:
            raise Killed

    try:
        with closing(with_retries(backend, PATIENCE)) as patient:
            patient.upload(
                source,
                name,
                resume=json.loads(file.text),
                save_resume=save_and_die,
                progress=lambda _: None,
            )
    except Killed:
        return True
    return False


def ids_named(backend: StorageBackend, name: str) -> list[str]:
    """The remote ids of everything owned under a name."""
    return [stored.remote_id for stored in backend.list_owned() if stored.name == name]


class _JsonFile:
    """Where a worker keeps a resume value; refuses what is no JSON."""

    def __init__(self) -> None:
        self.text = "null"

    def save(self, value: JSON) -> None:
        self.text = json.dumps(value)
