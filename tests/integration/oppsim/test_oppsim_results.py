"""What oppsim writes, read by SimCrate's own reader of result files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from simcrate.results import content_digest, open_results
from tests.integration.oppsim.conftest import Oppsim

UNSTABLE = (
    "run ",
    "attr datetime",
    "attr processid",
    "attr resultdir",
    "config result-dir",
    "file ",
)


def content(path: Path) -> list[str]:
    """Lines without what differs from one run of the program to the next."""
    return [line for line in path.read_text().splitlines() if not line.startswith(UNSTABLE)]


def test_the_same_seed_gives_the_same_content(oppsim: Oppsim, study_dir: Path) -> None:
    for directory in ("first", "second"):
        oppsim("-c", "Study", "-r", "3", f"--result-dir={directory}")

    first = sorted((study_dir / "first").iterdir())
    second = sorted((study_dir / "second").iterdir())
    assert [path.suffix for path in first] == [".sca", ".vci", ".vec"]
    for one, other in zip(first, second, strict=True):
        if one.suffix != ".vci":  # offsets depend on the length of the run's name
            assert content(one) == content(other)


def test_the_same_seed_gives_the_same_content_digest(oppsim: Oppsim, study_dir: Path) -> None:
    for directory in ("first", "second"):
        oppsim("-c", "Study", "-r", "1..2", f"--result-dir={directory}")

    digests = [content_digest(open_results([study_dir / name])) for name in ("first", "second")]

    assert digests[0] == digests[1]
    assert digests[0] != content_digest(open_results([study_dir / "first/Study-pause=0-#1.sca"]))


def test_our_own_reader_finds_every_item_and_nothing_to_complain_about(
    oppsim: Oppsim, study_dir: Path
) -> None:
    oppsim("-c", "Study", "-r", "2..3")

    results = open_results([study_dir / "results"])

    assert len(results.runs) == 2
    assert results.incomplete == ()
    assert results.warnings == ()
    ratios = results.scalars('name =~ "deliveryRatio:last"')
    assert ratios.num_rows == 2


def test_an_index_summary_is_that_of_the_samples(oppsim: Oppsim, study_dir: Path) -> None:
    oppsim("-c", "Plain")

    indexed = content_digest(open_results([study_dir / "results"], use_index=True))
    scanned = content_digest(open_results([study_dir / "results"], use_index=False))

    assert indexed == scanned


def test_another_repetition_gives_other_content(oppsim: Oppsim, study_dir: Path) -> None:
    oppsim("-c", "Study", "-r", "0,1")

    one, other = sorted((study_dir / "results").glob("*.sca"))
    assert [line for line in content(one) if line.startswith("scalar")] != [
        line for line in content(other) if line.startswith("scalar")
    ]


def test_routing_changes_nothing_about_contacts_and_messages(
    oppsim: Oppsim, study_dir: Path
) -> None:
    oppsim(
        "-c", "Plain", "--seed-set=7", '--OppNet.routing=${routing="Epidemic", "DirectDelivery"}'
    )

    contacts = [
        [
            line
            for line in path.read_text().splitlines()
            if "ontact" in line or "messagesCreated" in line
        ]
        for path in sorted((study_dir / "results").glob("*.sca"))
    ]
    assert len(contacts) == 2
    assert contacts[0] == contacts[1]


def test_the_header_says_what_the_run_was(oppsim: Oppsim, study_dir: Path) -> None:
    oppsim("-c", "Study", "-r", "2", "--OppNet.copies=4")

    header = (study_dir / "results/Study-pause=30-#0.sca").read_text().partition("\n\n")[0]

    for line in (
        "version 3",
        "attr configname Study",
        "attr iterationvars $pause=30",
        "attr iterationvarsf pause=30-",
        "attr measurement $pause=30",
        "attr network OppNet",
        "attr replication #0",
        "attr runnumber 2",
        "attr seedset 2",
        "itervar pause 30",
        "config OppNet.copies 4",
        "config OppNet.maxPause 30s",
    ):
        assert line in header.splitlines()


def test_recording_can_be_switched_off_for_what_is_not_wanted(
    oppsim: Oppsim, study_dir: Path
) -> None:
    oppsim(
        "-c",
        "Plain",
        "--**.node[*].**.vector-recording=false",
        "--**.hopCount*.scalar-recording=false",
        "--**.param-recording=false",
    )

    vectors = (study_dir / "results/Plain-#0.vec").read_text()
    scalars = (study_dir / "results/Plain-#0.sca").read_text()
    assert "node[" not in vectors.partition("\n\n")[2]
    assert "vector 0 OppNet delay:vector ETV" in vectors
    assert "hopCount:mean" not in scalars
    assert "\npar " not in scalars
    assert "OppNet.node[0] contacts:count" in scalars


def test_an_option_of_objects_without_a_path_is_meant_for_all(
    oppsim: Oppsim, study_dir: Path
) -> None:
    oppsim("-c", "Plain", "--vector-recording=false")

    assert "\nvector " not in (study_dir / "results/Plain-#0.vec").read_text()


def test_the_program_needs_nothing_but_numpy_and_inifile() -> None:
    """The import contract, seen from a running process."""
    code = (
        "import sys, simcrate.oppsim.cmdenv;"
        "names = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names);"
        "ours = {name for name in sys.modules if name.startswith('simcrate.')};"
        "print(sorted(names), sorted({name.split('.')[1] for name in ours}))"
    )

    result = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    names, ours = result.stdout.strip().split("] ")
    third_party = {name for name in eval(names + "]") if not name.startswith(("_", "__"))}
    assert third_party - {"numpy", "simcrate", "sitecustomize"} == set()
    assert eval(ours) == ["errors", "inifile", "oppsim"]
