"""JSON bodies of requests: small, known members only, each checked."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from simcrate.localcloud.digests import SHA256_HEX
from simcrate.localcloud.names import checked_key
from simcrate.localcloud.problems import Problem

MAX_JSON_BYTES = 64 << 10
MAX_SIZE_BYTES = 1 << 60
MAX_SECONDS = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Body:
    """The members of a JSON object."""

    members: dict[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def text(self, name: str) -> str:
        """A member that is text."""
        value = self.members[name]
        if not isinstance(value, str):
            raise Problem("bad-request", f"'{name}' must be text")
        return value

    def whole(self, name: str, *, at_most: int) -> int:
        """A member that is a whole number from 0 on."""
        value = self.members[name]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= at_most:
            raise Problem("bad-request", f"'{name}' must be a whole number from 0 to {at_most}")
        return value

    def flag(self, name: str) -> bool:
        """A member that is true or false."""
        value = self.members[name]
        if not isinstance(value, bool):
            raise Problem("bad-request", f"'{name}' must be true or false")
        return value

    def key(self) -> str:
        """The member `key`."""
        return checked_key(self.text("key"))

    def size_bytes(self) -> int:
        """The member `size`."""
        return self.whole("size", at_most=MAX_SIZE_BYTES)

    def sha256(self) -> str:
        """The member `sha256`, in hex."""
        text = self.text("sha256").lower()
        if SHA256_HEX.fullmatch(text) is None:
            raise Problem("bad-digest", "'sha256' must be 64 hexadecimal digits")
        return text

    def seconds(self, *, default: float) -> float:
        """The member `expires_in_s`."""
        if "expires_in_s" not in self:
            return default
        return float(self.whole("expires_in_s", at_most=MAX_SECONDS))


async def read_body(
    request: Request, *, required: AbstractSet[str], optional: AbstractSet[str] = frozenset()
) -> Body:
    """The request's JSON object.

    Raises:
        Problem: `too-large`; `bad-request` for anything else than an object with these members.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_JSON_BYTES:
            raise Problem("too-large", f"a JSON body has at most {MAX_JSON_BYTES} bytes here")
    try:
        members = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Problem("bad-request", "the body is not JSON") from error
    if not isinstance(members, dict):
        raise Problem("bad-request", "the body must be a JSON object")
    missing = sorted(required - members.keys())
    unknown = sorted(members.keys() - required - optional)
    if missing or unknown:
        message = f"members missing: {missing}; unknown: {unknown}"
        raise Problem("bad-request", message[:500])
    return Body(members)
