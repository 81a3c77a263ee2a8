"""Whatever a simulator can write comes back: vectors with and without index, scalars, statistics."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simcrate.results import ResultSet, open_results
from tests.unit.results.conftest import HEADER, WrittenVector, quote, write_vec

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats() | st.integers(-(10**6), 10**6).map(float)


@st.composite
def written_vectors(draw: st.DrawFn) -> WrittenVector:
    picoseconds = sorted(draw(st.lists(st.integers(0, 10**16), max_size=12)))
    samples = [
        (event, f"{time // 10**12}.{time % 10**12:012d}".rstrip("0").rstrip("."), draw(NUMBERS))
        for event, time in enumerate(picoseconds)
    ]
    return WrittenVector(
        samples=samples,
        module=draw(TEXTS),
        name=draw(TEXTS),
        columns=draw(st.sampled_from(["ETV", "TV"])),
    )


SQUARES_OVERFLOW = WrittenVector(
    samples=[(0, "0", 1e154), (1, "1", 0.0)], module="m", name="v", columns="ETV"
)


@settings(max_examples=150, deadline=None)
@given(st.lists(written_vectors(), max_size=4), st.integers(1, 5))
@example([SQUARES_OVERFLOW], 2)
def test_vectors_come_back_with_and_without_their_index(
    vectors: list[WrittenVector], block: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = write_vec(Path(name) / "a.vec", vectors, block=block)
        by_index, by_data = open_results([path]), open_results([path], use_index=False)

        assert by_index.warnings == ()
        for results in (by_index, by_data):
            _assert_comes_back(results, vectors)


def _assert_comes_back(results: ResultSet, vectors: list[WrittenVector]) -> None:
    table = results.vectors()
    assert table["module"].to_pylist() == [vector.module for vector in vectors]
    assert table["name"].to_pylist() == [vector.name for vector in vectors]
    assert table["count"].to_pylist() == [len(vector.samples) for vector in vectors]
    together: dict[int, list[float]] = {key: [] for key in range(len(vectors))}
    for batch in results.all_samples():
        for key, value in zip(batch["vector"].to_pylist(), batch["value"].to_pylist(), strict=True):
            together[key].append(value)
    for key, vector in enumerate(vectors):
        samples = results.read_vector(key)
        values = [value for _, _, value in vector.samples]
        events = [event if vector.columns == "ETV" else None for event, _, _ in vector.samples]
        assert samples["event"].to_pylist() == events
        assert samples["time_s"].to_pylist() == [float(time) for _, time, _ in vector.samples]
        assert _same(samples["value"].to_pylist(), values)
        assert _same(together[key], values)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, NUMBERS, TEXTS), max_size=6))
def test_scalars_and_their_attributes_come_back(rows: list[tuple[str, str, float, str]]) -> None:
    lines = "".join(
        f"scalar {quote(module)} {quote(name)} {value!r}\nattr title {quote(title)}\n"
        for module, name, value, title in rows
    )
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.sca"
        path.write_text(HEADER + lines, newline="")
        table = open_results([path]).scalars()

    assert table["module"].to_pylist() == [row[0] for row in rows]
    assert table["name"].to_pylist() == [row[1] for row in rows]
    assert _same(table["value"].to_pylist(), [row[2] for row in rows])
    assert table["title"].to_pylist() == [row[3] for row in rows]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8, unique=True),
    st.data(),
)
def test_histograms_come_back(edges: list[float], data: st.DataObject) -> None:
    edges = sorted({edge + 0.0 for edge in edges})
    counts = data.draw(
        st.lists(st.integers(0, 99), min_size=len(edges) + 1, max_size=len(edges) + 1)
    )
    bins = zip([-math.inf, *edges], counts, strict=True)
    lines = "".join(f"bin\t{edge!r}\t{count}\n" for edge, count in bins)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.sca"
        path.write_text(f"{HEADER}statistic m n\nfield count {sum(counts)}\n{lines}")
        (row,) = open_results([path]).histograms().to_pylist()

    assert row["edges"] == edges
    assert [row["underflow"], *row["values"], row["overflow"]] == counts


def _same(ours: list[float], written: list[float]) -> bool:
    return pa.array(ours, pa.float64()).equals(pa.array(written, pa.float64())) or [
        "nan" if math.isnan(value) else value for value in ours
    ] == ["nan" if math.isnan(value) else value for value in written]
