"""What went wrong with the runs, in the mail."""

from __future__ import annotations

from simcrate.pipeline.jobs import RunState
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulations.problems import MOST_RUNS, problems_of


def failed(number: int, reason: str, first_error: str = "") -> Run:
    return Run(number=number, state=RunState.FAILED, reason=reason, first_error=first_error)


def test_a_reason_that_names_the_first_error_tells_it_once() -> None:
    run = failed(3, "no route to sink.", "<!> Error: no route to sink")

    assert problems_of(Simulation(), [run]) == ("Run 3: no route to sink.",)


def test_a_first_error_that_the_reason_does_not_name_follows_it() -> None:
    run = failed(0, "The program ended with exit code 1.", "java.lang.NullPointerException")

    (problem,) = problems_of(Simulation(), [run])

    assert problem.endswith("exit code 1. Its first error: java.lang.NullPointerException")


def test_a_limit_that_was_reached_is_told_and_a_completed_run_is_not() -> None:
    limited = Run(number=1, state=RunState.LIMITED, reason="The memory limit was reached.")
    completed = Run(number=2, state=RunState.COMPLETED, reason="End.")

    assert problems_of(Simulation(problems=["No statistics."]), [limited, completed]) == (
        "No statistics.",
        "Run 1: The memory limit was reached.",
    )


def test_thousands_of_failures_are_counted() -> None:
    problems = problems_of(Simulation(), [failed(number, "no.") for number in range(1020)])

    assert len(problems) == MOST_RUNS + 1
    assert problems[-1] == "… and 1,000 more runs; the page shows them."
