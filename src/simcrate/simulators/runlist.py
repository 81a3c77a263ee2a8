"""Compare the runs that a binary lists for an ini with those that `inifile` expands it to.

What users are shown before anything runs is our own reading of the ini; a binary that reads it otherwise
would simulate something else under the same run number.

Source: `-q runs` of OMNeT++ 5.6.3, 6.1.0 and 7.0.0pre2, one `Run 3: $N=20, $ia=2, $repetition=0` for each run.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from os import devnull
from pathlib import Path
from threading import Event

from simcrate.errors import BadInputError, SimulationError
from simcrate.inifile import Config, IniFile, Run
from simcrate.simulators.cmdenv import runs_query
from simcrate.simulators.definition import Simulator, SimulatorKind
from simcrate.simulators.manners import (
    ANSWER_GRACE_S,
    ANSWER_LIMITS,
    known_cmdenv_options,
    reader_of,
)
from simcrate.simulators.process import Followed, follow
from simcrate.simulators.sandbox import Sandbox

MOST_CONFIGS = 100  # of one ini: each is a process of its own
MOST_RUNS = 100_000  # of one config that are compared
MOST_TOLD = 5  # differences of one config

_RUN = re.compile(r"Run (?P<number>\d+): (?P<scenario>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of comparing."""

    config_count: int
    run_count: int
    """Runs of these configs that were compared."""
    differences: tuple[str, ...]
    """One sentence each, a few for each config; empty: both read the same."""


def compare_runs(
    simulator: Simulator,
    sandbox: Sandbox,
    ini: IniFile,
    ini_dir: Path,
    config_names: Sequence[str] = (),
) -> Comparison:
    """Ask the binary for the runs of configs of an ini, and compare number, values and repetition.

    Args:
        simulator: of the kind `omnetpp`.
        sandbox: where to start it.
        ini: as we read it.
        ini_dir: where its files are; the binary gets copies of them and nothing else.
        config_names: which; all by default, the first hundred of more.

    Raises:
        BadInputError: the simulator is of another kind; or a config cannot be expanded.
        SimulationError: the binary cannot be started, or does not answer in time.
    """
    if simulator.kind is not SimulatorKind.OMNETPP:
        message = (
            f"the simulator '{simulator.name}' lists no runs: it is of the kind {simulator.kind}"
        )
        raise BadInputError(message)
    names = config_names or [info.name for info in ini.configs]
    configs = [ini.config(name) for name in names[:MOST_CONFIGS]]
    differences = []
    for config in configs:
        with _copied(ini, ini_dir) as working_dir:
            sandbox.own(working_dir)
            found = _differences(simulator, sandbox, working_dir, config)
        differences += [f"config {config.name}: {text}" for text in found]
    return Comparison(
        config_count=len(configs),
        run_count=sum(min(config.run_count, MOST_RUNS) for config in configs),
        differences=tuple(differences),
    )


class _Listing:
    """Holds the runs that a binary lists, as they come, against ours; neither list is ever in memory."""

    def __init__(self, config: Config) -> None:
        self.differences: list[str] = []
        self.is_settled = Event()
        """Set when the rest of the list does not matter."""
        self._count = config.run_count
        self._ours = islice(config.runs(), MOST_RUNS)

    def read(self, line: str) -> None:
        """Take one line of the answer."""
        listed = _RUN.fullmatch(line)
        if listed is None or self.is_settled.is_set():
            return
        if (ours := next(self._ours, None)) is not None:
            self._compare(ours, int(listed["number"]), listed["scenario"])
        elif self._count <= MOST_RUNS:
            self._tell(
                f"the simulator lists run {listed['number']}, SimCrate has {self._count} runs"
            )
            self.is_settled.set()
        else:
            self.is_settled.set()

    def end(self) -> None:
        """There are no more lines."""
        if not self.is_settled.is_set() and (missing := next(self._ours, None)):
            self._tell(f"the simulator does not list run {missing.number} ({missing.scenario})")

    def fail(self, reason: str) -> None:
        """The binary ended with an error."""
        self._tell(f"asked for its runs, the simulator fails: {reason}")
        self.is_settled.set()

    def _compare(self, ours: Run, number: int, scenario: str) -> None:
        if number != ours.number:
            self._tell(f"the simulator lists run {number} where SimCrate has run {ours.number}")
        elif sorted(scenario.split(", ")) != sorted(ours.scenario.split(", ")):  # in any order
            self._tell(
                f"run {number} is {scenario} for the simulator, {ours.scenario} for SimCrate"
            )

    def _tell(self, difference: str) -> None:
        self.differences.append(difference)
        if len(self.differences) == MOST_TOLD:
            self.is_settled.set()


def _differences(
    simulator: Simulator, sandbox: Sandbox, working_dir: Path, config: Config
) -> list[str]:
    """Between what the binary answers and what the config expands to."""
    query = runs_query(
        simulator,
        config=config.name,
        ini_name=config.inifile,
        known_options=known_cmdenv_options(simulator, sandbox),
    )
    reader, listing = reader_of(simulator), _Listing(config)

    def on_line(line: str) -> None:
        reader.read(line)
        listing.read(line)

    end = follow(
        Followed(
            command=sandbox.wrap(query, working_dir=working_dir, readable=simulator.readable_paths),
            working_dir=working_dir,
            log_path=Path(devnull),
            identity_dir=working_dir.parent,
            environment=simulator.environment,
            limits=ANSWER_LIMITS,
            stop_grace_s=ANSWER_GRACE_S,
        ),
        on_line=on_line,
        stop=listing.is_settled,
    )
    if end.exceeded:
        message = f"could not ask '{simulator.name}' for the runs of {config.name}: {end.exceeded}"
        raise SimulationError(message)
    if not listing.is_settled.is_set() and (end.exit_code or reader.first_error):
        listing.fail(reader.ending(end.exit_code).reason)
    listing.end()
    return listing.differences


@contextmanager
def _copied(ini: IniFile, ini_dir: Path) -> Iterator[Path]:
    """A working directory with the files of the ini."""
    with tempfile.TemporaryDirectory() as directory:
        working_dir = Path(directory) / "work"
        for name in ini.files:
            (working_dir / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ini_dir / name, working_dir / name)
        yield working_dir
