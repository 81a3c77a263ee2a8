"""A Dropbox double for the tests of this folder; each test gets an empty account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.dropbox import DropboxServer, dropbox_server


@pytest.fixture(scope="package")
def running_dropbox() -> Iterator[DropboxServer]:
    with dropbox_server() as server:
        yield server


@pytest.fixture
def dropbox(running_dropbox: DropboxServer) -> DropboxServer:
    running_dropbox.reset()
    return running_dropbox
