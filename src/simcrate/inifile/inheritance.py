"""Which sections a configuration takes its entries from, in the order in which they are searched.

Source: OMNeT++ Simulation Manual, section "Section inheritance": C3 linearization, General at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simcrate.errors import IniError
from simcrate.inifile.faults import excerpt, suggest
from simcrate.inifile.reader import GENERAL, Entry, Section
from simcrate.inifile.variables import split_list

DEEPEST = 50  # sections that extend each other in a row

Chain = tuple[str, ...]
"""Names of sections, the one that is searched first at the front."""


class SectionChains:
    """Knows the chain of every section; each is worked out once.

    Args:
        sections: all sections by name.
    """

    def __init__(self, sections: Mapping[str, Section]) -> None:
        self._sections = sections
        self._known: dict[str, Chain] = {}

    def of(self, name: str, below: Chain = ()) -> Chain:
        """The sections that a section falls back to, itself first.

        Args:
            name: of the section.
            below: sections that extend it, for finding circles.

        Raises:
            IniError: a parent does not exist, sections extend themselves or too many others in a row,
                or the order of parents contradicts itself.
        """
        if name not in self._known:
            self._refuse_endless(name, below)
            parents = self._parents(self._sections[name])
            chains = [self.of(parent, (*below, name)) for parent in parents]
            self._known[name] = (name, *self._merge(name, [*chains, parents]))
        return self._known[name]

    def _parents(self, section: Section) -> Chain:
        """What it names in `extends`; General when it names nothing."""
        if section.name == GENERAL:
            return ()
        entry = _extends(section)
        if entry is None or not entry.value:
            return (GENERAL,) if GENERAL in self._sections else ()
        names = [part for item in split_list(entry.value) for part in item.split()]
        for name in names:
            if name not in self._sections:
                message = f'section [{excerpt(section.name)}] extends "{excerpt(name)}", which does not exist'
                message += suggest(name, list(self._sections))
                raise IniError(message, file=entry.file, line=entry.line)
        return tuple(names)

    def _merge(self, name: str, chains: Sequence[Chain]) -> list[str]:
        """Take the first head that stands in no other chain's tail, again and again."""
        merged = []
        while chains := [chain for chain in chains if chain]:
            tails = {member for chain in chains for member in chain[1:]}
            head = next((chain[0] for chain in chains if chain[0] not in tails), None)
            if head is None:
                message = (
                    f"the parents of section [{excerpt(name)}] contradict each other in their order"
                )
                raise self._fault(name, message)
            merged.append(head)
            chains = [chain[1:] if chain[0] == head else chain for chain in chains]
        return merged

    def _refuse_endless(self, name: str, below: Chain) -> None:
        if name in below:
            message = f"section [{excerpt(name)}] extends itself, directly or indirectly"
            raise self._fault(name, message)
        if len(below) > DEEPEST:
            message = f"more than {DEEPEST} sections extend each other in a row"
            raise self._fault(name, message)

    def _fault(self, name: str, message: str) -> IniError:
        section = self._sections[name]
        return IniError(message, file=section.file, line=section.line)


def _extends(section: Section) -> Entry | None:
    return next((entry for entry in section.entries if entry.key == "extends"), None)
