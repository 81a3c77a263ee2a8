"""Digests in HTTP headers: RFC 9530 (`Repr-Digest`, `Content-Digest`) and tus (`Upload-Checksum`).

Inside, a digest is lower-case hex.  Of RFC 9530's algorithms only `sha-256` is used; a header that
carries others beside it, or only others, is allowed by the RFC and those are passed over.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from simcrate.localcloud.problems import Problem

SHA256_HEX = re.compile(r"[0-9a-f]{64}")
MEMBER = re.compile(
    r"\s*([a-z0-9-]+)=:([A-Za-z0-9+/=]*):\s*"
)  # RFC 8941 dictionary of byte sequences
TUS_ALGORITHMS = {"sha256": 32, "sha1": 20}  # name: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """The checksum of one part of an upload."""

    algorithm: str
    """A name that `hashlib` knows."""
    hex: str


def parse_sha256(value: str | None) -> str | None:
    """The SHA-256 in a `Repr-Digest` or `Content-Digest` header; None if there is none."""
    if value is None:
        return None
    members = dict(_member(text) for text in value.split(","))
    if (encoded := members.get("sha-256")) is None:
        return None
    return _decoded(encoded, length=32).hex()


def parse_tus_checksum(value: str | None) -> Checksum | None:
    """The checksum in tus's `Upload-Checksum: sha1 <base64>`; None if there is no such header."""
    if value is None:
        return None
    algorithm, _, encoded = value.strip().partition(" ")
    if algorithm not in TUS_ALGORITHMS:
        known = ", ".join(TUS_ALGORITHMS)
        message = f"Upload-Checksum names the algorithm '{algorithm[:20]}'; known are: {known}"
        raise Problem("bad-digest", message)
    raw = _decoded(encoded.strip(), length=TUS_ALGORITHMS[algorithm])
    return Checksum(algorithm=algorithm, hex=raw.hex())


def repr_digest(sha256: str) -> str:
    """The value of a `Repr-Digest` header."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def _member(text: str) -> tuple[str, str]:
    if (match := MEMBER.fullmatch(text)) is None:
        message = f"'{text.strip()[:80]}' is not of the form sha-256=:<base64>: (RFC 9530)"
        raise Problem("bad-digest", message)
    return match[1], match[2]


def _decoded(encoded: str, *, length: int) -> bytes:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem("bad-digest", f"'{encoded[:80]}' is not Base64") from error
    if len(raw) != length:
        raise Problem("bad-digest", f"the digest has {len(raw)} bytes instead of {length}")
    return raw
