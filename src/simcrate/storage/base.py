"""The interface of a storage backend; its docstrings are the contract.

A storage backend puts crates where users can fetch them.  One object stands for one *definition* (the
seven tags) and is used by one thread at a time.  It knows nothing of ledgers, retries, users or mail:
retry, rate limits and deadlines wrap around it (`simcrate.storage.wrappers`), the delivery engine
decides what happens next.  It never sleeps to retry and never logs arguments.

Every error is a `StorageError` of `simcrate.errors`; its class says whether trying again may help.
`simcrate.storage.contract` is a test suite that every backend's tests subclass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from simcrate.secret import Secret

JSON = Any
"""What `json.dumps` takes."""

SaveResume = Callable[[JSON], None]
"""Persist the resume value; the upload goes on only after it returned."""

ShowProgress = Callable[[int], None]
"""Bytes of the crate that the backend has for certain."""

OptionValue = str | int | bool | Secret | None
"""A validated option: a `Secret` where it is declared secret, None where it is not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One key of a definition's config, declared once: form, validation, docs and redaction follow."""

    name: str
    help: str
    """The first sentence must make sense alone."""
    default: str | int | bool | None = None
    required: bool = False
    secret: bool = False
    """A text that reaches the backend as a `Secret`, is encrypted at rest and never shown again."""
    address: bool = False
    """Says where the secrets are sent: who changes it must write them again."""
    example: str = ""
    kind: type[str | int | bool] = str
    """What its value must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a kind of backend can do, as data."""

    resumes: bool
    """An upload goes on in another process from its resume value."""
    expires_links: bool
    """The provider itself ends a link at a given time, at least on some plans."""
    link_passwords: bool
    """A link can have a password, at least on some plans."""
    digest: str
    """The digest that the provider computes and we compare: `sha256`, `dropbox`, …; empty: size and
    a read-back instead."""
    reports_space: bool
    """`space` tells how much is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The crate in the spool: a file that does not change while it is uploaded.

    A backend re-checks size and modification time before the step that makes the remote file final, and
    raises `StorageIntegrityError` when they moved (`simcrate.storage.reading` does).
    """

    path: Path
    size_bytes: int
    sha256: str
    """Hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCrate:
    """One remote file that is whole and compared."""

    remote_id: str
    """What the provider names it by; never re-used for another file."""
    name: str
    """The name that we asked for, or what the provider made of it."""
    size_bytes: int
    digest: str
    """`algorithm:hex` as compared, or empty where the provider has none."""
    account: str = ""
    """The remote account or server that it went to, without credentials."""
    extra: Mapping[str, JSON] = field(default_factory=dict)
    """What this backend needs to find, link or delete it again; JSON, and no credential that is good
    for anything but this one file."""

    @property
    def delivery_id(self) -> str:
        """As its name says."""
        return self.name.strip("/").partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPolicy:
    """What we ask of a link."""

    expires_at: datetime | None = None
    """Aware UTC; None: for ever."""
    password: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link and what really holds for it."""

    url: str
    expires_at: datetime | None = None
    """When the provider ends it; None: it will not by itself."""
    has_password: bool = False
    remarks: tuple[str, ...] = ()
    """Sentences on every difference between asked and effective policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes; None where the provider does not say."""

    used_bytes: int | None
    free_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One step of the doctor."""

    step: str
    """`authenticate`, `target`, `space`, `write`, `link`, `fetch`, `delete`, `gone`."""
    ok: bool
    seen: str
    """What was seen, in a sentence."""
    todo: str = ""
    """What to do about it; empty when all is well."""


class StorageBackend(ABC):
    """One configured place that crates can go to."""

    kind: ClassVar[str]
    """The registered name, the part of `storage_backend_id` before a colon."""
    title: ClassVar[str]
    """What people call it."""
    abilities: ClassVar[Abilities]
    options: ClassVar[tuple[Option, ...]]
    """The keys of `storage_backend_config`."""
    token_option: ClassVar[Option | None] = None
    """What `storage_backend_token` means here; None: it must be empty."""

    @abstractmethod
    def __init__(self, *, token: OptionValue, config: Mapping[str, OptionValue]) -> None:
        """Take validated values; connect to nothing yet.

        Args:
            token: None where the definition has none.
            config: every declared option is a key.
        """

    @classmethod
    def faults(cls, token: OptionValue, config: Mapping[str, OptionValue]) -> tuple[str, ...]:  # noqa: ARG003
        """What is wrong with these options beyond unknown, missing and mistyped ones.

        Each a clause that reads after "this definition cannot be used: " and holds no value of a
        secret option.  Such a definition is not saved.
        """
        return ()

    @classmethod
    def obstacles(cls, token: OptionValue, config: Mapping[str, OptionValue]) -> tuple[str, ...]:  # noqa: ARG003
        """What a right definition still lacks before it can be used.

        Each a clause that reads after "cannot be used yet: ".  Such a definition is saved, inactive.
        """
        return ()

    @abstractmethod
    def check(self) -> Iterator[Finding]:
        """The doctor: try everything that a delivery needs.

        Authenticate, find the target, space, write a canary, link it, fetch the link as an anonymous
        user and compare, delete it, confirm that it is gone.  Yields one finding per step as it is
        done and ends after the first step that makes the next ones meaningless.  Raises nothing for
        what a definition can have wrong.  `simcrate.storage.doctor` has the steps that are the same
        everywhere.
        """

    @abstractmethod
    def upload(
        self,
        source: Source,
        name: str,
        *,
        resume: JSON = None,
        save_resume: SaveResume,
        progress: ShowProgress,
    ) -> StoredCrate:
        """Bring the crate to the backend under `name` (`<delivery uuid>/<slug>.zip`).

        Streams.  All or nothing under the final name.  Compares digest, or size where there is none.
        Safe to repeat: the same call after any failure, in another process too, ends with exactly one
        remote file; a crate that is already there whole is found and not sent again.  `resume` is the
        last value given to `save_resume`, or None; a stale one costs time, never correctness.

        `save_resume` is called before the first byte is sent where the kind resumes, and whenever the
        value changes; `progress` never goes back within a call and ends at the size.  What either of
        them raises passes through unchanged, and is like the death of the process.

        Raises:
            StorageError: any of them; `StorageIntegrityError` also for a crate that changed.
        """

    @abstractmethod
    def link(self, stored: StoredCrate, policy: LinkPolicy) -> Link:
        """Make, or find, the link of a stored crate.

        Safe to repeat, with another policy too: the newest one holds.  Asked policy in, effective
        policy out; what cannot be done as asked is a remark, not an error.

        Raises:
            StorageNotFoundError: the crate is gone.
        """

    @abstractmethod
    def stat(self, stored: StoredCrate) -> StoredCrate:
        """What is there now under that remote id; raises `StorageNotFoundError`."""

    @abstractmethod
    def delete(self, stored: StoredCrate) -> None:
        """Remove the remote file and its links, only if it is still the one that was stored.

        Succeeds when it is gone already; raises `StorageRefusedError` when another file stands there, or
        when it was stored in another place than this one (`simcrate.storage.whereabouts`).
        """

    @abstractmethod
    def list_owned(self) -> Iterator[StoredCrate]:
        """Everything that looks stored by us, in no order."""

    @abstractmethod
    def space(self) -> Space:
        """Space as it counts for the next upload."""

    def close(self) -> None:  # noqa: B027 - most have something to let go of, none must
        """Let go of connections; the object is not used afterwards."""
