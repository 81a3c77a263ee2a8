"""Lines of the log that are about one piece of work join."""

from __future__ import annotations

import logging
import uuid
from threading import Thread

from simcrate.secret import ScrubbingFormatter
from simcrate.worker.joining import JoiningFilter, lines_about

SIMULATION = uuid.UUID(int=7)


def line(**fields: object) -> str:
    record = logging.makeLogRecord({"msg": "part.lost", **fields})
    assert JoiningFilter().filter(record)
    return ScrubbingFormatter("%(message)s").format(record)


def test_a_line_about_a_run_says_the_simulation_and_the_number_that_pages_show() -> None:
    with lines_about("run", "12", SIMULATION, 3):
        assert line() == f"part.lost kind=run claim=12 simulation={SIMULATION} run=3"


def test_a_line_about_other_work_names_no_run() -> None:
    with lines_about("finish", str(SIMULATION), SIMULATION):
        assert line() == f"part.lost kind=finish claim={SIMULATION} simulation={SIMULATION}"


def test_a_line_keeps_what_it_says_itself() -> None:
    with lines_about("run", "12", SIMULATION, 3):
        assert line(run=4).startswith("part.lost run=4 kind=run")


def test_a_line_after_the_work_or_of_another_thread_is_not_about_it() -> None:
    lines: list[str] = []
    with lines_about("run", "12", SIMULATION, 3):
        thread = Thread(target=lambda: lines.append(line()))
        thread.start()
        thread.join()
    lines.append(line())

    assert lines == ["part.lost", "part.lost"]
