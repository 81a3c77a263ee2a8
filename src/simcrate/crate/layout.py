"""What is in a crate, and where: the one place that names it.

`README.txt` of every crate is written from this table, and so is the table of `docs/reference/crate.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

RESULTS = "results/"
INPUT = "input/"
AS_RUN = "as-run/"
CSV = "csv/"
PARQUET = "parquet/"
FIGURES = "figures/"
REPORT = "report.html"
STATISTICS = "statistics.json"
LOGS = "logs/"
RUN = "run.json"
README = "README.txt"
METADATA = "ro-crate-metadata.json"
MANIFEST = "manifest-sha256.txt"


class Role(StrEnum):
    """What a member of a crate is."""

    RESULT = "result"
    INPUT = "input"
    AS_RUN = "as-run"
    TABLE = "table"
    FIGURE = "figure"
    REPORT = "report"
    STATISTICS = "statistics"
    LOG = "log"
    RECORD = "record"
    OTHER = "other"


class Choice(StrEnum):
    """What a submitter may leave out of a crate."""

    VECTORS = "vectors"
    """Vector files as recorded; they are most of most crates."""

    CSV = "csv"
    PARQUET = "parquet"
    FIGURES = "figures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of the layout."""

    name: str
    """File name, or directory name ending in a slash."""

    role: Role

    text: str
    """What it is, for people."""


LAYOUT = (
    Part(
        name=README,
        role=Role.RECORD,
        text="What is in this crate, and how to check it.",
    ),
    Part(
        name=RESULTS,
        role=Role.RESULT,
        text="The result files exactly as the simulator recorded them.",
    ),
    Part(
        name=INPUT,
        role=Role.INPUT,
        text="The ini and the data files exactly as they were submitted.",
    ),
    Part(
        name=AS_RUN,
        role=Role.AS_RUN,
        text="The ini of each run alone, as it was really run: give it to the simulator to repeat it.",
    ),
    Part(
        name=CSV,
        role=Role.TABLE,
        text="Tables for spreadsheets: scalars, statistics, and vectors at the chosen precision.",
    ),
    Part(
        name=PARQUET,
        role=Role.TABLE,
        text="The same tables for pandas, polars, R, DuckDB and the like.",
    ),
    Part(
        name=FIGURES,
        role=Role.FIGURE,
        text="One figure for each statistic.",
    ),
    Part(
        name=REPORT,
        role=Role.REPORT,
        text="The report: headline numbers and figures on one page, readable without a network.",
    ),
    Part(
        name=STATISTICS,
        role=Role.STATISTICS,
        text="The statistics for programs.",
    ),
    Part(
        name=LOGS,
        role=Role.LOG,
        text="What each run printed.",
    ),
    Part(
        name=RUN,
        role=Role.RECORD,
        text="How it was run: simulator, commands, seeds, host, limits, times, exit codes, peaks.",
    ),
    Part(
        name=METADATA,
        role=Role.RECORD,
        text="The same for research-data software (RO-Crate, Process Run Crate profile).",
    ),
    Part(
        name=MANIFEST,
        role=Role.RECORD,
        text="The SHA-256 of every other file; check with: sha256sum -c manifest-sha256.txt",
    ),
)

RECORDS = frozenset({README, RUN, METADATA, MANIFEST})
"""Names that packing itself writes; no member may have them."""


def role_of(name: str) -> Role:
    """The role of a member by its place in the layout; `OTHER` where the layout names no place."""
    for part in LAYOUT:
        if name == part.name or (part.name.endswith("/") and name.startswith(part.name)):
            return part.role
    return Role.OTHER


def choice_of(name: str) -> Choice | None:
    """The choice that a member falls under; None for what every crate holds."""
    if name.startswith(RESULTS):
        return Choice.VECTORS if name.lower().endswith((".vec", ".vci")) else None
    places = {CSV: Choice.CSV, PARQUET: Choice.PARQUET, FIGURES: Choice.FIGURES}
    return next((choice for place, choice in places.items() if name.startswith(place)), None)


def parts_of(names: Iterable[str]) -> list[Part]:
    """The lines of the layout that these members fill, and the records, in the order of the layout."""
    first = {name.split("/", 1)[0] + "/" if "/" in name else name for name in names}
    return [part for part in LAYOUT if part.name in first or part.name in RECORDS]
