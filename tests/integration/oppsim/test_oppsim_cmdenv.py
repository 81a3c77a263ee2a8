"""The command line, the output and the exit codes, as Cmdenv's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.integration.oppsim.conftest import Oppsim

STATUS = re.compile(
    r"^\*\* Event #(\d+)\s+t=([\d.eE+-]+)\s+Elapsed: ([\d.eE+-]+)s \([^)]*\)"
    r"(?:\s+(\d+)% completed\s+\((\d+)% total\))?",
    re.MULTILINE,
)
SPEED = re.compile(r"^     Speed:     ev/sec=\S+   simsec/sec=\S+   ev/simsec=\S+$", re.MULTILINE)
MESSAGES = re.compile(r"^     Messages:  created: \d+   present: \d+   in FES: \d+$", re.MULTILINE)

HARDENED = [
    "-m",
    "-u",
    "Cmdenv",
    "--output-scalar-file=${resultdir}/${configname}-${iterationvarsf}#${repetition}-${runnumber}.sca",
    "--output-vector-file=${resultdir}/${configname}-${iterationvarsf}#${repetition}-${runnumber}.vec",
    "--eventlog-file=${resultdir}/e.elog",
    "--snapshot-file=${resultdir}/s.sna",
    "--record-eventlog=false",
    "--cmdenv-redirect-output=false",
    "--cmdenv-interactive=false",
    "--cmdenv-express-mode=true",
    "--cmdenv-status-frequency=1s",
    "--debugger-attach-on-startup=false",
    "--debugger-attach-on-error=false",
    "--debug-on-errors=false",
    "--outputscalarmanager-class=omnetpp::envir::OmnetppOutputScalarManager",
    "--outputvectormanager-class=omnetpp::envir::OmnetppOutputVectorManager",
    "--cpu-time-limit=60s",
]


def ended(result: subprocess.CompletedProcess[str]) -> str:
    """The `<!>` lines, wherever they were printed."""
    return "\n".join(
        line for line in (result.stdout + result.stderr).splitlines() if line.startswith("<!>")
    )


def test_a_batch_prints_what_cmdenv_prints(oppsim: Oppsim) -> None:
    result = oppsim("-u", "Cmdenv", "-c", "Study")

    assert result.returncode == 0
    assert result.stderr == ""
    assert (
        "Preparing for running configuration Study, run #2...\nScenario: $pause=30, $repetition=0\n"
        in (result.stdout)
    )
    assert (
        'Setting up network "OppNet"...\nInitializing...\n\nRunning simulation...\n** Event #0   t=0   '
        in (result.stdout)
    )
    assert result.stdout.count("<!> Simulation time limit reached -- at t=300s, event #") == 4
    assert "\n\nCalling finish() at end of Run #3...\n" in result.stdout
    assert result.stdout.endswith("\nRun statistics: total 4, successful 4\n\nEnd.\n")


def test_status_lines_follow_the_grammar_and_count_the_runs_of_the_batch(oppsim: Oppsim) -> None:
    output = oppsim("-c", "Study", "-r", "1,3").stdout

    percents = [(int(done), int(total)) for *_, done, total in STATUS.findall(output)]
    assert percents == [(0, 0), (100, 50), (0, 50), (100, 100)]
    assert len(SPEED.findall(output)) == len(MESSAGES.findall(output)) == 4


def test_without_a_limit_there_is_no_percent_and_the_trace_ends_the_run(
    oppsim: Oppsim, study_dir: Path
) -> None:
    (study_dir / "trace.txt").write_text("1 up 0 1\n2 down 0 1\n")
    (study_dir / "omnetpp.ini").write_text(
        'network = OppNet\nOppNet.mobility = "ContactTrace"\nOppNet.traceFile = "trace.txt"\n'
        "real-time-limit = 0.2s\n"
    )

    result = oppsim()

    assert ended(result).startswith("<!> Realtime limit reached -- at t=")
    (study_dir / "omnetpp.ini").write_text(
        'network = OppNet\nOppNet.mobility = "ContactTrace"\nOppNet.traceFile = "no.txt"\n'
    )
    assert "Cannot open trace file 'no.txt'" in ended(oppsim())


def test_the_performance_display_can_be_one_line(oppsim: Oppsim) -> None:
    output = oppsim("-c", "Plain", "--cmdenv-performance-display=false").stdout

    assert re.search(r"^\*\* Event #0 .*% total\)   ev/sec=0$", output, re.MULTILINE)
    assert not SPEED.search(output)


def test_the_hardened_command_line_is_accepted_and_names_the_files(
    oppsim: Oppsim, study_dir: Path
) -> None:
    result = oppsim(*HARDENED, "-c", "Study", "-r", "2", "-f", "omnetpp.ini", "--result-dir=out")

    assert result.returncode == 0
    assert sorted(path.name for path in (study_dir / "out").iterdir()) == [
        "Study-pause=30-#0-2.sca",
        "Study-pause=30-#0-2.vci",
        "Study-pause=30-#0-2.vec",
    ]


def test_the_hardened_command_line_wins_over_whatever_the_ini_file_says(
    oppsim: Oppsim, study_dir: Path
) -> None:
    with (study_dir / "omnetpp.ini").open("a") as ini:
        ini.write(
            "record-eventlog = true\ncmdenv-express-mode = false\ncmdenv-interactive = true\n"
        )
        ini.write("output-scalar-file = elsewhere.sca\ndebugger-attach-on-startup = true\n")

    result = oppsim(*HARDENED, "-c", "Plain")

    assert result.returncode == 0
    assert not (study_dir / "elsewhere.sca").exists()
    assert oppsim("-c", "Plain").returncode == 1


def test_files_have_omnetpps_names_by_default(oppsim: Oppsim, study_dir: Path) -> None:
    oppsim("-c", "Plain")

    assert sorted(path.name for path in (study_dir / "results").iterdir()) == [
        "Plain-#0.sca",
        "Plain-#0.vci",
        "Plain-#0.vec",
    ]


def test_output_can_be_redirected_to_a_file(oppsim: Oppsim, study_dir: Path) -> None:
    result = oppsim("-c", "Plain", "--cmdenv-redirect-output=true")

    assert 'Redirecting output to file "results/Plain-#0.out"...' in result.stdout
    assert "** Event" not in result.stdout
    assert "** Event" in (study_dir / "results/Plain-#0.out").read_text()


def test_a_cpu_limit_ends_with_exit_0_and_complete_files(oppsim: Oppsim, study_dir: Path) -> None:
    result = oppsim("-c", "Endless", "--cpu-time-limit=0.3s")

    assert result.returncode == 0
    assert ended(result).startswith("<!> CPU time limit reached -- at t=")
    assert (study_dir / "results/Endless-#0.sca").exists()


@pytest.mark.parametrize(
    ("query", "printed"),
    [
        ("numruns", "4\n"),
        ("runnumbers", "0 1 2 3\n"),
        (
            "runs",
            "Run 0: $pause=0, $repetition=0\nRun 1: $pause=0, $repetition=1\n"
            "Run 2: $pause=30, $repetition=0\nRun 3: $pause=30, $repetition=1\n",
        ),
    ],
)
def test_queries_answer_and_run_nothing(
    oppsim: Oppsim, study_dir: Path, query: str, printed: str
) -> None:
    assert oppsim("-s", "-c", "Study", "-q", query).stdout == printed
    assert not (study_dir / "results").exists()


def test_configs_are_listed(oppsim: Oppsim) -> None:
    assert oppsim("-s", "-a").stdout == (
        "Config General: 1\nConfig Study: 4\nConfig Endless: 1\nConfig Plain: 1\n"
    )


def test_help_lists_the_options(oppsim: Oppsim) -> None:
    assert "-r FILTER" in oppsim("-h").stdout
    assert "  sim-time-limit=" in oppsim("-h", "config").stdout


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["-c", "NoSuch"], 'no config "NoSuch"'),
        (["-f", "no.ini"], "cannot open ini file no.ini"),
        (["-c", "Study", "-r", "9"], "run 9 is out of range 0..3"),
        (["-r", "$x > 1"], "no such variable: $x"),
        (["--no-such-option=1"], "Unknown command-line configuration option --no-such-option"),
        (["--repeat"], "Missing value for command-line option --repeat"),
        (["-c"], "Missing value for command-line option -c"),
        (["-u", "Qtenv"], "User interface 'Qtenv' not found"),
        (["-z"], "Invalid command-line option -z"),
        (["-q", "everything"], "Unknown query"),
        (["--network=Aloha"], "Network 'Aloha' not found"),
        (["--OppNet.ttl=5kg"], "Cannot assign '5kg' to parameter 'OppNet.ttl'"),
        (["--OppNet.numNodez=5"], "No parameter of network 'OppNet' matches 'OppNet.numNodez'"),
        (["--record-eventlog=true"], "record-eventlog=true is not supported"),
        (["--fingerprint=0000-0000/tplx"], "fingerprint=0000-0000/tplx is not supported"),
        (["--sim-time-limit=-1s"], "must not be negative"),
        (
            ["--**.vector-recording=maybe"],
            "Wrong value for configuration option **.vector-recording",
        ),
        (["--cmdenv-redirect-output=1"], "true or false is needed"),
        (["--sim-time-limit=long"], "Wrong value for configuration option sim-time-limit=long"),
        (["--result-dir=/proc/nosuch"], "Cannot write result files"),
        (['--OppNet.mobility="ContactTrace"'], "traceFile' must name a file"),
        (
            ['--OppNet.mobility="ContactTrace"', '--OppNet.traceFile="../../etc/passwd"'],
            "leads outside the directory of the ini file",
        ),
        (
            ['--OppNet.mobility="ContactTrace"', '--OppNet.traceFile="/etc/passwd"'],
            "leads outside the directory of the ini file",
        ),
    ],
)
def test_errors_are_one_line_on_stderr_and_exit_1(
    oppsim: Oppsim, words: list[str], error: str
) -> None:
    result = oppsim(*words)

    assert result.returncode == 1
    assert error in result.stderr
    assert re.fullmatch(r"\n<!> Error: [^\n]+\n", result.stderr)
    assert result.stdout.endswith("\nEnd.\n")


def test_errors_go_to_stdout_when_asked_for(oppsim: Oppsim) -> None:
    result = oppsim("-m", "-c", "NoSuch")

    assert result.stderr == ""
    assert '\n<!> Error: omnetpp.ini: there is no config "NoSuch"' in result.stdout


def test_an_unknown_option_in_the_ini_file_is_an_error_wherever_it_stands(
    oppsim: Oppsim, study_dir: Path
) -> None:
    with (study_dir / "omnetpp.ini").open("a") as ini:
        ini.write("sim-time-limt = 5s\n")

    result = oppsim("-c", "Study")

    assert result.returncode == 1
    assert (
        "<!> Error: Unknown configuration option: sim-time-limt -- at omnetpp.ini:19"
        in result.stderr
    )


def test_an_error_of_the_model_says_where_and_leaves_no_scalar_file(
    oppsim: Oppsim, study_dir: Path
) -> None:
    (study_dir / "trace.txt").write_text("1 up 0 1\n200 up 0 99\n")

    result = oppsim(
        "-c", "Plain", '--OppNet.mobility="ContactTrace"', '--OppNet.traceFile="trace.txt"'
    )

    assert result.returncode == 1
    assert re.search(
        r"trace\.txt:2: nodes must be .* -- in network OppNet, at t=\S+s, event #", result.stderr
    )
    assert [path.suffix for path in sorted((study_dir / "results").iterdir())] == [".vci", ".vec"]


def test_a_failed_run_stops_the_batch_unless_told_otherwise(oppsim: Oppsim) -> None:
    words = ("-c", "Study", "--OppNet.radioRange=${range=50m, 5kg}")

    stopped = oppsim(*words)
    continued = oppsim(*words, "--cmdenv-stop-batch-on-error=false")

    assert stopped.returncode == continued.returncode == 1
    assert "Run statistics: total 8, successful 4, errors 1, skipped 3\n" in stopped.stdout
    assert "Run statistics: total 8, successful 4, errors 4\n" in continued.stdout
