"""Between simulate and collect, where the machine that ran is not the one that packs: a run as one zip.

A part holds the log and the result files of one run, and a record of what a zip cannot hold of them.  It is
a crate like any other, so that what was packed on one machine is verified on the other, byte by byte,
before anything counts on it.
"""

from __future__ import annotations

import errno
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from simcrate.crate import (
    CrateContents,
    Member,
    PackedCrate,
    Provenance,
    Role,
    pack_crate,
    verify_crate,
)
from simcrate.crate.layout import LOGS, RESULTS
from simcrate.errors import CrateError, DiskFullError
from simcrate.pipeline import leftover
from simcrate.pipeline.leftover import Leftover, path_below
from simcrate.pipeline.place import Place, giving_way
from simcrate.pipeline.resultdir import flush_run, gather_results
from simcrate.simulators.removal import remove_tree

LOG = f"{LOGS}simulator.log"

_IMPOSSIBLE = {
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
}


def pack_part(place: Place, number: int) -> PackedCrate:
    """Pack what the run left behind, beside its directory; an earlier attempt's part is replaced.

    Raises:
        DiskFullError: there is no space for it.
        CrateError: it could not be written.
    """
    target = place.part_path(number)
    record_path = target.with_suffix(".json")
    with DiskFullError.told_for(f"hand over run {number}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        contents = _results(place.result_dir(number), record_path)
    if place.log_path(number).is_file():
        log = Member(source=place.log_path(number), name=LOG, role=Role.LOG)
        contents += CrateContents(members=(log,))
    provenance = Provenance(
        title=f"Run {number}",
        description=f"What run {number} of a simulation left behind, on its way to the crate.",
        created_at=datetime.now(UTC),
    )
    packed = pack_crate(contents, provenance, target)
    record_path.unlink()
    return packed


def unpack_part(place: Place, number: int) -> None:
    """Make the run's directory what it was on the machine that ran; whole, or not at all.

    Raises:
        CrateError: the part is damaged, or asks for what no directory can be.
        DiskFullError: there is no space for it.
        OSError: the disk does not take it.
    """
    part_path = place.part_path(number)
    if faults := verify_crate(part_path).faults:
        message = f"the part of run {number} is damaged: {faults[0].text}"
        raise CrateError(message)
    run_dir = place.run_dir(number)
    arriving = place.fresh(run_dir.with_name(f"{number}.partial"))
    with (
        giving_way(arriving),
        DiskFullError.told_for(f"unpack run {number}"),
        _blaming_the_part(number),
        zipfile.ZipFile(part_path) as part,
    ):
        for member in part.infolist():
            if target := _target(member.filename, place, number):
                _extract(part, member, arriving / target.relative_to(run_dir))
        if leftover.NAME in part.namelist():  # parts of the first versions have no record
            record = Leftover.from_json(part.read(leftover.NAME))
            record.restore(arriving / place.result_dir(number).relative_to(run_dir))
    remove_tree(run_dir)
    arriving.rename(run_dir)


def is_unpacked(place: Place, number: int, sha256: str) -> bool:
    """Whether the run's directory is what the part of that digest holds, so that it need not be fetched again."""
    try:
        return place.part_digest_path(number).read_text() == sha256
    except FileNotFoundError:
        return False


def note_unpacked(place: Place, number: int, sha256: str) -> None:
    """Say from which part the run's directory is, now that it outlasts a power cut.

    Raises:
        OSError: the disk does not take it.
    """
    flush_run(place, number)
    place.part_digest_path(number).write_text(sha256)


@contextmanager
def _blaming_the_part(number: int) -> Iterator[None]:
    """A part that asks for what no directory can be is damaged; that a disk fails is not its fault."""
    try:
        yield
    except (CrateError, ValueError, OverflowError) as error:
        message = f"the part of run {number} is damaged: {error}"
        raise CrateError(message) from error
    except OSError as error:
        if error.errno not in _IMPOSSIBLE:
            raise
        message = f"the part of run {number} is damaged: it holds a name that has no place there"
        raise CrateError(message, detail=str(error)) from error


def _results(result_dir: Path, record_path: Path) -> CrateContents:
    """The regular files of the results, and the record of what else is there."""
    found = gather_results(result_dir)
    record = Leftover.of(found, result_dir, RESULTS)
    record_path.write_text(record.to_json())
    files = (one for one in found.members if one.name.removeprefix(RESULTS) not in record.links)
    own = Member(source=record_path, name=leftover.NAME, role=Role.OTHER)
    return CrateContents(members=(*files, own))


def _extract(part: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with part.open(member) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)


def _target(name: str, place: Place, number: int) -> Path | None:
    """Where a member belongs; None for the part's own records."""
    if name == LOG:
        return place.log_path(number)
    if name == leftover.NAME:
        return place.leftover_path(number)
    if not name.startswith(RESULTS) or name.endswith("/"):
        return None
    return path_below(place.result_dir(number), name.removeprefix(RESULTS))
