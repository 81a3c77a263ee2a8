"""Ini files into sections of entries, with their includes.

Included files come only from what the caller hands over: a mapping of names to texts, or a directory
that no name may leave.

Source: OMNeT++ Simulation Manual, sections "Ini file syntax" and "File inclusion"; measured behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from simcrate.errors import IniError
from simcrate.inifile.faults import excerpt, listed, raise_faults
from simcrate.inifile.lines import Generation, LogicalLine, Piece, content_end, join_lines

Includes = Mapping[str, str] | Path | None
"""Where included files come from: texts by name, a directory, or nowhere."""

GENERAL = "General"
MOST_INCLUDES = (
    200  # files; a handful that include each other twice would otherwise grow without end
)
MOST_TEXT = 2**20  # characters of all files, each as often as it is included
DEEPEST_INCLUDE = 20  # files that include each other in a row
MOST_FAULTS = 50  # of one file; a binary file has one on every line


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One `key = value`."""

    key: str
    """As written; never empty."""

    value: str
    """As written, without comments, `${…}` not replaced; may be empty."""

    file: str
    """Name of the file that it stands in; `command line` for an option given there."""

    line: int
    """Where it begins, counted from 1; 0 on the command line."""

    section: str
    """Name of its section, without `Config`."""

    pieces: tuple[Piece, ...] = ()
    """The physical lines that it was joined from."""


@dataclass(slots=True)
class Section:
    """What stands under one heading, over all files."""

    name: str
    file: str
    line: int
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """What was read."""

    by_name: Mapping[str, Section]
    """In the order in which they first appear."""

    files: tuple[str, ...]
    """Names of all files that were read, each once, included ones too."""


def read_sections(
    files: Mapping[str, str], *, includes: Includes, generation: Generation
) -> Sections:
    """Read everything into sections.

    Args:
        files: main files, read one after the other as if `-f` was given for each.
        includes: where included files come from.
        generation: whose rules hold for continuation lines.

    Raises:
        IniError: all faults of all files, each with file and line.
    """
    reader = _Reader(includes, generation)
    for name, text in files.items():
        reader.read(name, text)
    raise_faults(reader.faults)
    return Sections(by_name=reader.sections, files=tuple(reader.files))


class _Reader:
    def __init__(self, includes: Includes, generation: Generation) -> None:
        self.sections: dict[str, Section] = {}
        self.faults: list[IniError] = []
        self.files: dict[str, None] = {}
        self._includes = includes
        self._generation = generation
        self._open: list[str] = []
        self._included = 0
        self._characters = 0

    def read(self, name: str, text: str, current: Section | None = None) -> None:
        """Read one file; its entries before any heading go to the section that includes it."""
        self.files[name] = None
        self._characters += len(text)
        if self._characters > MOST_TEXT:
            message = f"more than {MOST_TEXT:,} characters with all that is included; move data that the model reads to files of its own"
            self._fault(message, name, 0)
            return
        if "\0" in text:
            self._fault("this is no text file: it holds a zero byte", name, 0)
            return
        self._open.append(name)
        headings: set[str] = set()
        try:
            for line in join_lines(text, file=name, generation=self._generation):
                current = self._line(line, name, current, headings)
                if len(self.faults) >= MOST_FAULTS:
                    break
        except IniError as error:  # after a string without an end nothing can be trusted
            self.faults.append(error)
        self._open.pop()

    def _line(
        self, line: LogicalLine, file: str, current: Section | None, headings: set[str]
    ) -> Section | None:
        text = line.text if self._generation >= 6 else line.text.lstrip()
        try:
            if text[0].isspace():
                message = "content must begin in the first column: an indented line continues the one above it"
                raise IniError(message)
            if text[0] == ";":
                message = 'comments begin with "#", not with ";"'
                raise IniError(message)
            if text[0] == "[":
                return self._heading(text, file, line.line, headings)
            if text.startswith("include") and text[7:8].isspace():
                self._include(text[8:].strip(), file, current)
                return current
            current = current or self._section(GENERAL, file, line.line)
            current.entries.append(_entry(line, text, file, current.name))
        except IniError as error:
            self._fault(str(error), file, line.line)
        return current

    def _heading(self, text: str, file: str, line: int, headings: set[str]) -> Section:
        if not text.endswith("]"):
            message = f'section heading {excerpt(text)} must end with "]"'
            raise IniError(message)
        name = text[1:-1].strip().removeprefix("Config ").strip()
        if not name:
            message = "a section needs a name, as in [Config Study]"
            raise IniError(message)
        if name in headings:
            message = f"section [{excerpt(name)}] stands twice in this file; a section may stand only once"
            raise IniError(message)
        headings.add(name)
        return self._section(name, file, line)

    def _section(self, name: str, file: str, line: int) -> Section:
        return self.sections.setdefault(name, Section(name, file, line))

    def _include(self, asked: str, file: str, current: Section | None) -> None:
        name = _resolve(asked, file)
        if name in self._open:
            message = f"{excerpt(asked)} includes itself, directly or indirectly"
            raise IniError(message)
        if len(self._open) > DEEPEST_INCLUDE:
            message = f"more than {DEEPEST_INCLUDE} files include each other in a row"
            raise IniError(message)
        self._included += 1
        if self._included > MOST_INCLUDES:
            message = f"more than {MOST_INCLUDES} included files"
            raise IniError(message)
        self.read(name, _included_text(name, self._includes), current)

    def _fault(self, message: str, file: str, line: int) -> None:
        self.faults.append(IniError(message, file=file, line=line))


def _entry(line: LogicalLine, text: str, file: str, section: str) -> Entry:
    before, equals, after = text.partition("=")
    key = before.strip()
    if not equals or not key or len(before) >= content_end(text):
        message = f"neither a section, an include nor key = value: {excerpt(text)}"
        raise IniError(message)
    return Entry(
        key=key,
        value=after.strip(),
        file=file,
        line=line.line,
        section=section,
        pieces=line.pieces,
    )


def _resolve(asked: str, file: str) -> str:
    """The name of an included file, seen from where the main files are."""
    path = PurePosixPath(asked)
    parts: list[str] = []
    for part in (*PurePosixPath(file).parent.parts, *path.parts):
        if part == ".." and parts:
            parts.pop()
        elif part == ".." or path.is_absolute() or "\\" in part:
            message = f"include {excerpt(asked)} leads outside; only files beside this one can be included"
            raise IniError(message)
        else:
            parts.append(part)
    return "/".join(parts)


def _included_text(name: str, includes: Includes) -> str:
    if includes is None:
        message = f"include {excerpt(name)}: no other files were given"
        raise IniError(message)
    if isinstance(includes, Path):
        return _text_below(includes, name)
    if name not in includes:
        message = f"include {excerpt(name)}: there is no such file (there is: {listed(includes) or 'none'})"
        raise IniError(message)
    return includes[name]


def _text_below(root: Path, name: str) -> str:
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        message = f"include {excerpt(name)} leads outside by a symbolic link"
        raise IniError(message)
    try:
        return decode_ini(path.read_bytes())
    except OSError as error:
        message = f"include {excerpt(name)}: {error.strerror}"
        raise IniError(message) from error


def decode_ini(content: bytes) -> str:
    """The text of an ini file: UTF-8 with or without a byte order mark, else Latin-1.

    OMNeT++ looks at bytes alone; this makes any file printable.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
