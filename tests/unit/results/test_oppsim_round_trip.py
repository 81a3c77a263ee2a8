"""Whatever the built-in simulator's writer can write comes back."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.oppsim.recording import RunHeader, ScalarFile, VectorFile
from simcrate.results import ResultSet, open_results

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)
VALUES = st.floats(-1e100, 1e100) | st.sampled_from([math.nan, math.inf])
ATTRIBUTES = st.dictionaries(st.sampled_from(["unit", "title", "enum"]), WORDS)
HEADERS = st.builds(
    RunHeader,
    run_id=WORDS,
    attributes=st.dictionaries(WORDS, TEXTS, max_size=3),
    itervars=st.dictionaries(WORDS, TEXTS, min_size=1, max_size=3),
    config=st.lists(st.tuples(WORDS, TEXTS), max_size=3).map(tuple),
)


def _open(directory: str, header: RunHeader) -> ResultSet:
    results = open_results([Path(directory)])
    (run,) = results.runs
    assert run.id == header.run_id
    assert run.attributes == header.attributes
    assert run.itervars == header.itervars
    assert run.config == header.config
    assert results.warnings == ()
    assert results.incomplete == ()
    return results


@settings(max_examples=40, deadline=None)
@given(
    HEADERS,
    st.lists(st.tuples(TEXTS, WORDS, ATTRIBUTES), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1000), VALUES, st.booleans()), max_size=30),
)
def test_vectors_and_their_header_come_back(
    header: RunHeader,
    vectors: list[tuple[str, str, dict[str, str]]],
    moments: list[tuple[int, float, float, bool]],
) -> None:
    written: dict[int, list[tuple[int, float, float]]] = {n: [] for n in range(len(vectors))}
    with tempfile.TemporaryDirectory() as name:
        file = VectorFile(Path(name) / "a.vec", header, precision=17)
        recorders = [file.add(*vector) for vector in vectors]
        now_s = 0.0
        for event, (number, step_s, value, is_flushed) in enumerate(moments):
            now_s = round(now_s + step_s, 6)
            recorders[number % len(vectors)].record(event, now_s, value)
            written[number % len(vectors)].append((event, now_s, value))
            if is_flushed:
                file.flush()
        file.complete()
        results = _open(name, header)

        assert results.vectors()["module"].to_pylist() == [vector[0] for vector in vectors]
        assert results.vectors()["name"].to_pylist() == [vector[1] for vector in vectors]
        for key, (_, _, attributes) in enumerate(vectors):
            assert results.vectors()["unit"][key].as_py() == attributes.get("unit")
            rows = results.read_vector(key).to_pylist()
            assert [(row["event"], row["time_s"]) for row in rows] == [
                sample[:2] for sample in written[key]
            ]
            assert _same([row["value"] for row in rows], [sample[2] for sample in written[key]])


@settings(max_examples=40, deadline=None)
@given(
    HEADERS,
    st.lists(st.tuples(TEXTS, WORDS, VALUES, ATTRIBUTES), max_size=4),
    st.lists(st.floats(-1e6, 1e6), max_size=20),
)
def test_scalars_parameters_and_histograms_come_back(
    header: RunHeader,
    scalars: list[tuple[str, str, float, dict[str, str]]],
    observed: list[float],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        with ScalarFile(Path(name) / "a.sca", header, precision=17) as file:
            for scalar in scalars:
                file.scalar(*scalar)
            file.parameter("Net", "interval", "exponential(1s)", "s")
            file.histogram("Net", "delay", observed, {"unit": "s"})
        results = _open(name, header)

    assert _same(results.scalars()["value"].to_pylist(), [scalar[2] for scalar in scalars])
    assert results.parameters()["value"].to_pylist() == ["exponential(1s)"]
    (statistic,) = (results.histograms() if observed else results.statistics()).to_pylist()
    assert statistic["count"] == len(observed)
    assert statistic["min"] == min(observed) if observed else math.isnan(statistic["min"])
    assert sum(statistic.get("values", [])) == len(observed)


def _same(ours: list[float], written: list[float]) -> bool:
    texts = [[repr(value) for value in values] for values in (ours, written)]
    return texts[0] == texts[1] and pa.array(ours, pa.float64()).null_count == 0
