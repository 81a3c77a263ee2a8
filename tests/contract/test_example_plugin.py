"""The example package, installed as pip leaves it, is a storage backend like any other."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from simcrate.storage import StorageDefinition, write_definitions
from tests.servers.static_files import serving

PLUGIN = Path(__file__).parent / "example_plugin"

Simcrate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def simcrate(tmp_path: Path) -> Simcrate:
    """The command in an environment in which the package is installed."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    (info / "entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "\n".join(f"{name} = {target}" for name, target in entries.items())
            for group, entries in project["entry-points"].items()
        )
    )
    path = os.pathsep.join([str(tmp_path / "site"), str(PLUGIN / "src")])

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "simcrate", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def definitions(path: Path, **config: str) -> Path:
    definition = StorageDefinition(name="Shelf", id="directory:shelf", config=config)
    path.write_text(write_definitions([definition], "toml", with_secrets=True))
    return path


def test_its_kind_is_checked_like_any_other(simcrate: Simcrate, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    folder.mkdir()
    with serving(folder) as base_url:
        path = definitions(tmp_path / "b.toml", folder=str(folder), base_url=base_url)
        outcome = simcrate("storage", "check", "directory:shelf", "--definitions", path)

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "an anonymous user gets the same bytes" in outcome.stdout


def test_its_options_are_validated_like_any_others(simcrate: Simcrate, tmp_path: Path) -> None:
    path = definitions(tmp_path / "b.toml", folder="/srv", base_uri="http://files")
    outcome = simcrate("storage", "check", "directory:shelf", "--definitions", path)

    assert outcome.returncode == 2
    assert "'base_uri' (known: 'folder', 'base_url')" in outcome.stderr
    assert "'base_url' is missing" in outcome.stderr


def test_without_the_package_its_kind_is_unknown(tmp_path: Path) -> None:
    path = definitions(tmp_path / "b.toml", folder="/srv", base_url="http://files")
    command = [sys.executable, "-m", "simcrate", "storage", "check", "directory:shelf"]
    outcome = subprocess.run(
        [*command, "--definitions", path], capture_output=True, text=True, timeout=60, check=False
    )

    assert outcome.returncode == 2
    assert "known kind; write one of dropbox, seafile, local" in outcome.stderr
