"""`run.json`: everything that is known, nothing secret."""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simcrate.crate import (
    CrateContents,
    Event,
    Member,
    Provenance,
    Refused,
    Role,
    RunRecord,
    pack_crate,
)
from simcrate.crate.provenance import run_json
from simcrate.crate.readme import readme_text
from simcrate.crate.rocrate import metadata_json
from simcrate.errors import CrateError
from simcrate.secret import Secret

NOTHING = CrateContents(members=())
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "crate.md"


def record(provenance: Provenance, contents: CrateContents = NOTHING) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(run_json(provenance, contents))
    return value


def test_record_holds_every_field_of_every_run(provenance: Provenance) -> None:
    (run,) = record(provenance)["runs"]

    assert set(run) == {field.name for field in fields(RunRecord)}
    assert run["command"] == ["oppsim", "-c", "General", "-r", "0"]
    assert run["started_at"] == "2026-03-01T11:00:00+00:00"
    assert run["peak_memory_bytes"] is None


def test_record_holds_events_limits_and_host_facts(provenance: Provenance) -> None:
    at = datetime(2026, 3, 1, 11, 5, tzinfo=UTC)
    run = replace(provenance.runs[0], events=(Event(at=at, text="it was paused"),))

    value = record(
        replace(provenance, runs=(run,), host={"cpu": "x86"}, limits={"memory": "2 GiB"})
    )

    assert value["runs"][0]["events"] == [
        {"at": "2026-03-01T11:05:00+00:00", "text": "it was paused"}
    ]
    assert value["host"] == {"cpu": "x86"}
    assert value["limits"] == {"memory": "2 GiB"}


def test_record_lists_what_was_renamed_and_left_out(provenance: Provenance) -> None:
    contents = CrateContents(
        members=(Member(source=Path("x"), name="results/a%0A", role=Role.RESULT),),
        refused=(Refused(name="results/pipe", why="a pipe"),),
    )

    value = record(provenance, contents)

    assert value["renamed"] == [{"name": "results/a%0A", "original": r"results/a\n"}]
    assert value["left_out"] == [{"name": "results/pipe", "why": "a pipe"}]


def test_reference_page_describes_every_field_of_the_record(provenance: Provenance) -> None:
    page = REFERENCE.read_text()
    value = record(provenance)

    for name in [*value, *value["runs"][0]]:
        assert f"| `{name}` |" in page


def test_time_without_a_zone_is_refused(provenance: Provenance) -> None:
    with pytest.raises(CrateError, match="time zone"):
        replace(provenance, created_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the point


def test_known_secrets_and_the_environment_stay_out_of_the_records(
    provenance: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = Secret("marked-0123456789")
    monkeypatch.setenv("MARKED_VARIABLE", "marked-environment")
    leaky = replace(provenance, description=f"pushed with {token.reveal()}")

    texts = (
        run_json(leaky, NOTHING) + readme_text(leaky, NOTHING) + metadata_json(leaky, NOTHING, {})
    )

    assert "marked-" not in texts


def test_number_that_is_none_and_bytes_that_are_no_text_still_make_valid_json(
    provenance: Provenance, tmp_path: Path
) -> None:
    odd = replace(
        provenance.runs[0], sim_time_s=math.nan, cpu_time_s=math.inf, command=("caf\udce9",)
    )

    packed = pack_crate(NOTHING, replace(provenance, runs=(odd,)), tmp_path / "crate.zip")

    with zipfile.ZipFile(packed.path) as archive:
        (run,) = json.loads(archive.read("run.json"), parse_constant=pytest.fail)["runs"]
        json.loads(archive.read("ro-crate-metadata.json"))
    assert (run["sim_time_s"], run["cpu_time_s"], run["command"]) == (None, None, ["caf\udce9"])
