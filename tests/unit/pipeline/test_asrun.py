"""The ini that each run is packed with."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from simcrate.pipeline.asrun import as_run
from simcrate.pipeline.jobs import RunOutcome, RunState, Submission

SUBMISSION = Submission(
    id=UUID(int=1), title="Study", simulator="oppsim", ini_name="omnetpp.ini", config="Study",
    run_filter="", precision_s=1, submitter="Alice", licence="",
    submitted_at=datetime(2026, 11, 25, tzinfo=UTC),
)  # fmt: skip


def outcome(number: int, generation: int = 6) -> RunOutcome:
    return RunOutcome(
        number=number, state=RunState.COMPLETED, reason="", generation=6 if generation else None
    )


def test_every_run_of_a_long_constrained_study_gets_its_ini_in_one_go(tmp_path: Path) -> None:
    ini = tmp_path / "omnetpp.ini"
    ini.write_text("[Config Study]\n*.n = ${n=1..4001}\nconstraint = $n != 3\n")
    outcomes = [outcome(number) for number in range(4000)]
    started = time.process_time()

    inis = {own.number: own.text for own in as_run(SUBMISSION, outcomes, ini)}

    assert time.process_time() - started < 30
    assert len(inis) == 4000
    assert "*.n = 2\n" in inis[1]
    assert "*.n = 4\n" in inis[2]


def test_a_run_whose_worker_died_with_it_has_an_ini_by_the_rules_of_the_others(
    tmp_path: Path,
) -> None:
    ini = tmp_path / "omnetpp.ini"
    ini.write_text("[Config Study]\n*.n = ${n=1..3}\n")
    outcomes = [outcome(0, generation=0), outcome(2)]

    assert [own.number for own in as_run(SUBMISSION, outcomes, ini)] == [0, 2]


def test_where_only_the_simulator_understands_its_settings_there_is_no_ini(tmp_path: Path) -> None:
    ini = tmp_path / "omnetpp.ini"
    ini.write_text("[Config Study]\n")

    assert list(as_run(SUBMISSION, [outcome(0, generation=0)], ini)) == []
