"""The audit log: one JSON object a line, who did what, when, from where, with which bytes.

JSON escapes control characters, so that no name forges a line.  The file is opened for every line:
move it away and a new one begins.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from simcrate.localcloud.clock import Clock, rfc3339
from simcrate.localcloud.objects import StoredObject


class AuditLog:
    """Appends to one file."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._writing = threading.Lock()

    def record(
        self, event: str, *, stored: StoredObject | None = None, **fields: str | int | float | None
    ) -> None:
        """Append a line; fields that are None are left out."""
        line: dict[str, object] = {"at": rfc3339(self._clock()), "event": event}
        if stored is not None:
            line |= {
                "object": stored.object_id,
                "owner": stored.owner,
                "key": stored.key,
                "size": stored.size_bytes,
                "sha256": stored.sha256,
            }
        line |= {name: value for name, value in fields.items() if value is not None}
        data = json.dumps(line).encode() + b"\n"
        with self._writing:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, data)
            finally:
                os.close(descriptor)
