"""What Seafile's answers mean, as errors of ours.

The status decides, never the body: bodies are JSON of four shapes, JSON with raw newlines in its
strings, plain text or HTML.  The server's own words go into `detail`; they may name hosts, libraries and
link tokens.
"""

from __future__ import annotations

import re

import httpx

from simcrate.errors import (
    StorageAuthError,
    StorageBusyError,
    StorageError,
    StorageFullError,
    StorageIntegrityError,
    StorageNotFoundError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.secret import scrub

NEW_TOKEN = "get a new one with seafile-get-token"  # noqa: S105 - advice

ANSWERS: dict[int, tuple[type[StorageError], str]] = {
    401: (StorageAuthError, f"Seafile does not accept the token; {NEW_TOKEN}"),
    404: (StorageNotFoundError, "Seafile does not have it; check 'repoid' and the folder"),
    409: (StorageBusyError, "Seafile is collecting garbage"),
    413: (
        StorageRefusedError,
        "a proxy in front of Seafile refuses requests of this size;"
        " raise its limit (nginx: client_max_body_size 0)",
    ),
    429: (StorageBusyError, "Seafile asks to come back later"),
    440: (StorageRefusedError, "Seafile refuses the file name"),
    442: (
        StorageRefusedError,
        "the crate is larger than Seafile's max_upload_size; raise it there",
    ),
    443: (StorageFullError, "the quota of the library's owner is used up; free space or raise it"),
    444: (StorageNotFoundError, "the library was deleted; choose another 'repoid'"),
    445: (StorageIntegrityError, "Seafile says that the library is damaged; run its seaf-fsck"),
    446: (StorageIntegrityError, "Seafile misses a part of the file; it will be sent again"),
    447: (StorageRefusedError, "the library has as many files as Seafile allows"),
}
"""Status → error; 440 to 447 are Seafile's own."""

_WORDS = re.compile(r'"(?:error_msg|detail|error)"\s*:\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LISTED = re.compile(r'"\w+"\s*:\s*\[\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_TOKENS = re.compile(r"\b[0-9a-f]{20,}\b|\b[0-9a-f]{8}-[0-9a-f-]{27}\b")


def error_words(response: httpx.Response) -> str:
    """The server's sentence in an error body, whatever its shape; empty for HTML.

    A server that repeats our secrets tells them to nobody.
    """
    text = scrub(response.text)
    if found := _WORDS.search(text) or _LISTED.search(text):
        return " ".join(found[1].replace("\\n", " ").split())
    return "" if "<html" in text.lower() else " ".join(text[:200].split())


def public_words(response: httpx.Response) -> str:
    """The server's sentence without ids and tokens."""
    return _TOKENS.sub("…", error_words(response))


def error_of(response: httpx.Response, doing: str) -> StorageError:
    """The error that an answer means.

    Args:
        response: an answer that is not what was asked for.
        doing: what was tried, such as "make the link"; reads after "could not ".
    """
    kind, came_back = _meaning(response)
    message = f"could not {doing}: {came_back}"
    detail = f"{doing}: HTTP {response.status_code} {error_words(response)}".rstrip()
    if kind is StorageBusyError:
        return StorageBusyError(message, retry_after_s=retry_after_s(response), detail=detail)
    return kind(message, detail=detail)


def retry_after_s(response: httpx.Response) -> float:
    """Seconds of the `Retry-After` header; 0 where there is none."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else 0.0


def _meaning(response: httpx.Response) -> tuple[type[StorageError], str]:
    status = response.status_code
    if status == 403:
        return _forbidden(response)
    if status == 404 and _is_html(response):
        return StorageUnreachableError, "what answered is not Seafile; check 'server'"
    if status in ANSWERS:
        return ANSWERS[status]
    if 300 <= status < 400:
        return StorageRefusedError, "'server' redirects; write the address that it redirects to"
    if status >= 500:
        return StorageUnreachableError, f"Seafile has a fault (HTTP {status})"
    return StorageRefusedError, f"Seafile answered HTTP {status}: {public_words(response)}"


def _forbidden(response: httpx.Response) -> tuple[type[StorageError], str]:
    words = error_words(response)
    if "credentials were not provided" in words:
        return StorageAuthError, f"Seafile did not get the token; {NEW_TOKEN}"
    if "token not found" in words:
        return StorageUnreachableError, "Seafile forgot its own link"
    if "not writable" in words:
        return StorageRefusedError, "the library is read-only; make it writable or choose another"
    return (
        StorageRefusedError,
        "the account may not do this in the library (not shared with it, read-only, or encrypted);"
        " share it with write permission or choose another 'repoid'",
    )


def _is_html(response: httpx.Response) -> bool:
    return bool(response.headers.get("Content-Type", "").startswith("text/html"))
