"""The working directory of a run, before its simulator starts."""

from __future__ import annotations

from pathlib import Path

from simcrate.errors import SimulationError
from simcrate.simulators.definition import Simulator
from simcrate.simulators.sandbox import SHM, TMP


def provide(simulator: Simulator, working_dir: Path) -> None:
    """Add what the definition provides, and the directory for results.

    Args:
        simulator: the definition.
        working_dir: with the submitted files in it; one of the same name comes first, and so do the
            sandbox's own directories.

    Raises:
        SimulationError: a submitted file stands where the results go.
    """
    try:
        (working_dir / simulator.result_dir).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        message = (
            f"a submitted file stands where {simulator.title} leaves its results, "
            f"in {simulator.result_dir!r}; give it another name"
        )
        raise SimulationError(message) from error
    if simulator.working_dir is None:
        return
    for entry in simulator.working_dir.iterdir():
        if entry.name not in {TMP, SHM} and not (working_dir / entry.name).exists():
            (working_dir / entry.name).symlink_to(entry)
