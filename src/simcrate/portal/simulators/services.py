"""Read and write definitions of simulators."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from django.core.exceptions import ValidationError
from django.db import transaction

from simcrate.errors import BadInputError, DefinitionError
from simcrate.inifile import SafetyPolicy
from simcrate.portal.simulators.models import SimulatorDefinition
from simcrate.portal.simulators.parameters import Parameter, read_parameters
from simcrate.simulators.definition import OPPSIM, RESULTS, Simulator, SimulatorKind

TABLE = "simulators"
"""The name of the tables in TOML: `[[simulators]]`."""

_LINES = ("command", "ned_path", "libraries", "readable", "allowed_keys")
"""Texts with one item a line here, arrays in TOML."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An ini with placeholders, and what to ask for them."""

    simulator: str
    """Its name."""
    title: str
    text: str
    parameters: tuple[Parameter, ...]


def active_simulators() -> list[Simulator]:
    """Those that users may choose, the built-in one first."""
    rows = SimulatorDefinition.objects.filter(active=True)
    return [OPPSIM, *(definition_of(row) for row in rows)]


def all_simulators() -> list[Simulator]:
    """Active or not, the built-in one first: what was submitted before is still run."""
    return [OPPSIM, *(definition_of(row) for row in SimulatorDefinition.objects.all())]


def get_simulator(name: str) -> Simulator:
    """One simulator, active or not: a run under way keeps its own.

    Raises:
        BadInputError: there is none of that name; names those that there are.
    """
    if name == OPPSIM.name:
        return OPPSIM
    return definition_of(_get(name))


def safety_policy(name: str) -> SafetyPolicy:
    """What an ini for that simulator may set."""
    usual, allowed = SafetyPolicy(), get_simulator(name).allowed_keys
    return SafetyPolicy(plain=usual.plain | allowed, per_object=usual.per_object | allowed)


def template_of(name: str) -> Template | None:
    """What a form can ask for; None: the simulator has no template."""
    row = SimulatorDefinition.objects.filter(name=name, active=True).exclude(template="").first()
    if row is None:
        return None
    return Template(
        simulator=row.name,
        title=row.title,
        text=row.template,
        parameters=read_parameters(row.parameters),
    )


def definition_of(row: SimulatorDefinition) -> Simulator:
    """The definition as workers take it."""
    return Simulator(
        name=row.name,
        title=row.title,
        kind=SimulatorKind(row.kind),
        command=_lines(row.command),
        version=row.version,
        url=row.url,
        ned_path=_paths(row.ned_path),
        libraries=_paths(row.libraries),
        readable=_paths(row.readable),
        working_dir=Path(row.working_dir) if row.working_dir else None,
        result_dir=row.result_dir or RESULTS,
        environment=row.environment,
        allowed_keys=frozenset(row.allowed_keys.split()),
        progress=row.progress,
        tags=frozenset(row.tags.split()),
    )


def import_simulators(text: str, file: str = "the text") -> list[SimulatorDefinition]:
    """Save the definitions of a TOML file (`[[simulators]]` tables), or none of them.

    Args:
        text: of the file.
        file: how to name it in errors.

    Raises:
        DefinitionError: what is wrong, table by table.
    """
    try:
        tables = tomllib.loads(text).get(TABLE, [])
    except tomllib.TOMLDecodeError as error:
        message = f"{file} is not valid TOML: {error}"
        raise DefinitionError(message) from error
    if not tables:
        message = f"{file} has no [[{TABLE}]] table"
        raise DefinitionError(message)
    with transaction.atomic():
        return [_save(table) for table in tables]


def export_simulators() -> str:
    """All definitions but the built-in one, as the TOML that `import_simulators` takes."""
    rows = SimulatorDefinition.objects.all()
    return tomli_w.dumps({TABLE: [_table(row) for row in rows]}, multiline_strings=True)


def _table(row: SimulatorDefinition) -> dict[str, Any]:
    """What is set; texts with one item a line become arrays."""
    values = {field.name: getattr(row, field.name) for field in row._meta.fields}  # noqa: SLF001 - Django's
    lists = {name: list(_lines(values[name])) for name in _LINES}
    table = {**values, **lists, "tags": row.tags.split()}
    del table["id"]
    return {key: value for key, value in table.items() if value not in ("", [], {})}


def _save(table: Mapping[str, Any]) -> SimulatorDefinition:
    known = {field.name for field in SimulatorDefinition._meta.fields} - {"id"}  # noqa: SLF001 - Django's
    name = str(table.get("name", ""))
    if unknown := sorted(table.keys() - known):
        message = f"simulator '{name}': unknown keys: {', '.join(unknown)} (known: {', '.join(sorted(known))})"
        raise DefinitionError(message)
    row = SimulatorDefinition.objects.filter(name=name).first() or SimulatorDefinition()
    for key, value in table.items():
        joined = "\n".join(value) if key in _LINES and isinstance(value, list) else value
        setattr(
            row, key, " ".join(joined) if key == "tags" and isinstance(joined, list) else joined
        )
    try:
        row.full_clean()
    except ValidationError as error:
        faults = "; ".join(f"{key}: {' '.join(texts)}" for key, texts in error.message_dict.items())
        message = f"simulator '{name}': {faults}"
        raise DefinitionError(message) from error
    row.save()
    return row


def _get(name: str) -> SimulatorDefinition:
    row = SimulatorDefinition.objects.filter(name=name).first()
    if row is None:
        rows = SimulatorDefinition.objects.values_list("name", flat=True)
        message = f"there is no simulator '{name}'; there are: {', '.join([OPPSIM.name, *rows])}"
        raise BadInputError(message)
    return row


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(Path(line) for line in _lines(text))
