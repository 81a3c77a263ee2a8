"""What goes into a crate: where each member comes from, and what had to stay out.

Directories of a simulator are hostile: links that lead out, devices, pipes, names that no zip can hold;
the directory itself may be a link by now.  `gather` takes the regular files, follows links to files of the
same directory, and lists everything else as refused, so that nothing is left out silently.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from simcrate.crate.layout import RECORDS, RESULTS, Choice, Role, choice_of, role_of
from simcrate.crate.names import check_name, crate_name, original_name
from simcrate.errors import CrateError

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of a crate.

    Raises:
        CrateError: the name would leave the crate or no zip can hold it; see `crate_name`.
    """

    source: Path
    """A regular file; a link is not followed."""

    name: str
    """Its name in the crate, as `crate_name` gives it."""

    role: Role

    sha256: str = ""
    """What its content is known to be; packing refuses anything else.  Empty: not known."""

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def renamed_from(self) -> str:
        """The name that the simulator gave, readable; empty where the crate's name is the same."""
        original = original_name(self.name)
        return "" if original == self.name.encode() else ascii(original)[2:-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A file that did not go into the crate."""

    name: str
    """The name it would have had."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrateContents:
    """Everything that goes into one crate.

    Raises:
        CrateError: two members have one name, a name is both file and directory, or a member has the
            name of a record that packing itself writes.
    """

    members: tuple[Member, ...]
    refused: tuple[Refused, ...] = ()

    def __post_init__(self) -> None:
        names = Counter(member.name for member in self.members)
        if twins := [name for name, count in names.items() if count > 1]:
            _refuse_contents(f"two members are named {twins[0]!r}")
        if taken := names.keys() & RECORDS:
            _refuse_contents(f"{min(taken)!r} is written by packing itself")
        for name in names:
            for directory in _directories_of(name):
                if directory in names:
                    _refuse_contents(f"{directory!r} is both a file and a directory")

    def __add__(self, other: CrateContents) -> CrateContents:
        return CrateContents.of((self, other))

    @classmethod
    def of(cls, parts: Iterable[CrateContents]) -> CrateContents:
        """The contents of all parts together."""
        parts = list(parts)
        return cls(
            members=tuple(member for part in parts for member in part.members),
            refused=tuple(one for part in parts for one in part.refused),
        )

    def without(self, choices: Collection[Choice]) -> CrateContents:
        """The contents without what a submitter did not want; its names go on the list of refused."""
        unwanted = {
            m.name: choice for m in self.members if (choice := choice_of(m.name)) in choices
        }
        left_out = (
            Refused(name=name, why=f"{choice} were not asked for")
            for name, choice in unwanted.items()
        )
        return CrateContents(
            members=tuple(member for member in self.members if member.name not in unwanted),
            refused=(*self.refused, *left_out),
        )

    def in_order(self) -> list[Member]:
        """Members in the order in which a crate holds them: by the bytes of their names."""
        return sorted(self.members, key=lambda member: member.name.encode())


def gather(
    directory: Path,
    under: str = RESULTS,
    *,
    role: Role | None = None,
    without: Collection[Path] = (),
) -> CrateContents:
    """Everything below a directory, as members below `under`.

    Args:
        directory: where to look; links in the path to it are followed, but it may be none itself.
        under: where the members go; empty, or a name that ends in `/`.
        role: what the members are; None = what the layout says of `under`.
        without: files to pass over, such as the crate that is about to be written there.

    Returns:
        Members sorted by name, and what was refused: links that lead out of the directory or to
        directories, pipes, sockets, devices, and what cannot be read; the directory as a whole if it is
        a link, no directory, or cannot be read.

    Raises:
        CrateError: there is no such directory.
    """
    if why := _no_directory(directory):
        return CrateContents(members=(), refused=(Refused(name=under or directory.name, why=why),))
    root = Path(os.path.realpath(directory))
    passed_over = {os.path.realpath(path) for path in without}
    members: list[Member] = []
    refused: list[Refused] = []
    for path, unlisted in _walk(root):
        source, why = _regular_file(path, root)
        if str(source) in passed_over:
            continue
        name = crate_name(under + str(path.relative_to(root)))
        if unlisted or why:
            refused.append(Refused(name=name, why=unlisted or why))
        else:
            members.append(Member(source=source, name=name, role=role or role_of(name)))
    members.sort(key=lambda member: member.name.encode())
    refused.sort(key=lambda one: one.name.encode())
    return CrateContents(members=tuple(members), refused=tuple(refused))


def _no_directory(directory: Path) -> str:
    """Why the directory is refused as a whole; empty where it is not."""
    if directory.is_symlink():
        return "a link in the place of the directory"
    try:
        os.scandir(directory).close()
    except FileNotFoundError as error:
        message = f"could not list the directory {directory.name!r}: {error.strerror}"
        raise CrateError(message, detail=str(error)) from error
    except NotADirectoryError:
        return "something else in the place of the directory"
    except OSError as error:
        return f"the directory cannot be listed: {error.strerror}"
    return ""


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Every entry below the root that is no directory, and every directory that cannot be listed."""
    pending = [root]
    while pending:
        directory = pending.pop()
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
                    else:
                        yield Path(entry.path), ""
        except OSError as error:
            yield directory, f"the directory cannot be listed: {error.strerror}"


def _regular_file(path: Path, root: Path) -> tuple[Path, str]:
    """The regular file that a directory entry stands for, or why it is refused."""
    try:
        if path.is_symlink():
            target = Path(os.path.realpath(path, strict=True))
            if not target.is_relative_to(root):
                return path, "a link that leads out of the directory"
            if target.is_dir():
                return path, "a link to a directory"
            path = target
        mode = path.lstat().st_mode
    except OSError as error:
        return path, f"it cannot be read: {error.strerror}"
    if not stat.S_ISREG(mode):
        return path, next((kind for is_kind, kind in _KINDS if is_kind(mode)), "no regular file")
    if not os.access(path, os.R_OK):
        return path, "it cannot be read: permission denied"
    return path, ""


def _directories_of(name: str) -> Iterator[str]:
    position = name.find("/")
    while position >= 0:
        yield name[:position]
        position = name.find("/", position + 1)


def _refuse_contents(why: str) -> None:
    message = f"could not put the crate together: {why}"
    raise CrateError(message)
