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


def gather_results(result_dir: Path, under: str = RESULTS) -> CrateContents:
    """The files that the simulator left, as members below `under`, and what had to stay out.

    Nothing where there is no such directory; refused as a whole where something else stands in its place.
    """
    if not os.path.lexists(result_dir):
        return CrateContents(members=())
    return gather(result_dir, under)


def flush_run(place: Place, number: int) -> None:
    """Have on the disk what a crate will take of a run: its results and its log.

    Raises:
        OSError: the disk did not take them.
    """
    here = replace(place, var_dir=place.var_dir.resolve())  # as `gather` names what it finds
    results = gather_results(here.result_dir(number))
    flush_all(
        (here.log_path(number), *(member.source for member in results.members)), below=here.var_dir
    )
