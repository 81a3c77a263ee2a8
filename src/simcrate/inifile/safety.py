"""Whether an ini file that a stranger sent may be given to a simulator.

Options pass by an allow-list; parameters (`**.x = …`) pass unless their value reads files.  Every entry
of every section is judged, whichever configuration will run, and every physical line of a continued
one: an indented line continues the line above it for OMNeT++ 6.x and stands alone for 5.x, so it has to
be harmless both ways.

This decides; it does not defend alone.  The launcher's hardened command line and the sandbox are the
other two walls.

Source: OMNeT++ Simulation Manual, appendix "Configuration Options" and chapter "The NED Language"
(functions that read files: xmldoc, readFile, readJSON, readCSV, readXML; whatever else begins with read
or load is taken for another).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from simcrate.errors import IniError
from simcrate.inifile.document import IniFile
from simcrate.inifile.expansion import Expansions
from simcrate.inifile.faults import excerpt, suggest
from simcrate.inifile.options import (
    ALLOWED_PER_OBJECT,
    ALLOWED_PLAIN,
    HARMLESS_VALUES,
    REFUSED_PER_OBJECT,
    REFUSED_PLAIN,
    is_known,
    is_listed,
    known_options,
)
from simcrate.inifile.reader import Entry
from simcrate.inifile.variables import unquote

MOST_SUGGESTIONS = 200  # of one file; the nearest spelling takes milliseconds to find

# expressions may have comments of their own, from // to the end of the line
_FILE_FUNCTION = re.compile(r"(?<![\w.])(xmldoc|(?:read|load)[A-Z]\w*)(?:\s|//[^\n]*\n)*\(")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_OPTION_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9%]+)*")
_TEXTS = frozenset({"description", "experiment-label", "measurement-label", "replication-label"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyPolicy:
    """What an ini file may set."""

    plain: frozenset[str] = ALLOWED_PLAIN
    """Options for the whole simulation; `%` stands for a number."""

    per_object: frozenset[str] = ALLOWED_PER_OBJECT
    """Options that are the last part of a dotted key."""

    harmless_values: Mapping[str, frozenset[str]] = field(default_factory=lambda: HARMLESS_VALUES)
    """Values with which an option passes that is not among those."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Refusal:
    """One line that may not be run."""

    file: str
    line: int
    """Counted from 1."""

    key: str
    why: str
    """A sentence for whoever wrote the line."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {excerpt(self.key)}: {self.why}"


def check_safety(ini: IniFile, policy: SafetyPolicy | None = None) -> tuple[Refusal, ...]:
    """Every line of an ini file that may not be run, in the order of the file; none means safe.

    The nearest spelling is said for the first `MOST_SUGGESTIONS` options that do not exist.

    Args:
        ini: the file with everything that it includes.
        policy: what it may set; without one, the allow-list of this package.
    """
    judge = _Judge(policy or SafetyPolicy(), Expansions(ini))
    refusals = {refusal for entry in ini.entries for refusal in judge.entry(entry)}
    return tuple(sorted(refusals))


class _Judge:
    def __init__(self, policy: SafetyPolicy, expansions: Expansions) -> None:
        self._policy = policy
        self._expansions = expansions
        self._suggestions_left = MOST_SUGGESTIONS

    def entry(self, entry: Entry) -> Iterator[Refusal]:
        for line, key, why in self._faults(entry):
            yield Refusal(file=entry.file, line=line, key=key, why=why)

    def _faults(self, entry: Entry) -> Iterator[tuple[int, str, str]]:
        if why := self._key_fault(entry.key, entry.value):
            yield entry.line, entry.key, why
        if entry.key not in _TEXTS and (why := self._value_fault(entry.value)):
            yield entry.line, entry.key, why
        for piece in entry.pieces:
            if _CONTROL.search(piece.text):
                yield piece.line, entry.key, "the line holds a control character"
        for piece in entry.pieces[1:]:
            if fault := self._alone_fault(piece.text):
                yield piece.line, *fault

    def _key_fault(self, key: str, value: str) -> str:
        if "." in key:
            return self._object_option_fault(key.rpartition(".")[2])
        if is_listed(key, self._policy.plain) or is_listed(key, self._policy.per_object):
            return ""  # an option of objects without a path is meant for all of them
        if "*" in key:
            return ""  # a pattern such as **interval: parameters only
        if unquote(value) in self._policy.harmless_values.get(key, ()):
            return ""
        if key == "result-dir" and self._stays_below(value):
            return ""  # a default that the launcher's own option always overrides
        return self._refused(key, {**REFUSED_PLAIN, **REFUSED_PER_OBJECT})

    def _object_option_fault(self, name: str) -> str:
        if "-" not in name or is_listed(name, self._policy.per_object):
            return ""  # a parameter, or an option that is granted
        if "*" in name or "?" in name or "{" in name:
            return "a pattern that can match options of objects; write the option's name"
        return self._refused(name, REFUSED_PER_OBJECT)

    def _refused(self, name: str, reasons: Mapping[str, str]) -> str:
        if name in reasons:
            return f"this option may not be set here: {reasons[name]}"
        if is_known(name):
            return "this option may not be set here"
        return f'there is no option "{excerpt(name)}"' + self._suggestion(name)

    def _suggestion(self, name: str) -> str:
        if not self._suggestions_left:
            return ""
        self._suggestions_left -= 1
        return suggest(name, known_options()).partition(" (")[0]

    def _stays_below(self, path: str) -> bool:
        try:
            return all(_is_below(unquote(text)) for text in self._expansions.of(path))
        except IniError:  # a fault of the value itself
            return False

    def _value_fault(self, value: str) -> str:
        try:
            for text in self._expansions.of(value):
                if match := _FILE_FUNCTION.search(text):
                    return f"{match[1]}() reads files of the machine that runs the simulation"
        except IniError as error:
            return str(error)
        return ""

    def _alone_fault(self, raw: str) -> tuple[str, str] | None:
        """What a continuation line would do in a simulator that takes it as a line of its own."""
        text = raw.strip()
        if text.startswith("include") and text[7:8].isspace():
            return (
                "include",
                "OMNeT++ 5.x would take this continuation line as an include; join the lines",
            )
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (equals and _OPTION_NAME.fullmatch(key) and is_known(key)):
            return None
        if not self._key_fault(key, value):
            return None
        return (
            key,
            "OMNeT++ 5.x would take this continuation line as an option, which may not be set here",
        )


def _is_below(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\\" not in path
