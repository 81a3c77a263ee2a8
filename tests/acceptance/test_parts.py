"""Parts of the crate: left out when it is submitted, there when it is packed again."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import (
    INI,
    LOOK_S,
    TIMEOUT_S,
    Installation,
    wait_until_announced,
)


def submit(installation: Installation, ini: Path, *options: str) -> tuple[str, str]:
    """The id of a simulation of one run, and what was said on standard error."""
    done = installation.simcrate(
        *("submit", str(ini), "--config", "Short", "--runs", "0"),
        *("--storage", "local", "--user", "alice", *options),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1], done.stderr


def crate_at(link: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(httpx.get(link).raise_for_status().content))


def links(installation: Installation, simulation_id: str, count: int) -> list[str]:
    """The links of its deliveries, oldest first, once so many are done."""
    sql = (
        "select link_url from deliveries_delivery"
        " where simulation_id = ? and spool_released_at is not null order by created_at"
    )
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        found = installation.query(sql, simulation_id.replace("-", ""))
        if len(found) == count:
            return [row[0] for row in found]
        time.sleep(LOOK_S)
    pytest.fail((installation.var_dir / "worker.log").read_text()[-4000:])


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    path = tmp_path / "omnetpp.ini"
    path.write_text(INI)
    return path


def test_parts_are_left_out_and_packed_again_later_without_running_anything(
    installation: Installation, ini: Path
) -> None:
    with installation.worker():
        simulation_id, _ = submit(
            installation,
            ini,
            "--without",
            "vectors",
            "--without",
            "figures",
            "--licence",
            "CC0-1.0",
        )
        wait_until_announced(installation, simulation_id)
        done = installation.simcrate("repack", simulation_id, "--without", "csv")
        assert done.returncode == 0, done.stderr
        first_link, second_link = links(installation, simulation_id, 2)

    first, second = crate_at(first_link), crate_at(second_link)
    assert not [name for name in first.namelist() if name.endswith(".vec")]
    assert not [name for name in first.namelist() if name.startswith("figures/")]
    assert "csv/statistics.csv" in first.namelist()
    assert [name for name in second.namelist() if name.endswith(".vec")]
    assert [name for name in second.namelist() if name.startswith("figures/")]
    assert "csv/statistics.csv" not in second.namelist()
    before, after = (json.loads(crate.read("run.json")) for crate in (first, second))
    assert before["runs"][0]["started_at"] == after["runs"][0]["started_at"]
    assert before["content_digest"] == after["content_digest"]
    assert before["licence"] == "CC0-1.0"
    assert [event["text"].split(":")[0] for event in before["runs"][0]["events"]] == [
        "started",
        "completed",
    ]


def test_an_ini_with_a_password_is_submitted_with_a_warning_on_standard_error(
    installation: Installation, ini: Path
) -> None:
    ini.write_text(INI + '*.node[*].wifiPassword = "hunter2-and-more"\n')
    simulation_id, said = submit(installation, ini)

    assert "warning: omnetpp.ini, line 9, looks like a value for 'wifiPassword'" in said
    assert "hunter2" not in said
    done = installation.simcrate("cancel", simulation_id)
    assert done.returncode == 0, done.stderr


def test_a_part_that_there_is_not_is_bad_usage(installation: Installation, ini: Path) -> None:
    done = installation.simcrate("submit", str(ini), "--without", "logs")

    assert done.returncode == 2
    assert "'csv', 'figures', 'parquet', 'vectors'" in done.stderr


def test_a_simulation_without_a_crate_is_not_packed_again(
    installation: Installation, ini: Path
) -> None:
    simulation_id, _ = submit(installation, ini)
    done = installation.simcrate("repack", simulation_id)

    assert done.returncode == 2
    assert "its runs have not ended" in done.stderr
    installation.simcrate("cancel", simulation_id)
