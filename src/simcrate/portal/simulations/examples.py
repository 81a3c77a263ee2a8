"""Examples that come with SimCrate.

They live in `simcrate/examples` of an installed package and in `examples/` of a checkout; each is a
directory with an `omnetpp.ini` and its data files.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import simcrate
from simcrate.errors import BadInputError

INI_NAME = "omnetpp.ini"
_PACKAGE_DIR = Path(simcrate.__file__).parent
_PLACES = (_PACKAGE_DIR / "examples", _PACKAGE_DIR.parents[1] / "examples")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A simulation that a newcomer can run."""

    name: str
    """Of its directory."""
    about: str
    """The first paragraph of the comment that its ini begins with."""
    files: Mapping[str, bytes]
    """Ini and data files, content by name."""

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name.replace("-", " ").replace("_", " ").capitalize()


def list_examples() -> list[Example]:
    """All examples, by name."""
    return [_read(path.parent) for place in _PLACES for path in sorted(place.glob(f"*/{INI_NAME}"))]


def get_example(name: str) -> Example:
    """One example.

    Raises:
        BadInputError: there is none of that name; names those that there are.
    """
    examples = {example.name: example for example in list_examples()}
    if name not in examples:
        message = f"there is no example '{name}'; there are: {', '.join(examples) or 'none'}"
        raise BadInputError(message)
    return examples[name]


def _read(directory: Path) -> Example:
    files = {
        path.name: path.read_bytes()
        for path in sorted(directory.iterdir())
        if path.is_file() and not path.name.upper().startswith("README")
    }
    return Example(name=directory.name, about=_first_comment(files[INI_NAME]), files=files)


def _first_comment(ini: bytes) -> str:
    lines: list[str] = []
    for line in ini.decode("utf-8", "replace").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.strip("# "))
    paragraph = itertools.takewhile(bool, lines)
    return " ".join(paragraph)
