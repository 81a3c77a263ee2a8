"""The example of three machines is made of settings that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcrate.portal.environment import Environment, read_environment

EXAMPLE = Path(__file__).parents[3] / "deploy" / "three-machines"


def environment_of(name: str) -> Environment:
    lines = (EXAMPLE / f"{name}.env").read_text().splitlines()
    return read_environment(dict(line.split("=", 1) for line in lines if not line.startswith("#")))


@pytest.mark.parametrize(
    ("name", "only_runs"), [("portal", False), ("packer", False), ("runner", True)]
)
def test_each_machine_has_its_role(name: str, only_runs: bool) -> None:  # noqa: FBT001 - pytest's
    assert environment_of(name).only_runs is only_runs


def test_a_machine_that_only_runs_is_told_no_secret_of_storage_or_mail() -> None:
    runner = environment_of("runner")

    assert runner.staging_secret_file is None
    assert runner.smtp_url == ""
