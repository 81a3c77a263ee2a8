"""The working directory of a run, before its simulator starts."""

from __future__ import annotations

from pathlib import Path

from simcrate.simulators.definition import Simulator


def provide(simulator: Simulator, working_dir: Path, *, result_dir: str) -> None:
    """Add what the definition provides, and the directory for results.

    Args:
        simulator: the definition.
        working_dir: with the submitted files in it; one of the same name comes first.
        result_dir: relative to the working directory.
    """
    (working_dir / result_dir).mkdir(exist_ok=True)
    if simulator.working_dir is None:
        return
    for entry in simulator.working_dir.iterdir():
        if not (working_dir / entry.name).exists():
            (working_dir / entry.name).symlink_to(entry)
