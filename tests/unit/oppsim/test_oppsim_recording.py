"""Result files of format version 3."""

from __future__ import annotations

import contextlib
import math
import shlex
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.oppsim.recording import Histogram, RunHeader, ScalarFile, Summary, VectorFile
from simcrate.oppsim.recording.header import format_time, quote

HEADER = RunHeader(
    run_id="Study-3-20261125-10:00:00-77",
    attributes={"configname": "Study", "iterationvars": '$n=5, $note="a b"', "iterationvarsf": ""},
    itervars={"note": '"a b"', "n": "5"},
    config=(("network", "OppNet"), ("**.x", "1 s"), ("network", "Other")),
)
HEADER_TEXT = """\
run Study-3-20261125-10:00:00-77
attr configname Study
attr iterationvars "$n=5, $note=\\"a b\\""
attr iterationvarsf ""
itervar n 5
itervar note "\\"a b\\""
config network OppNet
config **.x "1 s"
config network Other

"""


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("a b", '"a b"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("tab\tline\n", '"tab\\tline\\n"'),
        ("\x01", '"\\x01"'),
        ("é#=,$", "é#=,$"),
    ],
)
def test_words_are_quoted_only_when_needed(word: str, quoted: str) -> None:
    assert quote(word) == quoted


@settings(deadline=None)
@given(st.text(alphabet='ab "\\#', max_size=20))
def test_quoted_words_are_one_token_that_a_shell_reads_back(word: str) -> None:
    if word.startswith("#"):
        return  # a comment for a shell, none for the format unless it begins the line
    assert shlex.split(quote(word)) == [word]


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (0.0, "0"),
        (60.0, "60"),
        (0.604883863652, "0.604883863652"),
        (1e-12, "0.000000000001"),
        (100.5, "100.5"),
    ],
)
def test_simulated_time_is_decimal_to_the_picosecond(time_s: float, text: str) -> None:
    assert format_time(time_s) == text


def test_the_header_is_sorted_and_keeps_the_order_of_the_configuration() -> None:
    assert "".join(HEADER.lines()) == HEADER_TEXT


def test_a_vector_file_and_its_index_agree_block_by_block(tmp_path: Path) -> None:
    file = VectorFile(tmp_path / "a.vec", HEADER)
    delay = file.add("Net", "delay:vector", {"unit": "s", "title": "the delay", "source": ""})
    count = file.add("Net", "count:vector", {})
    for event in range(5):
        delay.record(event, event / 4, event * 1.5)
    file.flush()
    count.record(9, 2.0, math.nan)
    delay.record(10, 2.5, -1.0)
    file.complete()

    data = (tmp_path / "a.vec").read_bytes()
    index = (tmp_path / "a.vci").read_text().splitlines()

    assert data.decode().startswith(
        "version 3\n"
        + HEADER_TEXT
        + 'vector 0 Net delay:vector ETV\nattr title "the delay"\nattr unit s\n'
        "vector 1 Net count:vector ETV\n0\t0\t0\t0\n0\t1\t0.25\t1.5\n"
    )
    assert index[0] == f"file {len(data)} {int((tmp_path / 'a.vec').stat().st_mtime)}".ljust(64)
    blocks = [line.split() for line in index if line[:1].isdigit()]
    assert [block[3:] for block in blocks] == [
        ["0", "4", "0", "1", "5", "0", "6", "15", "67.5"],
        ["10", "10", "2.5", "2.5", "1", "-1", "-1", "-1", "1"],
        ["9", "9", "2", "2", "1", "nan", "nan", "nan", "nan"],
    ]
    for number, offset, length, *_ in blocks:
        lines = data[int(offset) : int(offset) + int(length)].decode().splitlines()
        assert all(line.startswith(f"{number}\t") for line in lines)


def test_an_index_is_blank_until_the_files_are_complete(tmp_path: Path) -> None:
    file = VectorFile(tmp_path / "a.vec", HEADER)
    file.add("Net", "x:vector", {}).record(1, 1.0, 1.0)
    file.flush()

    assert (tmp_path / "a.vci").read_bytes()[:65] == b" " * 64 + b"\n"
    assert (tmp_path / "a.vec").read_bytes().endswith(b"0\t1\t1\t1\n")
    file.close()


def test_vectors_are_written_when_many_samples_wait(tmp_path: Path) -> None:
    file = VectorFile(tmp_path / "a.vec", HEADER)
    vector = file.add("Net", "x:vector", {})
    for event in range(20_001):
        vector.record(event, float(event), 0.0)

    assert (tmp_path / "a.vec").read_bytes().count(b"\n0\t") == 20_000
    file.close()


def test_a_scalar_file_holds_parameters_scalars_and_histograms(tmp_path: Path) -> None:
    with ScalarFile(tmp_path / "a.sca", HEADER) as file:
        file.parameter("Net", "ttl", "60s", "s")
        file.scalar("Net", "ratio:last", math.nan, {"title": "the ratio, last"})
        file.histogram("Net", "delay:histogram", [1.0, 1.5, 4.0], {"unit": "s"})

    text = (tmp_path / "a.sca").read_text()

    assert text.startswith("version 3\n" + HEADER_TEXT)
    assert (
        'par Net ttl 60s\nattr unit s\nscalar Net ratio:last nan\nattr title "the ratio, last"\n'
        in text
    )
    assert (
        "statistic Net delay:histogram\nfield count 3\nfield mean 2.1666666666667\n"
        "field stddev 1.6072751268322\nfield min 1\nfield max 4\nfield sum 6.5\nfield sqrsum 19.25\n"
        "attr unit s\nbin\t-inf\t0\nbin\t1\t1\n"
    ) in text


def test_a_scalar_file_is_not_there_until_it_is_complete(tmp_path: Path) -> None:
    with ScalarFile(tmp_path / "a.sca", HEADER) as file:
        file.scalar("Net", "x", 1.0, {})
        assert not (tmp_path / "a.sca").exists()

    assert [path.name for path in tmp_path.iterdir()] == ["a.sca"]


def test_a_scalar_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with contextlib.suppress(RuntimeError), ScalarFile(tmp_path / "a.sca", HEADER):
        raise RuntimeError

    assert list(tmp_path.iterdir()) == []


def test_a_summary_of_nothing_is_nan_and_of_one_has_no_deviation() -> None:
    assert math.isnan(Summary.of([]).mean)
    assert Summary.of([]).count == 0
    assert math.isnan(Summary.of([3.0]).stddev)


def test_values_that_differ_by_rounding_share_a_bin() -> None:
    histogram = Histogram.of([0.3, 0.1 + 0.2, 0.3 - 1e-16])

    assert histogram.counts.tolist() == [3]


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), max_size=50)
    | st.lists(st.floats(0, 1e-12).map(lambda small: 30.0 + small), max_size=5)
    | st.lists(st.floats(1e14, 1e18), max_size=5)
)
def test_every_value_lies_in_some_bin_of_its_histogram(values: list[float]) -> None:
    histogram = Histogram.of(values)

    assert histogram.counts.sum() == len(values)
    assert (np.diff(histogram.edges) > 0).all()
    assert len(histogram.counts) <= 60
