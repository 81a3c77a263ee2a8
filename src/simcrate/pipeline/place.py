"""The directories of a worker, below its var directory.

work/<simulation>/input/         the submitted files; read-only for the runs
work/<simulation>/runs/<n>/      working directory of run n: its log, and results/; if it came from another
                                 machine, also the zip's digest and the record of what it could not hold; where its
                                 simulator leaves its results elsewhere, a link to there until they are in results/
work/<simulation>/runs/<n>/only-copy  marks a run that could be handed over to no other machine, for good
work/<simulation>/runs/<n>.superseded/  what whoever took the run over found there, while it is removed
work/<simulation>/parts/         runs as zips, on their way from or to another machine
work/<simulation>/made/          what statistics made: csv/ figures/ … for the crate
spool/<delivery>/<slug>.zip      the crate, until its delivery is verified and announced
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from simcrate.durable import flush
from simcrate.errors import DiskFullError
from simcrate.simulators.definition import RESULTS
from simcrate.simulators.removal import remove_tree

ONLY_COPY = "only-copy"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one simulation's files are on this worker."""

    var_dir: Path
    simulation_id: UUID

    @property
    def simulation_dir(self) -> Path:
        """Everything of this simulation but its crates."""
        return self.var_dir / "work" / str(self.simulation_id)

    @property
    def input_dir(self) -> Path:
        """The files as submitted."""
        return self.simulation_dir / "input"

    def run_dir(self, number: int) -> Path:
        """What we keep of a run; the simulator does not reach it."""
        return self.simulation_dir / "runs" / str(number)

    def working_dir(self, number: int) -> Path:
        """Where the simulator of a run is started, and may write."""
        return self.run_dir(number) / "work"

    def result_dir(self, number: int) -> Path:
        """Where the results of a run are once its simulator has ended."""
        return self.working_dir(number) / RESULTS

    def log_path(self, number: int) -> Path:
        """Everything the simulator printed."""
        return self.run_dir(number) / "simulator.log"

    def away_path(self, number: int) -> Path:
        """A link to where the simulator of a run leaves its results, while they are not home; never followed."""
        return self.run_dir(number) / "results-away"

    def leftover_path(self, number: int) -> Path:
        """What the zip could not hold that this run came in; not there where it ran."""
        return self.run_dir(number) / "leftover.json"

    def part_digest_path(self, number: int) -> Path:
        """The SHA-256 of the zip that the run came in, once all of it is on this disk; not there where it ran."""
        return self.run_dir(number) / "part.sha256"

    def mark_only_copy(self, number: int) -> None:
        """Nobody else has the results of the run: nothing here goes by itself until somebody removes the mark.

        Raises:
            OSError: it could not be marked.
        """
        mark = self.run_dir(number) / ONLY_COPY
        mark.touch()
        flush(mark.parent)

    @property
    def has_only_copies(self) -> bool:
        """Whether a run is here that could not be handed over."""
        return any(self.simulation_dir.glob(f"runs/*/{ONLY_COPY}"))

    def part_path(self, number: int) -> Path:
        """A run as one zip, on its way from the machine that ran to the one that packs."""
        return self.simulation_dir / "parts" / f"run-{number}.zip"

    @property
    def made_dir(self) -> Path:
        """What the statistics stage made."""
        return self.simulation_dir / "made"

    def crate_path(self, delivery_id: UUID, file_name: str) -> Path:
        """The crate in the spool."""
        return spool_path(self.var_dir, delivery_id, file_name)

    def remove(self) -> None:
        """Let go of everything of this simulation but its crates.

        Raises:
            OSError: something could not be removed; the rest may be gone.
        """
        remove_tree(self.simulation_dir)

    def remove_inputs(self) -> None:
        """Let go of the submitted files; nothing where there are none.

        They leave their name all at once, so that whoever copies them at that moment can tell.

        Raises:
            OSError: something could not be removed.
        """
        leaving = self.simulation_dir / "leaving"
        remove_tree(leaving)
        if self.input_dir.exists():
            self.input_dir.rename(leaving)
            remove_tree(leaving)

    def copy_inputs(self, target: Path) -> bool:
        """Copy the submitted files into a new directory; false when they were let go of meanwhile.

        Raises:
            OSError: they could not be copied.
        """
        before = _identity(self.input_dir)
        try:
            target.mkdir()
            for path in self.input_dir.iterdir():
                shutil.copy2(path, target)
        except OSError:
            if before is None or _identity(self.input_dir) != before:
                return False
            raise
        # they left this name before the first of them was removed: it still being theirs, all were there
        return _identity(self.input_dir) == before

    def fresh(self, directory: Path) -> Path:
        """An empty directory, whatever an interrupted attempt left there."""
        remove_tree(directory)
        directory.mkdir(parents=True)
        return directory


def _identity(directory: Path) -> tuple[int, int] | None:
    """Tells a directory from a later one of the same name; None: there is none."""
    try:
        status = directory.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


@contextmanager
def held(directory: Path) -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether the directory is still the same one.

    While it is held, no later directory of that name can have its inode number.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)

    def is_the_same() -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), directory.stat())
        except FileNotFoundError:
            return False

    try:
        yield is_the_same
    finally:
        os.close(descriptor)


@contextmanager
def giving_way(directory: Path) -> Iterator[Callable[[], bool]]:
    """Like `held`; when the block ends with a full disk, the directory goes: while that is waited for, others need space.

    Raises:
        OSError: it cannot be opened.
    """
    with held(directory) as is_the_same:
        try:
            yield is_the_same
        except DiskFullError:
            if is_the_same():
                with suppress(OSError):  # the next attempt removes it, or fails by it
                    remove_tree(directory)
            raise


def simulations_in(var_dir: Path) -> list[UUID]:
    """The simulations that have directories on this worker."""
    names = [path.name for path in (var_dir / "work").glob("*-*-*-*-*")]
    return [UUID(name) for name in names]


def spool_path(var_dir: Path, delivery_id: UUID, file_name: str) -> Path:
    """Each delivery owns a directory of the spool."""
    return var_dir / "spool" / str(delivery_id) / file_name
