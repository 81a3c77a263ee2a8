"""An ini file as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from simcrate.errors import IniError
from simcrate.inifile.config import Config, ConfigInfo
from simcrate.inifile.effort import Effort
from simcrate.inifile.faults import excerpt, suggest
from simcrate.inifile.inheritance import SectionChains
from simcrate.inifile.lines import Generation
from simcrate.inifile.reader import GENERAL, Entry, Includes, Sections, decode_ini, read_sections
from simcrate.inifile.variables import unquote

COMMAND_LINE = "command line"


class IniFile:
    """Sections of an ini file and everything that it includes.

    Args:
        read: what the files say.
        options: entries of the command line; they win over every section.
    """

    def __init__(self, read: Sections, options: tuple[Entry, ...] = ()) -> None:
        self.name = read.files[0]
        """Of the first file."""
        self.files = read.files
        """Names of all files that it was read from, included ones too, as seen from the first."""
        self._read = read
        self._sections = dict(read.by_name)
        self._options = options
        self._chains = SectionChains(self._sections)

    @property
    def configs(self) -> tuple[ConfigInfo, ...]:
        """All configurations in the order of the file, General among them where it has entries.

        Raises:
            IniError: a section extends one that does not exist, or itself.
        """
        return tuple(self._info(name) for name in self._sections)

    @property
    def section_names(self) -> tuple[str, ...]:
        """Names of all sections in the order of the file, whether or not they can be used."""
        return tuple(self._sections)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries of all sections as they stand in the files."""
        return tuple(entry for section in self._sections.values() for entry in section.entries)

    def config(self, name: str, effort: Effort | None = None) -> Config:
        """The configuration of that name; General exists always.

        Args:
            name: of its section, without `Config`.
            effort: what counting its runs may cost, where several configurations share that; without it,
                each loop over its runs may cost as much as `Effort` allows.

        Raises:
            IniError: there is none of that name; names those that there are and the nearest.
        """
        if name not in self._sections and name != GENERAL:
            message = f'there is no config "{excerpt(name)}"' + suggest(name, list(self._sections))
            raise IniError(message, file=self.name)
        return Config(
            self._info(name),
            self._options
            + tuple(e for part in self._chain(name) for e in self._sections[part].entries),
            inifile=self.name,
            effort=effort,
        )

    def override(self, options: Mapping[str, str]) -> IniFile:
        """The same file with options of a command line (`--key=value`), which win over every section."""
        entries = tuple(
            Entry(key=key, value=value, file=COMMAND_LINE, line=0, section="")
            for key, value in options.items()
        )
        return IniFile(self._read, entries + self._options)

    def _chain(self, name: str) -> tuple[str, ...]:
        return self._chains.of(name) if name in self._sections else ()

    def _info(self, name: str) -> ConfigInfo:
        chain = self._chain(name)
        section = self._sections.get(name)
        return ConfigInfo(
            name=name,
            description=self._first(chain, "description"),
            network=self._first(chain, "network"),
            extends=chain[1:],
            file=section.file if section else self.name,
            line=section.line if section else 0,
        )

    def _first(self, chain: tuple[str, ...], key: str) -> str:
        found = (self._first_values[part].get(key) for part in ("", *chain))
        return unquote(next((value for value in found if value is not None), ""))

    @cached_property
    def _first_values(self) -> dict[str, dict[str, str]]:
        """Section, or nothing for the command line: its keys with their first values."""
        entries = {"": self._options, **{n: s.entries for n, s in self._sections.items()}}
        return {name: {e.key: e.value for e in reversed(among)} for name, among in entries.items()}


def parse_ini(
    text: str,
    *,
    name: str = "omnetpp.ini",
    includes: Includes = None,
    generation: Generation = 6,
) -> IniFile:
    """Understand the text of an ini file.

    Args:
        text: the text.
        name: its name, for messages and for finding files that it includes.
        includes: where included files come from: texts by name, a directory, or nowhere.
        generation: whose rules hold for continuation lines, those of OMNeT++ 5.x or of 6.x.

    Raises:
        IniError: all faults, each with file and line; a text without any section and entry is one.
    """
    return _read({name: text}, includes, generation)


def read_ini(*paths: Path, includes: Includes = None, generation: Generation = 6) -> IniFile:
    """Read an ini file; several are merged, as OMNeT++ does with several `-f`.

    Args:
        paths: at least one file; the name of each in messages is its path as given.
        includes: as in `parse_ini`; without it, the directory of the first file.
        generation: as in `parse_ini`.

    Raises:
        IniError: a file cannot be read; or as `parse_ini`.
    """
    texts = {}
    for path in paths:
        try:
            texts[path.name] = decode_ini(path.read_bytes())
        except OSError as error:
            message = f"cannot open ini file {path.name}: {error.strerror}"
            raise IniError(message, detail=str(path)) from error
    return _read(texts, paths[0].parent if includes is None else includes, generation)


def _read(texts: Mapping[str, str], includes: Includes, generation: Generation) -> IniFile:
    read = read_sections(texts, includes=includes, generation=generation)
    if not read.by_name:
        message = "this is no ini file: it has neither a section nor an entry"
        raise IniError(message, file=read.files[0])
    return IniFile(read)
