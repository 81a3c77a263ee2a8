"""A double of a Seafile server: seahub's web API and the file server, as observed on 11.0.3 and 12.0.4.

It keeps state and behaves like the real ones, traps included: 200 pages for dead links, renaming without
`replace`, chunked uploads that nobody checks, temporary files that stay, upload links that die with the
server.  `tests/data/seafile` has the recorded exchanges that it is held against.

`flavour` is the file server's language: `c` or `go` (they differ in error texts and codes).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.http_double import Faults, HttpDouble, Throttle
from tests.servers.seafile_files import FileServer
from tests.servers.seafile_hub import Seahub
from tests.servers.seafile_state import Seafile


@dataclass
class SeafileServer:
    """A running double."""

    state: Seafile
    hub: HttpDouble
    files: HttpDouble
    faults: Faults

    @property
    def url(self) -> str:
        return self.hub.url

    @property
    def seen(self) -> list[str]:
        return [*self.hub.seen, *self.files.seen]


@contextmanager
def seafile_server(
    *, flavour: str = "c", version: str = "11.0.3", throttle: Throttle | None = None
) -> Iterator[SeafileServer]:
    """Run the double: two ports, as without a proxy in front."""
    faults = Faults()
    with tempfile.TemporaryDirectory() as folder:
        state = Seafile(Path(folder), flavour=flavour, version=version)
        throttle = throttle or Throttle()
        with (
            HttpDouble(Seahub(state).answer, faults, throttle) as hub,
            HttpDouble(FileServer(state).answer, faults, throttle) as files,
        ):
            state.hub_url, state.file_url = hub.url, files.url
            yield SeafileServer(state, hub, files, faults)
        state.close()
