"""`ro-crate-metadata.json` against every MUST of RO-Crate 1.3 and of Process Run Crate 0.6.

Each test names the section that it holds.  The specification's JSON-LD context comes from the `rocrate`
package, so that no network is needed.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from rocrate.rocrate import ROCrate

from simcrate.crate import (
    CrateContents,
    Member,
    PackedCrate,
    Provenance,
    Role,
    RunRecord,
    gather,
    pack_crate,
)
from simcrate.crate.rocrate import FILES_DESCRIBED, file_id, metadata_json

Graph = dict[str, dict[str, Any]]


@pytest.fixture
def packed(tree: Path, provenance: Provenance, tmp_path: Path) -> PackedCrate:
    (tree / "Run #1: 50% 'of' naïve 结果.csv").write_text("1,2\n")
    inputs = tmp_path / "submitted"
    inputs.mkdir()
    (inputs / "omnetpp.ini").write_text("[General]\n")
    contents = gather(tree) + gather(inputs, under="input/")
    stopped = RunRecord(number=1, state="limited", reason="it used more than 2 GiB")
    runs = (*provenance.runs, stopped)  # nobody knows which results are whose
    return pack_crate(contents, replace(provenance, runs=runs), tmp_path / "crate.zip")


@pytest.fixture
def document(packed: PackedCrate) -> dict[str, Any]:
    return read_document(packed.path)


@pytest.fixture
def graph(document: dict[str, Any]) -> Graph:
    return {entity["@id"]: entity for entity in document["@graph"]}


def read_document(crate: Path) -> dict[str, Any]:
    with zipfile.ZipFile(crate) as archive:
        value: dict[str, Any] = json.loads(archive.read("ro-crate-metadata.json"))
        return value


def of_type(graph: Graph, name: str) -> list[dict[str, Any]]:
    return [entity for entity in graph.values() if name in types_of(entity)]


def types_of(entity: dict[str, Any]) -> list[str]:
    types = entity["@type"]
    return types if isinstance(types, list) else [types]


def references(value: object) -> list[str]:
    """The identifiers that a property refers to."""
    if isinstance(value, list):
        return [one for item in value for one in references(item)]
    return [value["@id"]] if isinstance(value, dict) else []


# RO-Crate 1.3, "RO-Crate Metadata Document"


def test_context_is_referenced(document: dict[str, Any]) -> None:
    assert set(document) == {"@context", "@graph"}
    assert document["@context"] == "https://w3id.org/ro/crate/1.3/context"


def test_every_term_is_defined_by_the_context(graph: Graph) -> None:
    context = json.loads((resources.files("rocrate") / "data" / "ro-crate.jsonld").read_text())
    assert context["@id"] == "https://w3id.org/ro/crate/1.3/context"
    terms = {key for entity in graph.values() for key in entity if not key.startswith("@")}
    types = {name for entity in graph.values() for name in types_of(entity)}

    assert terms | types <= set(context["@context"])


def test_document_is_flattened_and_compacted(graph: Graph) -> None:
    for entity in graph.values():
        for value in entity.values():
            items = value if isinstance(value, list) else [value]
            assert not isinstance(value, list) or len(value) != 1
            assert all(set(item) == {"@id"} for item in items if isinstance(item, dict))


# RO-Crate 1.3, "Common principles for RO-Crate entities"


def test_every_entity_has_a_unique_identifier_and_a_type(document: dict[str, Any]) -> None:
    identifiers = [entity["@id"] for entity in document["@graph"]]

    assert len(set(identifiers)) == len(identifiers)
    assert all(entity["@type"] for entity in document["@graph"])


def test_every_entity_but_the_descriptor_has_a_name(graph: Graph) -> None:
    assert all(e.get("name") for e in graph.values() if e["@id"] != "ro-crate-metadata.json")


def test_every_reference_is_described_here_or_absolute(graph: Graph) -> None:
    for entity in graph.values():
        for identifier in [one for value in entity.values() for one in references(value)]:
            assert identifier in graph or urlsplit(identifier).scheme


def test_every_identifier_is_a_valid_iri_reference(graph: Graph) -> None:
    allowed = re.compile(r"(?:[A-Za-z0-9\-._~:/?#@!$&'()*+,;=]|%[0-9A-F]{2}|[^\x00-\x7f])+")

    assert all(allowed.fullmatch(identifier) for identifier in graph)
    assert not any(".." in identifier.split("/") for identifier in graph)


# RO-Crate 1.3, "RO-Crate Metadata Descriptor" and "Direct properties of the Root Data Entity"


def test_descriptor_points_to_the_root_and_the_specification(graph: Graph) -> None:
    assert graph["ro-crate-metadata.json"] == {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.3"},
    }


@pytest.mark.parametrize(
    "name", ["@type", "@id", "name", "description", "datePublished", "license"]
)
def test_root_has_every_property_that_it_must_have(name: str, graph: Graph) -> None:
    assert graph["./"][name]


def test_root_is_a_dataset_with_a_date_of_iso_8601(graph: Graph) -> None:
    assert graph["./"]["@type"] == "Dataset"
    assert datetime.fromisoformat(graph["./"]["datePublished"]).tzinfo is not None


def test_licence_is_an_entity_with_name_and_description(graph: Graph) -> None:
    licence = graph[graph["./"]["license"]["@id"]]

    assert licence["@id"] == "https://spdx.org/licenses/CC-BY-4.0"
    assert licence["name"] == "CC-BY-4.0"
    assert licence["description"]


def test_licence_that_was_not_stated_is_said_in_words(provenance: Provenance) -> None:
    text = metadata_json(replace(provenance, licence=""), CrateContents(members=()), {})
    root = next(e for e in json.loads(text)["@graph"] if e["@id"] == "./")

    assert "ask the submitter" in root["license"]


# RO-Crate 1.3, "Data Entities"


def test_every_file_is_linked_from_the_root(graph: Graph) -> None:
    reachable = set(linked(graph, "./"))

    assert {entity["@id"] for entity in of_type(graph, "File")} <= reachable


def linked(graph: Graph, identifier: str) -> Iterator[str]:
    yield identifier
    for part in references(graph[identifier].get("hasPart", [])):
        yield from linked(graph, part)


def test_every_file_entity_is_a_file_of_the_crate_with_its_size(
    graph: Graph, packed: PackedCrate
) -> None:
    with zipfile.ZipFile(packed.path) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    described = {unquote(e["@id"]): e["contentSize"] for e in of_type(graph, "File")}

    recorded_later = {"ro-crate-metadata.json", "manifest-sha256.txt"}
    assert described == {n: str(s) for n, s in sizes.items() if n not in recorded_later}


def test_every_directory_entity_is_a_directory_of_the_crate(graph: Graph) -> None:
    directories = {e["@id"] for e in of_type(graph, "Dataset")} - {"./"}

    assert directories == {"results/", "input/"}


def test_identifier_escapes_what_a_path_must_and_keeps_letters() -> None:
    assert file_id("results/Run #1: 50% naïve 结果.csv") == (
        "results/Run%20%231%3A%2050%25%20naïve%20结果.csv"
    )


# Process Run Crate 0.6, "Requirements"


def test_root_conforms_to_the_profile_which_is_an_entity_of_its_own(graph: Graph) -> None:
    profile = graph[graph["./"]["conformsTo"]["@id"]]

    assert profile["@id"] == "https://w3id.org/ro/wfrun/process/0.6"
    assert profile["@type"] == ["CreativeWork", "Profile"]
    assert profile["version"] == "0.6"


def test_every_run_is_an_action_that_the_root_mentions(graph: Graph) -> None:
    actions = [action["@id"] for action in of_type(graph, "CreateAction")]

    assert len(actions) == 2
    assert references(graph["./"]["mentions"]) == actions


def test_instrument_of_every_action_is_the_simulator_with_its_version(graph: Graph) -> None:
    for action in of_type(graph, "CreateAction"):
        simulator = graph[action["instrument"]["@id"]]
        assert simulator["@type"] == "SoftwareApplication"
        assert simulator["version"] == "1.0"
        assert simulator["url"]


def test_action_has_inputs_results_agent_times_and_command(graph: Graph) -> None:
    action = graph["#run-0"]

    assert references(action["object"]) == ["input/omnetpp.ini"]
    assert "results/General/Net-%230.vec" in references(action["result"])
    assert graph[action["agent"]["@id"]] == {
        "@id": "#submitter",
        "@type": "Person",
        "name": "Alice Example",
    }
    assert action["startTime"] < action["endTime"]
    assert "oppsim -c General -r 0" in action["description"]


def test_action_that_did_not_complete_says_so_and_why(graph: Graph) -> None:
    assert graph["#run-0"]["actionStatus"]["@id"] == "http://schema.org/CompletedActionStatus"
    assert "error" not in graph["#run-0"]
    assert graph["#run-1"]["actionStatus"]["@id"] == "http://schema.org/FailedActionStatus"
    assert graph["#run-1"]["error"] == "it used more than 2 GiB"


def test_crate_without_runs_does_not_claim_the_profile(provenance: Provenance) -> None:
    text = metadata_json(replace(provenance, runs=()), CrateContents(members=()), {})

    assert "wfrun" not in text
    assert "CreateAction" not in text


# Other software


def test_rocrate_package_reads_the_metadata_back(packed: PackedCrate) -> None:
    crate = ROCrate(str(packed.path))

    assert crate.name == "Epidemic routing"
    assert crate.license["name"] == "CC-BY-4.0"
    assert [action.id for action in crate.get_by_type("CreateAction")] == ["#run-0", "#run-1"]
    vector_file = crate.get("results/General/Net-%230.vec")
    assert vector_file.type == "File"
    assert crate.get("#run-0")["instrument"]["name"] == "oppsim"


def test_result_that_is_not_in_the_crate_is_not_referred_to(
    tree: Path, provenance: Provenance, tmp_path: Path
) -> None:
    run = RunRecord(number=0, results=("results/empty.log", "results/left-out.vec"))

    packed = pack_crate(gather(tree), replace(provenance, runs=(run,)), tmp_path / "crate.zip")

    graph = {entity["@id"]: entity for entity in read_document(packed.path)["@graph"]}
    assert graph["#run-0"]["result"] == {"@id": "results/empty.log"}


def test_action_of_each_run_has_its_own_ini_and_results_or_none(
    tree: Path, provenance: Provenance, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    for name in ("run-3.ini", "run-8.ini"):
        (made / name).touch()
    ran = RunRecord(number=3, inputs=("as-run/run-3.ini",), results=("results/empty.log",))
    failed = RunRecord(number=8, inputs=("as-run/run-8.ini",), results=(), state="failed")

    contents = gather(tree) + gather(made, under="as-run/")
    packed = pack_crate(contents, replace(provenance, runs=(ran, failed)), tmp_path / "crate.zip")

    graph = {entity["@id"]: entity for entity in read_document(packed.path)["@graph"]}
    assert references(graph["#run-3"]["object"]) == ["as-run/run-3.ini"]
    assert references(graph["#run-3"]["result"]) == ["results/empty.log"]
    assert references(graph["#run-8"]["object"]) == ["as-run/run-8.ini"]
    assert "result" not in graph["#run-8"]


def test_runs_of_several_configurations_are_told_apart(provenance: Provenance) -> None:
    runs = tuple(RunRecord(number=0, config=config) for config in ("A", "B"))

    text = metadata_json(replace(provenance, runs=runs), CrateContents(members=()), {})

    graph = {entity["@id"]: entity for entity in json.loads(text)["@graph"]}
    assert graph["#run-0"]["name"] == "Run 0 of A"
    assert graph["#run-1"]["name"] == "Run 0 of B"


@pytest.mark.parametrize(
    ("place", "result"),
    [("results/", {"@id": "results/"}), ("", None)],
    ids=["below", "at the top"],
)
def test_large_crate_describes_directories_and_refers_to_them(
    place: str, result: object, provenance: Provenance, tmp_path: Path
) -> None:
    (tmp_path / "one").touch()
    members = tuple(
        Member(source=tmp_path / "one", name=f"{place}{i}", role=Role.RESULT)
        for i in range(FILES_DESCRIBED)
    )

    packed = pack_crate(CrateContents(members=members), provenance, tmp_path / "crate.zip")

    graph = {entity["@id"]: entity for entity in read_document(packed.path)["@graph"]}
    assert graph["#run-0"].get("result") == result
    assert {e["@id"] for e in of_type(graph, "File")} == {"README.txt", "run.json"}
    ROCrate(str(packed.path))
