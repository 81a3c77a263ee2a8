"""Parts of a crate that its submitter may leave out."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from simcrate.crate import Choice
from simcrate.portal.simulations.faults import Fault, SubmissionError

PARTS = {
    Choice.VECTORS: "Raw vectors: every sample as recorded, most of most crates",
    Choice.CSV: "CSV: tables for spreadsheets",
    Choice.PARQUET: "Parquet: the same tables for pandas, R and DuckDB",
    Choice.FIGURES: "Figures: one for each statistic",
}
"""What can be left out, and what it is for people."""


def read_left_out(names: Iterable[str]) -> frozenset[Choice]:
    """The parts of these names.

    Raises:
        SubmissionError: one of them is no part that can be left out.
    """
    names = set(names)
    if unknown := sorted(names - set(Choice)):
        message = f"{unknown[0]!r} is no part that can be left out; there are: {', '.join(sorted(Choice))}"
        raise SubmissionError([Fault("left_out", message)])
    return frozenset(Choice(name) for name in names)


def as_column(left_out: Collection[Choice]) -> list[str]:
    """As rows keep it: names, sorted, so that equal choices are equal rows."""
    return sorted(left_out)


def all_but(chosen: Iterable[str]) -> frozenset[Choice]:
    """What is left out when these parts are chosen; names that are none count nothing."""
    return frozenset(Choice) - set(chosen)
