"""Write a file that only its owner can read."""

from __future__ import annotations

from pathlib import Path

from simcrate.durable import replace_file
from simcrate.errors import BadInputError


def write_private(path: Path, text: str) -> None:
    """Replace the file whole; mode 0600 from the first byte on.

    Raises:
        BadInputError: it cannot be written there.
    """
    try:
        replace_file(path, text.encode(), mode=0o600)
    except OSError as error:
        message = f"could not write '{path.name}': {error.strerror}; choose another place with -o"
        raise BadInputError(message, detail=str(path)) from error
