"""What a simulator left in its result directory.

The directory is the simulator's own, and so is the place where it stands: by now it may be a link to
anything that this worker may read.  Every stage looks at it through `gather_results` and in no other way.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from simcrate.crate import CrateContents, gather
from simcrate.crate.layout import RESULTS
from simcrate.durable import flush_all
from simcrate.pipeline.place import Place
from simcrate.simulators.removal import remove_tree


def gather_results(result_dir: Path, under: str = RESULTS) -> CrateContents:
    """The files that the simulator left, as members below `under`, and what had to stay out.

    Nothing where there is no such directory; refused as a whole where something else stands in its place.
    """
    if not os.path.lexists(result_dir):
        return CrateContents(members=())
    return gather(result_dir, under)


def expect_away(place: Place, number: int, result_dir: str) -> None:
    """Note where the simulator of a run is about to leave its results.

    Whoever collects brings them home by that, should this worker die before it can.

    Args:
        place: where the run is.
        number: of the run.
        result_dir: relative to its working directory.

    Raises:
        OSError: it could not be written.
    """
    away = place.working_dir(number) / result_dir
    if away != place.result_dir(number):
        place.away_path(number).symlink_to(away.relative_to(place.run_dir(number)))


def bring_home(place: Place, number: int) -> None:
    """Make what stands where the simulator left its results the result directory of the run.

    May be repeated: once they are home there is nothing to do.  On the way there no other link is followed: what
    stands in the way instead of a directory is taken itself, and then is refused like every other link in the
    place of results.

    Raises:
        OSError: it could not be moved.
    """
    note = place.away_path(number)
    if not note.is_symlink():
        return
    found = place.run_dir(number)
    for name in note.readlink().parts:
        found /= name
        if found.is_symlink() or not found.is_dir():
            break
    if os.path.lexists(found):
        home = place.result_dir(number)
        remove_tree(home)
        found.rename(home)
    note.unlink()


def flush_run(place: Place, number: int) -> None:
    """Have on the disk what a crate will take of a run: its results, its log, the record beside them.

    Raises:
        OSError: the disk did not take them.
    """
    here = replace(place, var_dir=place.var_dir.resolve())  # as `gather` names what it finds
    results = [member.source for member in gather_results(here.result_dir(number)).members]
    others = (here.log_path(number), here.leftover_path(number))
    flush_all((*results, *filter(Path.exists, others)), below=here.var_dir)
