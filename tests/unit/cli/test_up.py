"""How `simcrate up` starts its three programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simcrate.cli.up import Ports, programs_of


def commands(ports: Ports, worker_arguments: Sequence[str] = ()) -> dict[str, str]:
    """How each program is started, by its name."""
    programs = programs_of(ports, Path("/var"), worker_arguments)
    return {program.name: " ".join(program.command) for program in programs}


def test_what_the_worker_is_told_reaches_the_worker_alone() -> None:
    started = commands(Ports(), ["--runs", "2", "--tag=one"])

    assert started["worker"].endswith(" worker --runs 2 --tag=one")
    assert "--tag" not in started["portal"] + started["local-cloud"]


def test_behind_a_web_server_the_links_of_local_cloud_begin_with_its_address() -> None:
    url = "https://crates.example.org"

    assert (
        f"--public-url {url} --trusted-proxy 127.0.0.1"
        in (commands(Ports(cloud_url=url))["local-cloud"])
    )
    assert "--public-url" not in commands(Ports())["local-cloud"]
