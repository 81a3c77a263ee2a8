"""Hostile ini files are refused, and every refused line is explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.errors import IniError
from simcrate.inifile import Refusal, SafetyPolicy, check_safety, parse_ini, read_ini

EXAMPLES = Path(__file__).parents[3] / "examples"


def refused(text: str) -> list[tuple[int, str]]:
    ini = parse_ini(text, name="readFile")
    return [(refusal.line, refusal.key) for refusal in check_safety(ini)]


@pytest.mark.parametrize(
    "line",
    [
        "load-libs = /tmp/evil",
        "debugger-attach-on-startup = true",
        'debugger-attach-command = "rm -rf %u"',
        "debugger-attach-on-error = true",
        "debug-on-errors = true",
        "output-scalar-file = /home/alice/x.sca",
        "output-vector-file = x.vec",
        "eventlog-file = x",
        "snapshot-file = x",
        "cmdenv-output-file = x",
        "result-dir = /home/alice",
        "result-dir = ../../alice",
        "result-dir = ${configname}/../x",
        'result-dir = "${where=/etc, results}"',
        r"result-dir = ..\alice",
        "result-di? = /home/alice",
        "{r}esult-dir = /home/alice",
        "seed-x-mt = 1",
        "record-eventlog = true",
        "ned-path = /opt/other",
        "image-path = /",
        "cmdenv-interactive = true",
        "user-interface = Qtenv",
        'scheduler-class = "cRealTimeScheduler"',
        'configuration-class = "X"',
        'sectionbasedconfig-configreader-class = "X"',
        'outputscalarmanager-class = "omnetpp::envir::SqliteOutputScalarManager"',
        'some-new-class = "X"',
        "parallel-simulation = true",
        'parsim-filecommunications-prefix = "/home/alice/"',
        "tkenv-plugin-path = /tmp",
        "**.partition-id = 0",
        "**.some-new-option = 1",
        "sim-time-limt = 1s",
        "cmdenv-num-threads = 64",
    ],
)
def test_options_that_are_not_allowed_are_refused(line: str) -> None:
    (refusal,) = check_safety(parse_ini(f"network = X\n[Config Never]\n{line}\n"))

    assert (refusal.file, refusal.line) == ("omnetpp.ini", 3)
    assert refusal.key == line.partition(" = ")[0]
    assert refusal.why


@pytest.mark.parametrize("option", ["fname-append-host", "rngmanager-class", "parsim-procid"])
def test_an_option_that_exists_is_refused_with_a_reason_of_its_own(option: str) -> None:
    (refusal,) = check_safety(parse_ini(f"{option} = true\n"))

    assert "there is no option" not in refusal.why


@pytest.mark.parametrize(
    "line",
    [
        '**.x = xmldoc("/etc/passwd")',
        '**.x = readFile("/etc/passwd")',
        '**.x = readJSON ("/etc/passwd")',
        '**.x = 1 + readCSV("a")',
        '**.x = xmldoc // of the model\n  ("/etc/passwd")',
        '**.x = readFile//\n  // and so on\n  ("/etc/passwd")',
        'description = "//\\n"\n**.x = xmldoc${description}("a")',
        '**.x = readXML("a")',
        '**.x = ${a=1, readFile("a")}',
        '**.x = ${a=read}File("a")',
        '**.x = ${a=xml}${b=doc}("a")',
        '**.x = ${a=1, xmldoc}("a")',
        '**.x = ${b=$a}File("a")\n**.y = ${a=read}',
        '**.x = ${ a }File("a")\n**.y = ${a=1, read}',
        '**.x = "${a=" + readFile("a") + "}"',
        '**.x = ${a=1..2}+${b=read}File("a")',
        '[Config read]\n**.x = ${configname}File("a")',
        'description = "read"\n**.x = ${description}File("a")',
        'description = "\\" + readFile(\\"a\\") + \\""\n**.x = "${description}"',
        'experiment-label = ${a=read}\n**.x = ${experiment}File("a")',
        '[read]\n**.x = ${experiment}File("a")',
        '**.y = ${read, x}\n**.x = ${iterationvarsd}File("a")',
        '**.x = loadSomething("a")',
        '**.x = ${inifile}("a")',
        '**.x = ${x=1..3}${runnumber} + ${a=$b}File("a")\n**.y = ${b=read, 1}',
    ],
)
def test_functions_that_read_files_are_refused_however_they_are_spelled(line: str) -> None:
    assert refused(line)


def test_a_file_is_judged_even_if_its_sections_contradict_each_other() -> None:
    assert refused("[A]\nextends = Nobody\nload-libs = x\n") == [(3, "load-libs")]


def test_values_too_many_to_check_are_refused() -> None:
    lists = "".join(f"${{v{i}=a,b,c,d,e,f,g,h,i,j}}" for i in range(5))

    (refusal,) = check_safety(parse_ini(f"**.x = {lists}\n"))

    assert "too many combinations" in refusal.why


def test_layers_of_variables_are_no_effort_to_check() -> None:
    layers = "".join(
        f"**.x{n}{i} = ${{v{n}{i}={', '.join(f'$v{n + 1}{j}' for j in range(10))}}}\n"
        for n in range(6)
        for i in range(10)
    )
    last = "".join(f"**.y{i} = ${{v6{i}={'read' if i == 9 else 'x'}, y}}\n" for i in range(10))

    assert refused(layers + last) == []
    assert refused(layers + last + "**.z = ${v00}File(1)\n") == [(71, "**.z")]


def test_variables_that_refer_to_each_other_for_ever_are_refused() -> None:
    refusals = check_safety(parse_ini("**.x = ${a=$b, x}\n**.y = ${b=$a, y}\n"))

    assert len(refusals) == 2
    assert all("too deeply" in r.why or "too many" in r.why for r in refusals)


@pytest.mark.parametrize(
    "line",
    [
        "network = inet.examples.Net",
        'description = "uses readFile(x) to do things"',
        "sim-time-limit = 100s",
        "seed-0-mt = 4711",
        "**.rng-0 = 1",
        '**.app[*].typename = "UdpApp"',
        "**.vector-recording = false",
        "*.host[*].delay = exponential(${ia=1..10 step 0.5}s)",
        '**.note = "result-dir = /etc"',
        '**.reader.readFileName = "x"',
        "result-dir = results",
        "result-dir = results/${configname}",
        'rng-class = "omnetpp::cMersenneTwister"',
        "debug-on-errors = false",
        "cmdenv-interactive = false",
        "record-eventlog = false",
        "fname-append-host = false",
        "cmdenv-fake-gui-seed = 1",
        "**interval = 5s",
        "vector-recording = false",
        '**.pcap = "${resultdir}/${configname}-${runnumber}.pcap"',
        '**.note = "a\\\n b = c"',
        '**.xml = xml("<x/>")',
    ],
)
def test_what_a_study_needs_is_allowed(line: str) -> None:
    assert refused(line) == []


def test_a_backslash_does_not_hide_an_option() -> None:
    assert refused("load-\\\nlibs = /tmp/x\n") == [(1, "load-libs")]


def test_an_indented_line_is_judged_as_both_generations_read_it() -> None:
    assert refused("network = X\n  load-libs = /tmp/x\n") == [(2, "load-libs")]
    assert refused("network = X\n  include /etc/passwd\n") == [(2, "include")]
    assert refused("network = X\n  include\t/etc/passwd\n") == [(2, "include")]
    assert refused("constraint = $a > 1 &&\n  $b == 2\n**.a = ${a=1,2}${b=2}\n") == []


def test_control_characters_are_refused() -> None:
    assert refused("**.x = 1\x01\n") == [(1, "**.x")]


def test_a_pattern_that_could_mean_an_option_is_refused() -> None:
    assert refused("**.*-recording = true\n") == [(1, "**.*-recording")]


def test_included_files_are_judged_under_their_own_names() -> None:
    ini = parse_ini("include b.ini\n", includes={"b.ini": "network = X\nload-libs = y\n"})

    (refusal,) = check_safety(ini)

    assert str(refusal) == (
        "b.ini:2: load-libs: this option may not be set here: it loads program code"
    )


def test_all_refused_lines_are_listed_in_the_order_of_the_file() -> None:
    assert refused("load-libs = x\nrepeat = 2\nned-path = y\n**.x = readFile(z)\n") == [
        (1, "load-libs"),
        (3, "ned-path"),
        (4, "**.x"),
    ]


def test_a_misspelled_option_is_refused_with_the_nearest_name() -> None:
    (refusal,) = check_safety(parse_ini("sim-time-limt = 1s\n"))

    assert refusal.why == 'there is no option "sim-time-limt"; did you mean "sim-time-limit"?'


def test_a_policy_can_grant_more_and_less() -> None:
    policy = SafetyPolicy(plain=frozenset({"network", "record-eventlog"}))
    ini = parse_ini("network = X\nrecord-eventlog = true\nrepeat = 2\n")

    assert [refusal.key for refusal in check_safety(ini, policy)] == ["repeat"]


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*/*.ini")), ids=lambda path: path.parent.name
)
def test_the_examples_are_safe_and_all_their_configs_can_be_counted(path: Path) -> None:
    ini = read_ini(path)

    assert check_safety(ini) == ()
    assert all(info.description and info.network for info in ini.configs)
    assert all(ini.config(info.name).run_count > 0 for info in ini.configs)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["load-libs", "**.x", "network", "[A]", "  debug-on-errors", "include", "#"]
            ),
            st.sampled_from([" = ", "=", "\\\n= ", " =\n  ", " "]),
            st.sampled_from(["readFile(1)", "x", "${a=1,2}", '"y"', "\\", "true"]),
        ),
        max_size=6,
    )
)
def test_a_hostile_key_is_never_both_effective_and_unrefused(
    lines: list[tuple[str, str, str]],
) -> None:
    text = "\n".join("".join(line) for line in lines)
    for generation in (5, 6):
        try:
            ini = parse_ini(text, generation=generation)
        except IniError:
            continue
        refusals: tuple[Refusal, ...] = check_safety(ini)
        if any(entry.key == "load-libs" or "readFile(" in entry.value for entry in ini.entries):
            assert refusals
