"""PostgreSQL killed and started again beside the embedded queue: what ended meanwhile is written then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.acceptance.conftest import SETUP, Installation, wait_until_announced
from tests.acceptance.midway import submit
from tests.servers.localcloud import local_cloud
from tests.servers.postgresql import PostgreSQL, postgresql_server

pytestmark = pytest.mark.services


@dataclass(frozen=True)
class InstallationOnPostgreSQL(Installation):
    """The same, with its rows in a server of its own."""

    database: PostgreSQL

    @property
    def environment(self) -> Mapping[str, str]:
        return {**super().environment, "SIMCRATE_DATABASE_URL": self.database.url}

    def query(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.url) as connection:
            return connection.execute(sql.replace("?", "%s"), values).fetchall()


@pytest.fixture
def on_postgresql(tmp_path: Path) -> Iterator[InstallationOnPostgreSQL]:
    with postgresql_server() as database, local_cloud(tmp_path / "cloud") as cloud:
        made = InstallationOnPostgreSQL(tmp_path / "var", cloud, database)
        made.python(SETUP.format(address=cloud.address, secret=cloud.secret.reveal()))
        yield made


def test_a_run_that_ends_while_postgresql_is_away_is_written_once_and_delivered_once(
    on_postgresql: InstallationOnPostgreSQL, tmp_path: Path
) -> None:
    midway = submit(on_postgresql, tmp_path)
    with on_postgresql.worker(), midway.caught_simulator() as simulator:
        on_postgresql.database.stop()
        simulator.resume()
        simulator.wait()
        on_postgresql.database.start()
        simulation = wait_until_announced(on_postgresql, midway.simulation_id)

    assert simulation["state"] == "delivered"
    assert midway.run()[:2] == ("completed", 1)
    assert (midway.crates(), midway.mails(), midway.strays()) == (1, 1, [])
