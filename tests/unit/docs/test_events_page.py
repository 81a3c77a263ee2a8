"""The reference of events names each that is logged, with its levels and fields, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "events.md"
LEVELS = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
}
NAME = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
FACTS = {"code", "why", "detail"}  # what `error.facts` stands for
ROW = re.compile(r"^\| `([^`]+)` \| (\w+) \|([^|]*)\| [^|]+ \|[^|]*\|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Event:
    """What a call logs, or a row of the page says."""

    name: str
    level: str
    fields: frozenset[str]


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and is_log_method(node.func):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def is_log_method(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "log"
        and function.attr in LEVELS
    )


def event_of(call: ast.Call) -> Event:
    assert isinstance(call.func, ast.Attribute)
    (name,) = call.args  # a message with arguments is no name
    assert isinstance(name, ast.Constant)
    assert isinstance(name.value, str)
    extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
    return Event(name.value, LEVELS[call.func.attr], frozenset(fields_of(extra)))


def fields_of(extra: ast.expr | None) -> Iterator[str]:
    if isinstance(extra, ast.Dict):
        for key, value in zip(extra.keys, extra.values, strict=True):
            if key is None:
                yield from fields_of(value)
            else:
                assert isinstance(key, ast.Constant)
                assert isinstance(key.value, str)
                yield key.value
    elif extra is not None:
        assert isinstance(extra, ast.Attribute), "fields are written where they are logged"
        assert extra.attr == "facts"
        yield from FACTS


def documented() -> dict[str, Event]:
    rows = ROW.findall(PAGE.read_text())
    return {
        name: Event(name, level, frozenset(re.findall(r"`(\w+)`", fields)))
        for name, level, fields in rows
    }


def test_every_event_is_a_noun_and_a_verb_with_fields() -> None:
    for place, call in log_calls():
        assert NAME.fullmatch(event_of(call).name), place


def test_every_logger_is_called_log() -> None:
    made = re.compile(r"^(.*)logging\.getLogger\(", re.MULTILINE)
    for path in (ROOT / "src").rglob("*.py"):
        assert set(made.findall(path.read_text())) <= {"log = "}, path


def test_the_page_names_every_event_and_no_other() -> None:
    logged = {event_of(call).name for _, call in log_calls()}

    assert documented().keys() == logged


def test_the_page_names_the_level_and_the_fields_of_every_event() -> None:
    page = documented()
    logged: dict[str, Event] = {}
    for place, call in log_calls():
        event = event_of(call)
        so_far = logged.setdefault(event.name, event)
        assert event.level == so_far.level, place
        logged[event.name] = Event(event.name, event.level, event.fields | so_far.fields)

    assert {name: page.get(name) for name in logged} == logged
