"""One execution of the model: set up, advanced until it ends, finished.

Source of the ends and their exit codes: measured behaviour of OMNeT++ 5.6 to 7.0 under Cmdenv.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from simcrate.oppsim.contacts import ContactSource, contacts_of
from simcrate.oppsim.errors import ModelError
from simcrate.oppsim.kernel import Kernel
from simcrate.oppsim.mobility import RandomWaypoint, Waypoints
from simcrate.oppsim.network import Network
from simcrate.oppsim.parameters import NETWORK, NetworkParameters, ParameterReader
from simcrate.oppsim.recording import ScalarFile, VectorFile
from simcrate.oppsim.recording.header import format_time
from simcrate.oppsim.settings import RunOptions, Settings
from simcrate.oppsim.statistics import NetworkStatistics
from simcrate.oppsim.status import Moment, StatusDisplay
from simcrate.oppsim.streams import Streams
from simcrate.oppsim.trace import read_trace
from simcrate.oppsim.traffic import poisson_traffic

FLUSHES = 20  # times in a run that vectors are written out, whatever waits
CPU_CHECK_EVENTS = 64  # asking for CPU time costs as much as a small event


class End(Enum):
    """Why a run is over."""

    SIM_TIME = "Simulation time limit reached"
    CPU_TIME = "CPU time limit reached"
    REAL_TIME = "Realtime limit reached"
    NO_EVENTS = "No more events, simulation completed"
    SIGNAL = "SIGINT or SIGTERM received, exiting"


class Execution:
    """A run whose model has been set up.

    Args:
        options: what the ini file says.
        settings: the options among it.
        base_dir: directory of the ini file; files that parameters name are below it.
        interrupted: whether a signal has asked to end.

    Raises:
        ModelError: parameters do not fit, or result files cannot be written.
    """

    def __init__(
        self,
        options: RunOptions,
        settings: Settings,
        *,
        base_dir: Path,
        interrupted: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._interrupted = interrupted
        self._cpu_started = time.process_time()
        self._flush_at_s = settings.sim_time_limit_s / FLUSHES
        reader = ParameterReader(options.entries)
        parameters = reader.read()
        self._assignments = reader.assignments
        streams = Streams.of(options.run.seed_set, options.run.repetition)
        self._kernel = Kernel()
        contacts = _contacts(parameters, streams, base_dir)
        self._vectors = _open_vectors(settings)
        self._statistics = NetworkStatistics(
            self._kernel,
            parameters.node_count,
            self._vectors,
            warmup_s=settings.warmup_s,
            wanted=options.wants,
        )
        self._network = Network(
            self._kernel,
            parameters,
            contacts,
            poisson_traffic(parameters.node_count, parameters.message_interval_s, streams.traffic),
            streams.protocol,
            self._statistics,
        )

    def start(self) -> None:
        """Schedule what happens first.

        Raises:
            ModelError: the contact trace cannot be read.
        """
        self._network.start()

    @property
    def place(self) -> str:
        """Where the run is, as messages say it."""
        moment = self.moment(0.0)
        return f"at t={format_time(moment.sim_time_s)}s, event #{moment.event_count}"

    def run(self, status: StatusDisplay) -> End:
        """Simulate until a limit, a signal or the last event.

        Raises:
            ModelError: the model cannot go on.
        """
        status.show(self.moment(status.elapsed_s))
        show_at_s = self._settings.status_interval_s
        end = None
        while end is None:
            end = self._advance(status.elapsed_s)
            if end is None and status.elapsed_s >= show_at_s:
                status.show(self.moment(status.elapsed_s))
                show_at_s = status.elapsed_s + self._settings.status_interval_s
        status.show(self.moment(status.elapsed_s))
        return end

    def finish(self) -> None:
        """Record what is recorded at the end, and complete all files.

        Raises:
            OSError: they cannot be written.
        """
        settings = self._settings
        with ScalarFile(
            settings.scalar_path, settings.header, precision=settings.scalar_precision
        ) as scalars:
            self._statistics.finish(scalars, self._assignments)
        self._vectors.complete()

    def close(self) -> None:
        """Let go of files that were not completed."""
        self._vectors.close()

    def moment(self, elapsed_s: float) -> Moment:
        """How far the run is.

        Args:
            elapsed_s: wall time since it began.
        """
        return Moment(
            event_count=self._kernel.event_count,
            sim_time_s=self._kernel.now_s,
            created_count=self._network.created_count,
            present_count=self._network.present_count,
            scheduled_count=self._kernel.scheduled_count,
            done=self._done(elapsed_s),
        )

    def _advance(self, elapsed_s: float) -> End | None:
        """Let one event happen, unless the run is over."""
        if self._interrupted():
            return End.SIGNAL
        if elapsed_s >= self._settings.real_time_limit_s:
            return End.REAL_TIME
        if (
            self._kernel.event_count % CPU_CHECK_EVENTS == 0
            and self._cpu_s >= self._settings.cpu_time_limit_s
        ):
            return End.CPU_TIME
        if not self._kernel.advance(self._settings.sim_time_limit_s):
            return End.SIM_TIME if self._kernel.scheduled_count else End.NO_EVENTS
        if self._kernel.now_s >= self._flush_at_s:
            self._vectors.flush()
            self._flush_at_s += self._settings.sim_time_limit_s / FLUSHES
        return None

    @property
    def _cpu_s(self) -> float:
        return time.process_time() - self._cpu_started

    def _done(self, elapsed_s: float) -> float | None:
        """Share of the limit that is nearest; None when there is none."""
        settings = self._settings
        shares = (
            (self._kernel.now_s, settings.sim_time_limit_s),
            (self._cpu_s, settings.cpu_time_limit_s),
            (elapsed_s, settings.real_time_limit_s),
        )
        limited = [part / limit for part, limit in shares if 0 < limit < math.inf]
        return max(limited, default=None)


def _contacts(parameters: NetworkParameters, streams: Streams, base_dir: Path) -> ContactSource:
    if parameters.mobility == "ContactTrace":
        path = _file_below(base_dir, parameters.trace_file)
        return read_trace(path, node_count=parameters.node_count)
    waypoints = Waypoints(
        area_m=parameters.area_m,
        speed_mps=parameters.speed_mps,
        max_pause_s=parameters.max_pause_s,
    )
    mobility = RandomWaypoint(parameters.node_count, waypoints, streams.mobility)
    return contacts_of(
        mobility, range_m=parameters.radio_range_m, interval_s=parameters.update_interval_s
    )


def _file_below(base_dir: Path, name: str) -> Path:
    """A file that a parameter names; only files beside the ini file are read, whoever wrote it."""
    if not name:
        message = (
            f"Parameter '{NETWORK}.traceFile' must name a file when mobility is \"ContactTrace\""
        )
        raise ModelError(message)
    path = (base_dir / name).resolve()
    if not path.is_relative_to(base_dir.resolve()):
        message = (
            f"Parameter '{NETWORK}.traceFile': '{name}' leads outside the directory of the ini file"
        )
        raise ModelError(message)
    if not path.is_file():
        message = f"Cannot open trace file '{name}': there is no such file"
        raise ModelError(message)
    return path


def _open_vectors(settings: Settings) -> VectorFile:
    try:
        for path in (settings.vector_path, settings.scalar_path):
            path.parent.mkdir(parents=True, exist_ok=True)
        settings.scalar_path.unlink(missing_ok=True)  # of an earlier run, whose vectors go now
        return VectorFile(
            settings.vector_path, settings.header, precision=settings.vector_precision
        )
    except OSError as error:
        message = f"Cannot write result files in '{settings.vector_path.parent}': {error.strerror}"
        raise ModelError(message) from error
