"""Between simulate and collect, where the machine that ran is not the one that packs: a run as one zip.

A part holds the log and the result files of one run.  It is a crate like any other, so that what was
packed on one machine is verified on the other, byte by byte, before anything counts on it.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from simcrate.crate import (
    CrateContents,
    Member,
    PackedCrate,
    Provenance,
    Role,
    gather,
    original_name,
    pack_crate,
    verify_crate,
)
from simcrate.crate.layout import LOGS, RESULTS
from simcrate.errors import CrateError
from simcrate.pipeline.place import Place

LOG = f"{LOGS}simulator.log"


def pack_part(place: Place, number: int) -> PackedCrate:
    """Pack what the run left behind, beside its directory; an earlier attempt's part is replaced.

    Raises:
        CrateError: it could not be written.
    """
    contents = CrateContents(members=())
    if place.result_dir(number).is_dir():
        contents += gather(place.result_dir(number), RESULTS)
    if place.log_path(number).is_file():
        log = Member(source=place.log_path(number), name=LOG, role=Role.LOG)
        contents += CrateContents(members=(log,))
    target = place.part_path(number)
    target.parent.mkdir(parents=True, exist_ok=True)
    provenance = Provenance(
        title=f"Run {number}",
        description=f"What run {number} of a simulation left behind, on its way to the crate.",
        created_at=datetime.now(UTC),
    )
    return pack_crate(contents, provenance, target)


def unpack_part(place: Place, number: int) -> None:
    """Make the run's directory what it was on the machine that ran; whole, or not at all.

    Raises:
        CrateError: the part is damaged, or a name in it would leave the run's directory.
    """
    part_path = place.part_path(number)
    if faults := verify_crate(part_path).faults:
        message = f"the part of run {number} is damaged: {faults[0].text}"
        raise CrateError(message)
    arriving = place.fresh(place.run_dir(number).with_name(f"{number}.partial"))
    with zipfile.ZipFile(part_path) as part:
        for member in part.infolist():
            if target := _target(member.filename, place, number):
                path = arriving / target.relative_to(place.run_dir(number))
                path.parent.mkdir(parents=True, exist_ok=True)
                with part.open(member) as source, path.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
    shutil.rmtree(place.run_dir(number), ignore_errors=True)
    arriving.rename(place.run_dir(number))
    part_path.unlink()


def _target(name: str, place: Place, number: int) -> Path | None:
    """Where a member belongs; None for the part's own records."""
    if name == LOG:
        return place.log_path(number)
    if not name.startswith(RESULTS) or name.endswith("/"):
        return None
    relative = PurePosixPath(os.fsdecode(original_name(name.removeprefix(RESULTS))))
    if relative.is_absolute() or ".." in relative.parts:
        message = f"the part of run {number} holds {name!r}, which would leave its directory"
        raise CrateError(message)
    return place.result_dir(number) / relative
