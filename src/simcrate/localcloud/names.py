"""Keys and file names as they come from outside.

A key is what the uploader calls an object (`<delivery uuid>/<slug>.zip`); its last segment is the file
name that a downloader gets.  Neither ever becomes a path on this server's disk, so the rules below are
about what clients do with them: no way up, no control characters, no length that a file system refuses.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import quote, unquote_to_bytes

from simcrate.localcloud.problems import Problem

MAX_KEY_BYTES = 1024
MAX_FILENAME_BYTES = 255  # the limit of common file systems


def parse_key(raw: bytes) -> str:
    """A key from the percent-encoded rest of a path."""
    try:
        return checked_key(unquote_to_bytes(raw).decode())
    except UnicodeDecodeError as error:
        raise Problem("bad-name", "the name is not UTF-8 after percent-decoding") from error


def checked_key(key: str) -> str:
    """The key itself, if it can be used."""
    segments = key.split("/")
    if any(segment in {"", ".", ".."} for segment in segments):
        message = "a name needs non-empty segments between slashes, none of them '.' or '..'"
        raise Problem("bad-name", message)
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in key) or "\\" in key:
        raise Problem("bad-name", "a name holds no control characters and no backslashes")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise Problem("bad-name", f"a name has at most {MAX_KEY_BYTES} bytes in UTF-8")
    if any(len(segment.encode()) > MAX_FILENAME_BYTES for segment in segments):
        message = f"each segment of a name has at most {MAX_FILENAME_BYTES} bytes in UTF-8"
        raise Problem("bad-name", message)
    return key


def filename_of(key: str) -> str:
    """The last segment of a key."""
    return key.rpartition("/")[2]


def content_disposition(filename: str, *, kind: str = "attachment") -> str:
    """A header value that gives every name safely (RFC 6266, RFC 8187).

    The plain `filename` is ASCII without quotes, backslashes and percent signs, which some browsers
    would decode; `filename*` has the name itself.
    """
    plain = "".join(_harmless(letter) for letter in filename)
    if plain == filename:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _harmless(letter: str) -> str:
    return letter if letter.isascii() and letter.isprintable() and letter not in '"\\%' else "_"
