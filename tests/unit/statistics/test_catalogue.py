from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from simcrate.errors import BadInputError
from simcrate.results import open_results
from simcrate.statistics import summarise
from simcrate.statistics.catalogue import (
    SHIPPED,
    Reducer,
    find_catalogue,
    parse_catalogue,
    read_catalogue,
    shipped_catalogue,
)

DATA = Path("tests/data/omnetpp")


def test_an_entry_needs_only_a_name() -> None:
    (entry,) = parse_catalogue('[[statistics]]\nname = "x"', name="c.toml").entries

    assert (entry.display, entry.layer, entry.unit, entry.reducer) == ("x", "", None, Reducer.LAST)


def test_every_fault_is_told_at_once() -> None:
    text = """
        colour = "red"
        modules = "all"
        [[statistics]]
        name = "x"
        reducer = "average"
        [[statistics]]
        display = 7
        [[statistics]]
        name = "x"
    """

    with pytest.raises(BadInputError) as caught:
        parse_catalogue(text, name="c.toml")

    for fault in (
        "could not use the catalogue c.toml",
        "unknown key 'colour'",
        "'modules' must be a list of texts",
        "statistic 1: reducer 'average' is none of last, mean",
        "statistic 2: 'display' must be a text",
        "statistic 2: has no name",
        "statistic 'x' is listed twice",
    ):
        assert fault in str(caught.value)


@pytest.mark.parametrize("text", ["", "title = 'nothing'", "statistics = 3", "statistics = [4]"])
def test_a_file_without_statistics_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match=r"no \[\[statistics\]\]|is not a table"):
        parse_catalogue(text, name="c.toml")


def test_what_is_no_toml_or_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    with pytest.raises(BadInputError, match=r"could not read the catalogue c\.toml"):
        read_catalogue(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match=r"could not read the catalogue c\.toml"):
        read_catalogue(path)
    path.write_text("= nonsense")
    with pytest.raises(BadInputError, match=r"could not read the catalogue c\.toml"):
        read_catalogue(path)


def test_an_unknown_shipped_catalogue_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BadInputError, match="SimCrate brings ops, oppsim"):
        shipped_catalogue("../../etc/passwd")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_catalogues_are_in_order(name: str) -> None:
    catalogue = shipped_catalogue(name)

    assert catalogue.networks
    layers = [entry.layer for entry in catalogue.entries]
    assert layers == sorted(layers, key=layers.index)  # each layer in one piece


def test_ops_has_the_51_statistics_of_three_layers() -> None:
    layers = [entry.layer for entry in shipped_catalogue("ops").entries]

    assert {layer: layers.count(layer) for layer in layers} == {
        "Application": 28,
        "Forwarding": 19,
        "Link": 4,
    }


@pytest.mark.parametrize("name", ["ops-tiny", "ops6-tiny"])
def test_real_ops_runs_record_every_statistic_of_the_catalogue(name: str) -> None:
    results = open_results([DATA / name])
    catalogue = find_catalogue(results)

    assert catalogue == shipped_catalogue("ops")
    recorded = set(results.scalars('module =~ "OPSNetwork"').column("name").to_pylist())
    assert {f"{entry.name}:{entry.reducer}" for entry in catalogue.entries} <= recorded


def test_oppsim_records_every_statistic_of_its_catalogue(tmp_path: Path) -> None:
    ini = tmp_path / "omnetpp.ini"
    ini.write_text(
        "[General]\nnetwork = OppNet\nsim-time-limit = 10min\n"
        "OppNet.numNodes = 8\nOppNet.areaX = 200m\nOppNet.areaY = 200m\n"
    )
    command = [sys.executable, "-m", "simcrate.oppsim", "-s", "-f", str(ini)]
    subprocess.run([*command, f"--result-dir={tmp_path}"], check=True, capture_output=True)
    results = open_results([tmp_path])
    catalogue = find_catalogue(results)
    assert catalogue == shipped_catalogue("oppsim")

    rows = summarise(results, catalogue)

    assert {row.statistic for row in rows} == {entry.name for entry in catalogue.entries}
    assert {row.modules for row in rows} == {"OppNet", "OppNet.node[*]"}
