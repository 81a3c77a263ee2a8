"""Catalogues: what statistics are called for people, and which of a simulator's numbers stands for each.

A catalogue is optional; without one, everything recorded is reported under the names of the model.

The format is described in docs/reference/statistics.md.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

from simcrate.errors import BadInputError
from simcrate.results import ResultSet

SHIPPED = ("ops", "oppsim")
_CATALOGUE_KEYS = {"title", "networks", "modules", "statistics"}
_ENTRY_KEYS = {"name", "display", "layer", "unit", "reducer"}


class Reducer(StrEnum):
    """How a statistic becomes one number per run and module."""

    LAST = "last"
    MEAN = "mean"
    TIMEAVG = "timeavg"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One statistic of a catalogue."""

    name: str
    """As recorded, without recording mode."""

    display: str
    """For people."""

    layer: str = ""
    """Where it belongs: a heading of the report."""

    unit: str | None = None
    """Overrides the recorded one; None keeps that."""

    reducer: Reducer = Reducer.LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Statistics in the order in which they are reported."""

    title: str
    networks: tuple[str, ...] = ()
    """Networks that it is made for."""

    modules: tuple[str, ...] = ("**",)
    """Patterns of the module groups whose values are reported, such as `Net` and `Net.host[*]`.

    As in ini files `*` is anything without a dot and `**` anything at all.
    """

    entries: tuple[Entry, ...]

    def reports(self, group: str) -> bool:
        """Whether values of this module group are reported."""
        return any(_matches(pattern, group) for pattern in self.modules)


def read_catalogue(path: Path) -> Catalogue:
    """Read a catalogue from a TOML file.

    Raises:
        BadInputError: it cannot be read, or is no catalogue; says what and where.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"could not read the catalogue {path.name}: {error}"
        raise BadInputError(message) from error
    return parse_catalogue(text, name=path.name)


def shipped_catalogue(name: str) -> Catalogue:
    """A catalogue that comes with SimCrate: one of `SHIPPED`.

    Raises:
        BadInputError: there is none of that name.
    """
    if name not in SHIPPED:
        message = f"there is no catalogue {name!r}; SimCrate brings {', '.join(SHIPPED)}"
        raise BadInputError(message)
    resource = files("simcrate.statistics") / "catalogues" / f"{name}.toml"
    return parse_catalogue(resource.read_text(encoding="utf-8"), name=name)


def find_catalogue(results: ResultSet) -> Catalogue | None:
    """The shipped catalogue that is made for the networks of all these runs; None when there is none."""
    networks = {run.attributes.get("network", "") for run in results.runs}
    for name in SHIPPED:
        catalogue = shipped_catalogue(name)
        if networks and networks <= set(catalogue.networks):
            return catalogue
    return None


def parse_catalogue(text: str, *, name: str) -> Catalogue:
    """Parse the TOML text of a catalogue; `name` is for messages.

    Raises:
        BadInputError: it is no catalogue; lists every fault.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"could not read the catalogue {name}: {error}"
        raise BadInputError(message) from error
    faults = [f"unknown key {key!r}" for key in data if key not in _CATALOGUE_KEYS]
    faults += [
        f"{key!r} must be a list of texts"
        for key in ("networks", "modules")
        if not _is_texts(data.get(key, []))
    ]
    tables = data.get("statistics", [])
    if not isinstance(tables, list) or not tables:
        faults.append("there is no [[statistics]]")
        tables = []
    for number, table in enumerate(tables, start=1):
        faults += [f"statistic {number}: {fault}" for fault in _entry_faults(table)]
    names = [table.get("name") for table in tables if isinstance(table, dict)]
    faults += [
        f"statistic {n!r} is listed twice" for n in dict.fromkeys(names) if names.count(n) > 1
    ]
    if faults:
        message = f"could not use the catalogue {name}: " + "; ".join(faults)
        raise BadInputError(message)
    return Catalogue(
        title=str(data.get("title", name)),
        networks=tuple(data.get("networks", ())),
        modules=tuple(data.get("modules", ("**",))),
        entries=tuple(_entry(table) for table in tables),
    )


def _matches(pattern: str, group: str) -> bool:
    parts = re.split(r"(\*\*|\*)", pattern)
    wild = {"**": ".*", "*": r"[^.]*"}
    return (
        re.fullmatch("".join(wild.get(part) or re.escape(part) for part in parts), group)
        is not None
    )


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _entry_faults(table: object) -> list[str]:
    if not isinstance(table, dict):
        return ["is not a table"]
    faults = [f"unknown key {key!r}" for key in table if key not in _ENTRY_KEYS]
    faults += [f"{key!r} must be a text" for key, v in table.items() if not isinstance(v, str)]
    if not table.get("name"):
        faults.append("has no name")
    if table.get("reducer", "last") not in list(Reducer):
        faults.append(f"reducer {table['reducer']!r} is none of {', '.join(Reducer)}")
    return faults


def _entry(table: Mapping[str, str]) -> Entry:
    return Entry(
        name=table["name"],
        display=table.get("display", table["name"]),
        layer=table.get("layer", ""),
        unit=table.get("unit"),
        reducer=Reducer(table.get("reducer", "last")),
    )
