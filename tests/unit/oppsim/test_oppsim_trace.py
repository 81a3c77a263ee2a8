"""Contact traces."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcrate.oppsim.contacts import Step
from simcrate.oppsim.errors import ModelError
from simcrate.oppsim.trace import read_trace


def steps(tmp_path: Path, text: str) -> list[Step]:
    path = tmp_path / "trace.txt"
    path.write_text(text)
    return [step for step in read_trace(path, node_count=5) if step.up or step.down]


def test_both_forms_are_read_and_comments_are_skipped(tmp_path: Path) -> None:
    text = "# trace\n\n1.5 CONN 3 1 up\n2 up 0 4\n2 up 0 2\n7.25 down 1 3\n8 conn 0 4 down\n"

    assert [(step.time_s, step.up, step.down) for step in steps(tmp_path, text)] == [
        (1.5, ((1, 3),), ()),
        (2.0, ((0, 4), (0, 2)), ()),
        (7.25, (), ((1, 3),)),
        (8.0, (), ((0, 4),)),
    ]


def test_contacts_that_begin_twice_or_end_unbegun_are_ignored(tmp_path: Path) -> None:
    text = "1 down 0 1\n2 up 0 1\n3 up 1 0\n4 down 0 1\n5 down 0 1\n"

    assert [step.time_s for step in steps(tmp_path, text)] == [2.0, 4.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 up 0\n", r"trace\.txt:1: expected"),
        ("1 CONN 0 1 sideways\n", r"trace\.txt:1: expected"),
        ("# fine\none up 0 1\n", r"trace\.txt:2: could not convert"),
        ("1 up a b\n", r"trace\.txt:1: invalid literal"),
        ("-1 up 0 1\n", "from 0 on"),
        ("nan up 0 1\n", "from 0 on"),
        ("2 up 0 1\n1 down 0 1\n", r"trace\.txt:2: time goes back"),
        ("1 up 0 5\n", r"two of 0\.\.4"),
        ("1 up 3 3\n", r"two of 0\.\.4"),
        ("1 up -1 3\n", r"two of 0\.\.4"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        steps(tmp_path, text)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    path.write_bytes(b"1 up 0 1\n\xff\xfe")

    with pytest.raises(ModelError, match=r"trace\.txt"):
        list(read_trace(path, node_count=5))


def test_a_trace_is_read_as_time_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    path.write_text(
        "".join(f"{n} up 0 1\n{n + 0.5} down 0 1\n" for n in range(1000)) + "nonsense\n"
    )

    trace = read_trace(path, node_count=5)

    assert [next(trace).time_s for _ in range(4)] == [0.0, 0.5, 1.0, 1.5]
