"""The reference page of the protocol says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from simcrate.localcloud.app import make_app
from simcrate.localcloud.config import Config
from simcrate.localcloud.health import PROTOCOL_VERSION
from simcrate.localcloud.problems import PROBLEMS
from simcrate.localcloud.tus import ALGORITHMS, EXTENSIONS, VERSION

PAGE = (Path(__file__).parents[3] / "docs/reference/local-cloud-protocol.md").read_text()


def test_page_names_the_version_of_the_protocol_and_of_tus() -> None:
    assert f"version {PROTOCOL_VERSION}" in PAGE
    assert f"tus {VERSION}" in PAGE


def test_page_lists_every_problem_with_its_status() -> None:
    listed = {
        code: int(row[2])
        for row in re.finditer(r"^\| ((?:`[a-z-]+`(?:, )?)+) \| (\d+) \|", PAGE, re.MULTILINE)
        for code in re.findall(r"`([a-z-]+)`", row[1])
    }

    assert listed == {code: status for code, (status, _) in PROBLEMS.items()}


def test_page_names_every_tus_extension_and_algorithm() -> None:
    for word in [*EXTENSIONS.split(","), *ALGORITHMS.split(",")]:
        assert f"`{word}`" in PAGE


def test_page_names_every_resource(tmp_path: Path) -> None:
    app = make_app(Config(folder=tmp_path))
    app.state.cloud.close()
    first_segments = {route.path.split("/")[1] for route in app.routes}  # type: ignore[attr-defined]

    for segment in first_segments - {"{link_token}"}:
        assert f"/{segment}" in PAGE or f"<{segment}_url>" in PAGE
