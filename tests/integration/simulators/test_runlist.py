"""What a binary answers to `-q runs`, against what we expand the ini to."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from simcrate.errors import BadInputError, IniError, SimulationError
from simcrate.inifile import read_ini
from simcrate.simulators import (
    OPPSIM,
    UNFENCED,
    Comparison,
    Limits,
    SandboxKind,
    Simulator,
    SimulatorKind,
    compare_runs,
    runlist,
)
from simcrate.simulators.check import Trial, check_simulator

RECORDED = Path(__file__).parents[2] / "data" / "recorded-runs" / "recorded-simulator"
INIS = Path(__file__).parents[2] / "data" / "inifile"
STUDY = """\
[General]
network = OppNet
include more.ini
[Config Study]
repeat = 2
*.numNodes = ${n=4, 5..6}
*.title = ${title="a, b", "c"}
constraint = $n != 5
"""
STUB = """\
#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in -h) echo '  cmdenv-interactive=<bool>'; exit 0 ;; esac
    shift
done
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "ini" / "omnetpp.ini"
    path.parent.mkdir()
    path.write_text(STUDY)
    (path.parent / "more.ini").write_text("# nothing\n")
    return path


def stub(tmp_path: Path, script: str) -> Simulator:
    """A binary with Cmdenv's options whose answer to `-q runs` is the script's."""
    program = tmp_path / "stub"
    program.write_text(STUB + script)
    program.chmod(0o755)
    return Simulator(
        name="stub", title="Stub", kind=SimulatorKind.OMNETPP, command=(str(program),), is_ours=True
    )


def compare(simulator: Simulator, ini_path: Path, *configs: str) -> Comparison:
    return compare_runs(simulator, UNFENCED, read_ini(ini_path), ini_path.parent, configs)


def test_oppsim_lists_the_runs_of_every_config_as_we_expand_them(study: Path) -> None:
    seen = compare(OPPSIM, study)

    assert seen == Comparison(config_count=2, run_count=1 + 8, differences=())


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("small-aloha", "SmallStudy"),
        ("fifo-tandemstudy", "TandemQueueExperiment"),
        ("fifo-quoting", "Quoting"),
    ],
)
def test_what_omnetpp_recorded_is_what_we_expand(tmp_path: Path, name: str, config: str) -> None:
    blocks = (INIS / f"{name}.headers").read_text().split("\n\n")
    answer = "\n".join(f"Run {number}: {scenario(block)}" for number, block in enumerate(blocks))
    (tmp_path / "answer").write_text(answer + "\n")
    seen = compare(stub(tmp_path, f"cat {tmp_path}/answer\n"), INIS / f"{name}.ini", config)

    assert seen.differences == ()
    assert seen.run_count == len(blocks)


def scenario(block: str) -> str:
    words = [shlex.split(line) for line in block.strip().splitlines()]
    attributes = {name: value for kind, name, value in words if kind == "attr"}
    variables = [attributes["iterationvars"]] if attributes.get("iterationvars") else []
    return ", ".join([*variables, f"$repetition={attributes['repetition']}"])


@pytest.mark.parametrize(
    ("answer", "difference"),
    [
        (
            "echo 'Run 0: $n=5, $title=\"a, b\", $repetition=0'",
            'run 0 is $n=5, $title="a, b", $repetition=0 for the simulator, '
            '$n=4, $title="a, b", $repetition=0 for SimCrate',
        ),
        ("echo 'Run 3: $repetition=0'", "lists run 3 where SimCrate has run 0"),
        ("echo 'Number of runs: 0'", 'does not list run 0 ($n=4, $title="a, b", $repetition=0)'),
        ("echo '<!> Error: No such config'; exit 1", "the simulator fails: No such config."),
        ("kill -9 $$", "was killed by SIGKILL"),
    ],
)
def test_a_binary_that_answers_otherwise_is_told(
    study: Path, tmp_path: Path, answer: str, difference: str
) -> None:
    (first, *_) = compare(stub(tmp_path, answer), study, "Study").differences

    assert first.startswith("config Study: ")
    assert difference in first


def test_runs_that_we_do_not_have_are_told_and_an_endless_list_is_cut_off(
    study: Path, tmp_path: Path
) -> None:
    endless = 'i=0; while :; do echo "Run $i: \\$repetition=$i"; i=$((i+1)); done'
    (difference,) = compare(stub(tmp_path, endless), study, "General").differences

    assert difference == "config General: the simulator lists run 1, SimCrate has 1 runs"


def test_a_binary_that_does_not_answer_is_an_error(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runlist, "ANSWER_LIMITS", Limits(wall_time_s=1))

    with pytest.raises(SimulationError, match="The time limit of 1 s was reached"):
        compare(stub(tmp_path, "exec sleep 60"), study)


def test_of_very_many_runs_the_first_are_compared(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runlist, "MOST_RUNS", 2)
    study.write_text("[General]\nnetwork = Net\nrepeat = 1000\n")
    seen = compare(
        stub(tmp_path, 'for i in 0 1 2; do echo "Run $i: \\$repetition=$i"; done'), study
    )

    assert seen == Comparison(config_count=1, run_count=2, differences=())


def test_a_simulator_of_another_kind_lists_no_runs(study: Path) -> None:
    other = Simulator(name="one", title="", kind=SimulatorKind.COMMAND, command=("true",))

    with pytest.raises(BadInputError, match="of the kind command"):
        compare(other, study)


def test_a_config_that_is_not_there_is_named(study: Path) -> None:
    with pytest.raises(IniError, match="there is no config"):
        compare(OPPSIM, study, "Studdy")


def test_a_definition_whose_binary_reads_another_ini_fails_its_check(
    study: Path, tmp_path: Path
) -> None:
    wrong = stub(tmp_path, "echo 'Run 0: $repetition=7'")
    trial = Trial(ini_path=study, config="Study")
    *good, failed = check_simulator(wrong, SandboxKind.NONE, trial)

    assert all(step.ok for step in good)
    assert (failed.name, failed.ok) == ("runs", False)
    assert "run 0 is $repetition=7 for the simulator, $repetition=0 for SimCrate" in failed.seen


def test_the_recorded_simulator_passes_the_step(tmp_path: Path) -> None:
    ini = tmp_path / "omnetpp.ini"
    ini.write_text("[Config Tictoc16]\nnetwork = Net\n[Config CpuLimit]\nnetwork = Net\n")
    recorded = Simulator(
        name="recorded",
        title="",
        kind=SimulatorKind.OMNETPP,
        command=(str(RECORDED),),
        is_ours=True,
    )
    steps = check_simulator(recorded, SandboxKind.NONE, Trial(ini_path=ini, config="Tictoc16"))
    seen = {step.name: step.seen for step in steps}

    assert seen["runs"] == "2 runs of 2 configs, as SimCrate reads them"
    assert "result files" in seen["run"]
