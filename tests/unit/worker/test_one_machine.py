"""The example of one machine is made of settings and options that there are."""

from __future__ import annotations

from pathlib import Path

from simcrate.cli.up import up
from simcrate.portal.environment import read_environment

EXAMPLE = Path(__file__).parents[3] / "deploy" / "one-machine"


def test_its_settings_and_the_options_of_up_are_understood() -> None:
    lines = (EXAMPLE / "simcrate.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    environment = read_environment(given)
    options = up.make_context("up", given["UP_OPTIONS"].split()).params

    assert str(environment.var_dir) == "/var/lib/simcrate"
    assert options["cloud_url"] == "https://crates.example.org"
    assert "simcrate up $UP_OPTIONS" in (EXAMPLE / "simcrate.service").read_text()
