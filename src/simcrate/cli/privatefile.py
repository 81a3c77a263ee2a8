"""Write a file that only its owner can read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from simcrate.durable import flush
from simcrate.errors import BadInputError


def write_private(path: Path, text: str) -> None:
    """Replace the file whole; mode 0600 from the first byte on.

    Raises:
        BadInputError: it cannot be written there.
    """
    part: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:  # made with mode 0600
            part = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        flush(path.parent)
    except OSError as error:
        if part is not None:
            part.unlink(missing_ok=True)
        message = f"could not write '{path.name}': {error.strerror}; choose another place with -o"
        raise BadInputError(message, detail=str(path)) from error
