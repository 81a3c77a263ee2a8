"""Remove what simulations left in a worker's directories, when it is of no more use there."""

from __future__ import annotations

import logging
import shutil
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from simcrate.pipeline.place import Place, simulations_in
from simcrate.portal.simulations.run_dirs import (
    let_go,
    oldest_verified_first,
    without_runs_for,
)

log = logging.getLogger(__name__)


def remove_run_dirs(var_dir: Path, machine: str, *, keep: timedelta, floor_bytes: int) -> None:
    """Remove those whose time has passed; below the floor the oldest verified ones, until it is reached.

    None goes that holds the only copy of a run, which no crate has.

    Args:
        var_dir: the worker's.
        machine: whose directory that is.
        keep: how long they stay after their crate was verified.
        floor_bytes: free space of the disk below which they go sooner; 0: they never do.
    """
    for simulation_id, is_due in oldest_verified_first(simulations_in(var_dir), keep=keep):
        place = Place(var_dir, simulation_id)
        may_go = is_due or shutil.disk_usage(var_dir).free < floor_bytes
        if may_go and not place.has_only_copies and let_go(simulation_id, machine=machine):
            _remove(place)


def remove_idle_inputs(var_dir: Path, machine: str) -> None:
    """Remove the submitted files of simulations that this machine, which only runs, has done its part of.

    A run that is given to it later fetches them again; see `Place.remove_inputs`.
    """
    for simulation_id in without_runs_for(machine, simulations_in(var_dir)):
        try:
            Place(var_dir, simulation_id).remove_inputs()
        except OSError as error:  # tried again the next time
            log.warning(
                "inputs.not_removed", extra={"simulation": str(simulation_id), "why": str(error)}
            )


def _remove(place: Place) -> None:
    simulation_id: UUID = place.simulation_id
    try:
        place.remove()
    except OSError as error:  # tried again the next time; others can still go
        log.warning(
            "run_dirs.not_removed",
            extra={"simulation": str(simulation_id), "why": str(error)},
        )
    else:
        log.info("run_dirs.removed", extra={"simulation": str(simulation_id)})
