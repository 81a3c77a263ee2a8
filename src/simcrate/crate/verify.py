"""Find every fault of a crate: each member is unpacked and compared with all that is said about it.

A fault never hides another one: what can still be read is still checked.  Nothing is written to disk but
a crate from a server that knows no ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from simcrate.crate.bag import DECLARATION, PAYLOAD, TAG_MANIFEST, name_from_bag
from simcrate.crate.faults import Fault, FaultKind, Verification
from simcrate.crate.layout import MANIFEST, METADATA, RUN
from simcrate.crate.members import CheckedMembers, Progress, check_members
from simcrate.crate.reading import Bytes, open_crate
from simcrate.crate.records import manifest_faults, metadata_faults, missing_records, run_record
from simcrate.crate.zipend import end_faults
from simcrate.crate.zipreader import ZipFault, read_directory

THREADS = 2


def verify_crate(
    where: Path | str, *, progress: Progress | None = None, threads: int = THREADS
) -> Verification:
    """Find every fault of a crate.

    Args:
        where: a file, or an http or https URL.
        progress: see `Progress`; called from several threads, one at a time.
        threads: how many unpack.

    Raises:
        BadInputError: there is nothing to verify there.
        CrateError: it cannot be read.
    """
    with open_crate(where) as source:
        try:
            directory = read_directory(source)
        except ZipFault as error:
            return _verification(source, CheckedMembers(), [error.fault], root="")
        shape = _shape(info.filename for info in directory.members)
        checked = check_members(
            source, directory, records=shape.records(), threads=threads, progress=progress
        )
        faults = [*checked.faults, *end_faults(source, directory), *_record_faults(checked, shape)]
        return _verification(source, checked, faults, root=shape.root)


@dataclass(frozen=True, slots=True)
class _Manifest:
    """A manifest of the zip, and how its names become names in the zip."""

    name: str
    rename: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where in a zip the crate lies: at its root, or in a bag."""

    root: str
    manifests: tuple[_Manifest, ...]

    def records(self) -> set[str]:
        return {self.root + METADATA, self.root + RUN, *(one.name for one in self.manifests)}


def _shape(names: Iterable[str]) -> _Shape:
    present = set(names)
    tops = {name.split("/", 1)[0] for name in present}
    bag = f"{min(tops)}/" if len(tops) == 1 else ""
    if not bag or bag + DECLARATION not in present:
        return _Shape("", (_Manifest(MANIFEST, str),))
    root = bag + PAYLOAD
    in_bag = partial(_name_in_bag, bag)
    return _Shape(
        root,
        (
            _Manifest(root + MANIFEST, partial(str.__add__, root)),
            _Manifest(bag + MANIFEST, in_bag),
            _Manifest(bag + TAG_MANIFEST, in_bag),
        ),
    )


def _name_in_bag(bag: str, name: str) -> str:
    return bag + name_from_bag(name)


def _record_faults(checked: CheckedMembers, shape: _Shape) -> Iterator[Fault]:
    present = {name for name in checked.present if not name.endswith("/")}
    yield from missing_records(shape.root, present)
    covered = {shape.manifests[-1].name}
    for manifest in shape.manifests:
        if manifest.name in checked.texts:
            faults, listed = manifest_faults(
                manifest.name,
                checked.texts[manifest.name],
                checked.unpacked,
                present,
                manifest.rename,
            )
            covered |= listed
            yield from faults
    for name in sorted(present - covered):
        yield Fault(kind=FaultKind.EXTRA, name=name, text="no manifest lists it")
    if (text := checked.texts.get(shape.root + METADATA)) is not None:
        yield from metadata_faults(text, shape.root, checked.present)
    if (text := checked.texts.get(shape.root + RUN)) is not None:
        yield from run_record(text, shape.root + RUN)[1]


def _verification(
    source: Bytes, checked: CheckedMembers, faults: list[Fault], *, root: str
) -> Verification:
    manifest = checked.unpacked.get(root + MANIFEST)
    record = run_record(checked.texts.get(root + RUN, ""), RUN)[0]
    digest = record.get("content_digest", "")
    return Verification(
        crate=source.name,
        size_bytes=source.size_bytes,
        members=sum(not name.endswith("/") for name in checked.present),
        faults=tuple(dict.fromkeys(faults)),
        manifest_sha256=manifest.sha256 if manifest else "",
        content_digest=digest if isinstance(digest, str) else "",
    )
