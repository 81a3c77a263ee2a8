from __future__ import annotations

from simcrate.openmetrics import family, page, sample


def test_a_metric_is_introduced_with_its_kind_unit_and_text() -> None:
    assert family("a_bytes", "gauge", "Bytes.", "bytes") == [
        "# TYPE a_bytes gauge",
        "# UNIT a_bytes bytes",
        "# HELP a_bytes Bytes.",
    ]


def test_a_number_has_its_labels() -> None:
    assert sample("a", 1.5) == "a 1.5"
    assert sample("a", 2, machine="here", state="queued") == 'a{machine="here",state="queued"} 2'


def test_a_label_cannot_forge_a_line() -> None:
    assert sample("a", 1, machine='x"} 2\nb \\') == 'a{machine="x\\"} 2\\nb \\\\"} 1'


def test_a_page_says_where_it_ends() -> None:
    assert page(["a 1"]) == "a 1\n# EOF\n"
