"""What a zip of a run's results cannot hold: links, times, and the files that no crate takes.

It goes along in a part as a record, so that the machine that packs makes the crate that the machine that
ran would have made: links are no second results, an index fits its vectors by their time, and what had to
stay out is listed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from simcrate.crate import CrateContents, Member, Refused, crate_name, original_name
from simcrate.errors import CrateError

NAME = "leftover.json"
"""Of the record in a part."""


# what JSON of another shape raises
_NONSENSE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Of one result directory; all names are those that a crate would give, relative to it."""

    links: Mapping[str, str]
    """Name of a link: the file of the same directory that it stands for."""
    modified_ns: Mapping[str, int]
    """Of every regular file."""
    refused: tuple[Refused, ...]

    @classmethod
    def of(cls, contents: CrateContents, directory: Path, under: str) -> Leftover:
        """What `gather` found below the directory, named under `under`."""
        root = Path(os.path.realpath(directory))
        links: dict[str, str] = {}
        modified_ns: dict[str, int] = {}
        for member in contents.members:
            name = member.name.removeprefix(under)
            if _is_link(member, root, under):
                links[name] = crate_name(str(member.source.relative_to(root)))
            else:
                modified_ns[name] = member.source.stat().st_mtime_ns
        refused = (
            Refused(name=one.name.removeprefix(under), why=one.why) for one in contents.refused
        )
        return cls(links=links, modified_ns=modified_ns, refused=tuple(refused))

    def to_json(self) -> str:
        """The record."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Leftover:
        """What `to_json` gave.

        Raises:
            CrateError: it is no such record.
        """
        try:
            record = json.loads(text)
            links, modified_ns = record["links"].items(), record["modified_ns"].items()
            return cls(
                links={_text(name): _text(target) for name, target in links},
                modified_ns={_text(name): int(time) for name, time in modified_ns},
                refused=tuple(
                    Refused(name=_text(one["name"]), why=_text(one["why"]))
                    for one in record["refused"]
                ),
            )
        except _NONSENSE as error:
            message = f"{NAME} does not tell what the run left"
            raise CrateError(message, detail=str(error)) from error

    def restore(self, directory: Path) -> None:
        """Give the files that are there their times, and make the links.

        Raises:
            CrateError: a name would leave the directory.
            OSError: a file is not there, or a link has no place.
            ValueError: no file can have such a name.
            OverflowError: nor such a time.
        """
        for name, time_ns in self.modified_ns.items():
            os.utime(path_below(directory, name), ns=(time_ns, time_ns))
        for name, target in self.links.items():
            link = path_below(directory, name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(path_below(directory, target), link.parent))


def path_below(directory: Path, name: str) -> Path:
    """Where a file of that name in a crate belongs.

    Raises:
        CrateError: that would be outside of the directory.
    """
    relative = Path(os.fsdecode(original_name(name)))
    if relative.is_absolute() or ".." in relative.parts:
        message = f"{name!r} would leave its directory"
        raise CrateError(message)
    return directory / relative


def _text(value: object) -> str:
    """The value if it is a text that can be written; JSON can hold halves of characters."""
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode()
    return value


def _is_link(member: Member, root: Path, under: str) -> bool:
    """Whether a gathered member stands for a file of another name."""
    return member.source != path_below(root, member.name.removeprefix(under))
