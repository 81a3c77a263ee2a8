"""Runs of several experiments that were read together."""

from __future__ import annotations

import pytest

from simcrate.errors import BadInputError
from simcrate.results import Run
from simcrate.statistics import Point, compare_points, mixed_points
from simcrate.statistics.notices import warnings_about
from simcrate.statistics.pointcomparison import compare_with_first
from simcrate.statistics.summarise import tabulate
from tests.unit.statistics.conftest import Study


def mixtures(study: Study) -> list[str]:
    return list(mixed_points(study.results().runs))


def test_a_repetition_that_is_there_twice_is_told(study: Study) -> None:
    for repetition in (0, 1, 1):
        study.run(repetition=repetition, itervars={"n": "3"})

    (warning,) = mixtures(study)

    assert warning.startswith("Repetition 1 of n=3 is there more than once")


def test_runs_with_other_parameters_are_told_with_the_parameter(study: Study) -> None:
    for repetition, rate in enumerate(("10", "20")):
        study.run(repetition=repetition, options={"*.rate": rate, "seed-0-mt": rate})

    (warning,) = mixtures(study)

    assert "Runs of Study differ in more than their seeds (*.rate: 10, 20)" in warning


def test_a_parameter_that_only_one_run_sets_is_told(study: Study) -> None:
    study.run(options={"sim-time-limit": "1s"})
    study.run(repetition=1, options={"sim-time-limit": "1s", "**.rate": "5"})

    assert "(**.rate: 5, not set)" in mixtures(study)[0]


def test_seeds_recording_and_values_that_follow_the_repetition_make_no_other_experiment(
    study: Study,
) -> None:
    for repetition in (0, 1, 12):
        study.run(
            repetition=repetition,
            options={
                "seed-set": str(repetition),
                "*.trace": f'"trace-{repetition}.txt"',
                "**.vector-recording": str(not repetition).lower(),
                "result-dir": f"results/{repetition}",
                "*.hosts": "12",
            },
        )

    assert mixtures(study) == []


@pytest.mark.parametrize("variable", ["id", "datetime", "datetimef", "processid"])
def test_values_that_follow_the_id_date_or_process_of_a_run_make_no_other_experiment(
    variable: str,
) -> None:
    def run(repetition: int, second: str) -> Run:
        names = {
            "id": f"Study-{repetition}-20261125-17:00:{second}-90{repetition}",
            "datetime": f"20261125-17:00:{second}",
            "datetimef": f"20261125-1700{second}",
            "processid": f"90{repetition}",
        }
        return Run(
            id=names["id"],
            attributes={"configname": "Study", "repetition": str(repetition), **names},
            itervars={},
            config=(("**.trace", f'"trace-{names[variable]}.txt"'),),
        )

    assert list(mixed_points([run(0, "01"), run(1, "09")])) == []


def test_points_of_a_study_have_parameters_of_their_own(study: Study) -> None:
    for n in ("1", "2"):
        study.run(itervars={"n": n}, options={"*.hosts": n})

    assert mixtures(study) == []


def test_files_that_do_not_tell_their_configuration_are_not_suspected(study: Study) -> None:
    study.run()
    study.run(repetition=1, options={"*.rate": "1"})

    assert mixtures(study) == []


def test_the_report_tells_it_too(study: Study) -> None:
    study.run(scalars=[("Net", "x", 1)])
    study.run(scalars=[("Net", "x", 2)])
    results = study.results()

    assert set(mixtures(study)) <= set(warnings_about(results, results.vectors(), ()))


def test_points_with_a_repetition_twice_are_not_compared(study: Study) -> None:
    for n in ("1", "2"):
        for repetition in (0, 1, 1):
            study.run(
                repetition=repetition,
                seed_set=str(repetition),
                itervars={"n": n},
                scalars=[("Net", "x", repetition)],
            )
    results = study.results()
    first, second = (Point(config_name="Study", itervars=(("n", n),)) for n in "12")

    assert compare_with_first(results, tabulate(results)) == ()
    with pytest.raises(BadInputError, match="repetition 1 of n=1 is there more than once"):
        compare_points(results, first, second)
