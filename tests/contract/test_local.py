"""The contract suite against the real local-cloud: with a secret, and open to everybody."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from simcrate.localcloud.ledger import Ledger
from simcrate.localcloud.secretbook import new_secret
from simcrate.secret import Secret
from simcrate.storage import StorageBackend
from simcrate.storage.contract import Opener, StorageContract
from simcrate.storage.local_upload import FIRST_PIECE_BYTES
from simcrate.storage.localstoreops import LocalBackend
from tests.servers.localcloud import LocalCloud, local_cloud


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with local_cloud(tmp_path_factory.mktemp("cloud") / "store") as server:
        yield server


def local_backend(address: str, secret: Secret | None) -> LocalBackend:
    return LocalBackend(token=address, config={"secret": secret, "tls": False, "ca": None})


class TestLocalBackend(StorageContract):
    large_bytes = 4 * FIRST_PIECE_BYTES + 12_345

    @pytest.fixture
    def opener(self, server: LocalCloud, request: pytest.FixtureRequest) -> Opener:
        ledger = Ledger(server.folder / "ledger.sqlite3")
        secret = new_secret(ledger, owner=request.node.name, now=time.time())
        ledger.close()
        return lambda: local_backend(server.address, secret)

    @pytest.fixture
    def unreachable(self) -> StorageBackend:
        return local_backend("127.0.0.1:1", Secret("not known there"))

    @pytest.fixture
    def unauthorised(self, server: LocalCloud) -> StorageBackend:
        return local_backend(server.address, Secret("not known there"))
