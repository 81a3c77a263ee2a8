"""Records of a crate that somebody else wrote: any JSON gives faults, never an exception."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.crate.records import metadata_faults, run_record

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
identifiers = st.sampled_from(["./", "ro-crate-metadata.json", "a", "#b", "http://x"]) | values
entities = st.fixed_dictionaries(
    {"@id": identifiers},
    optional={"@type": st.just("File") | values, "about": values | st.just({"@id": "./"})},
)


@settings(deadline=None)
@given(st.fixed_dictionaries({"@graph": st.lists(entities | values, max_size=4)}) | values)
def test_metadata_of_any_shape_gives_faults_and_no_exception(value: object) -> None:
    metadata_faults(json.dumps(value), "", {"a": 1})


@settings(deadline=None)
@given(values | st.fixed_dictionaries({"schema": values}))
def test_run_record_of_any_shape_gives_faults_and_no_exception(value: object) -> None:
    run_record(json.dumps(value), "run.json")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"@graph":' * 50_000, "\x00"])
def test_text_that_exhausts_a_parser_is_a_fault(text: str) -> None:
    (fault,) = metadata_faults(text, "", {})

    assert fault.kind == "metadata"
    assert run_record(text, "run.json")[1]
