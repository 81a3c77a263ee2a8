"""What can be wrong with a crate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """The kinds of faults, as `simcrate verify --json` names them."""

    MISSING = "missing"
    """The crate says that it holds this file, and does not."""

    EXTRA = "extra"
    """It holds something that it does not speak of."""

    CHANGED = "changed"
    """The file's SHA-256 is not the recorded one."""

    TRUNCATED = "truncated"
    """The zip or a member ends too early."""

    CRC = "crc"
    """The bytes do not have the CRC-32 that the zip records."""

    SIZE = "size"
    """The file does not have the recorded size."""

    DAMAGED = "damaged"
    """The zip's own structure is broken here."""

    UNSAFE = "unsafe"
    """It would leave the directory where the crate is unpacked, or tools unpack different things of it."""

    METADATA = "metadata"
    """A record of the crate is not what its format says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a crate."""

    kind: FaultKind
    name: str
    """The member; empty: the zip as a whole."""

    text: str
    """What is wrong, in a sentence."""

    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The outcome of verifying a crate."""

    crate: str
    """File name or URL."""

    size_bytes: int
    members: int
    faults: tuple[Fault, ...]
    manifest_sha256: str = ""
    """Digest of the manifest found; empty where there is none."""

    content_digest: str = ""
    """The digest of its results that the crate records; empty where it records none."""

    @property
    def is_good(self) -> bool:
        """Whether there is no fault."""
        return not self.faults
