"""Media types as uploaders claim them; a link is served with them, sandboxed."""

from __future__ import annotations

import re

DEFAULT_MEDIA_TYPE = "application/octet-stream"
MAX_LENGTH = 200
WORD = r"[A-Za-z0-9!#$&^_.+-]+"
MEDIA_TYPE = re.compile(rf'{WORD}/{WORD}(\s*;\s*{WORD}=({WORD}|"[ !#-~]*"))*')


def checked_media_type(value: str | None) -> str:
    """The value itself if it is a media type; else the type of plain bytes."""
    if value is None or len(value) > MAX_LENGTH or MEDIA_TYPE.fullmatch(value.strip()) is None:
        return DEFAULT_MEDIA_TYPE
    return value.strip()
