"""Which sections a configuration takes its entries from, in the order in which they are searched.

Source: OMNeT++ Simulation Manual, section "Section inheritance": C3 linearization, General at the end.
"""

from __future__ import annotations

from collections.abc import Mapping

from simcrate.errors import IniError
from simcrate.inifile.faults import suggest
from simcrate.inifile.reader import GENERAL, Entry, Section
from simcrate.inifile.variables import split_list


def section_chain(name: str, sections: Mapping[str, Section]) -> tuple[str, ...]:
    """Names of the sections that a section falls back to, itself first.

    Raises:
        IniError: a parent does not exist, or the order of parents contradicts itself.
    """
    return _linearize(name, sections, ())


def parents(section: Section, sections: Mapping[str, Section]) -> tuple[str, ...]:
    """The sections that a section names in `extends`; General when it names none.

    Raises:
        IniError: a parent does not exist.
    """
    if section.name == GENERAL:
        return ()
    entry = _extends(section)
    if entry is None or not entry.value:
        return (GENERAL,) if GENERAL in sections else ()
    names = [part for item in split_list(entry.value) for part in item.split()]
    for name in names:
        if name not in sections:
            message = f'section [{section.name}] extends "{name}", which does not exist'
            raise IniError(
                message + suggest(name, list(sections)), file=entry.file, line=entry.line
            )
    return tuple(names)


def _extends(section: Section) -> Entry | None:
    return next((entry for entry in section.entries if entry.key == "extends"), None)


def _linearize(
    name: str, sections: Mapping[str, Section], below: tuple[str, ...]
) -> tuple[str, ...]:
    section = sections[name]
    if name in below:
        message = f"section [{name}] extends itself, directly or indirectly"
        raise IniError(message, file=section.file, line=section.line)
    direct = parents(section, sections)
    chains = [list(_linearize(parent, sections, (*below, name))) for parent in direct]
    merged = [name]
    remaining = [*chains, list(direct)]
    while remaining := [chain for chain in remaining if chain]:
        head = next((c[0] for c in remaining if not any(c[0] in o[1:] for o in remaining)), None)
        if head is None:
            message = f"the parents of section [{name}] contradict each other in their order"
            raise IniError(message, file=section.file, line=section.line)
        merged.append(head)
        remaining = [chain[1:] if chain[0] == head else chain for chain in remaining]
    return tuple(merged)
