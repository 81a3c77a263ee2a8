"""OMNeT++'s Cmdenv, as a runner sees it: command line, progress lines, endings.

Sources: OMNeT++ Simulation Manual, chapters "Configuring Simulations" and "Running Simulations"; observed
on OMNeT++ 5.6.3, 6.1.0 and 7.0.0pre2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from signal import Signals

from simcrate.simulators.definition import Simulator

STATUS_FREQUENCY = "1s"
TAIL_LINES = 200  # what the live page shows
LINE_LIMIT = 2000  # characters of a line that are kept in the tail

# Options on the command line win over every ini file.  These keep an ini from running commands, from
# writing outside the run's directory, and from waiting for a person.
HARDENING = (
    "--output-scalar-file=${resultdir}/${configname}-${iterationvarsf}#${repetition}.sca",
    "--output-vector-file=${resultdir}/${configname}-${iterationvarsf}#${repetition}.vec",
    "--eventlog-file=${resultdir}/${configname}-${iterationvarsf}#${repetition}.elog",
    "--snapshot-file=${resultdir}/${configname}-${iterationvarsf}#${repetition}.sna",
    "--record-eventlog=false",
    "--cmdenv-redirect-output=false",
    "--cmdenv-interactive=false",
    "--cmdenv-express-mode=true",
    "--cmdenv-performance-display=true",
    f"--cmdenv-status-frequency={STATUS_FREQUENCY}",
    "--debugger-attach-on-startup=false",
    "--debugger-attach-on-error=false",
    "--debug-on-errors=false",
    "--outputscalarmanager-class=omnetpp::envir::OmnetppOutputScalarManager",
    "--outputvectormanager-class=omnetpp::envir::OmnetppOutputVectorManager",
)


def command_line(
    simulator: Simulator, *, ini_name: str, config: str, run_number: int, result_dir: str
) -> tuple[str, ...]:
    """The argument list that starts one run."""
    ned_path = ";".join(map(str, simulator.ned_path))
    libraries = [word for library in simulator.libraries for word in ("-l", str(library))]
    return (
        *simulator.command,
        *("-m", "-u", "Cmdenv"),
        *("-c", config, "-r", str(run_number), "-f", ini_name),
        *(("-n", ned_path) if ned_path else ()),
        *libraries,
        f"--result-dir={result_dir}",
        *HARDENING,
    )


_PROGRESS = re.compile(
    r"\*\* Event #(?P<event>\d+)\s+t=(?P<time>[\d.eE+-]+)\s+Elapsed: [\d.eE+-]+s \([^)]*\)"
    r"(?:\s+(?P<percent>\d+)% completed)?"
)
_ENDING = re.compile(r"<!> (?P<text>.*)")
_PLACE = re.compile(r"t=(?P<time>[\d.eE+-]+)s?, event #(?P<event>\d+)")
_VERSION = re.compile(r"Version: (?P<version>[^,\s]+)")


class ProgressReader:
    """Reads the lines of one run as they come and remembers what they said."""

    def __init__(self) -> None:
        self.event_count = 0
        self.sim_time_s = 0.0
        self.percent = 0.0
        self.ending_line = ""
        self.version = ""
        self._tail: list[str] = []

    def read(self, line: str) -> None:
        """Take one line of output, without its line end."""
        self._tail = [*self._tail[-TAIL_LINES + 1 :], line[:LINE_LIMIT]]
        if found := _PROGRESS.match(line):
            self._advance(found["event"], found["time"])
            # the largest of sim-time, real-time and CPU-time ratios: it can jump, never shown to fall
            self.percent = max(self.percent, float(found["percent"] or 0))
        elif found := _ENDING.match(line):
            # an error's line explains more than the one that merely follows it
            if not self.ending_line.startswith("Error"):
                self.ending_line = found["text"]
            if place := _PLACE.search(line):
                self._advance(place["event"], place["time"])
        elif not self.version and (found := _VERSION.match(line)):
            self.version = found["version"]

    @property
    def tail(self) -> str:
        """The last lines."""
        return "\n".join(self._tail)

    def _advance(self, event: str, time: str) -> None:
        self.event_count = max(self.event_count, int(event))
        try:
            self.sim_time_s = max(self.sim_time_s, float(time.rstrip("s")))
        except ValueError:  # the simulator's text, not ours: a strange number shows no progress
            return


class EndingKind(Enum):
    """What an ending means for the results."""

    COMPLETE = "complete"
    LIMIT = "limit"
    """Stopped at a CPU or wall time limit: files are whole, the run is not."""
    SIGNAL = "signal"
    """SIGINT or SIGTERM: it finished early and wrote its files."""
    ERROR = "error"


_ENDINGS = (
    ("Error: ", EndingKind.ERROR),
    ("Fingerprint mismatch", EndingKind.ERROR),
    ("CPU time limit", EndingKind.LIMIT),
    ("Realtime limit", EndingKind.LIMIT),
    ("Real-time limit", EndingKind.LIMIT),
    ("SIGINT or SIGTERM", EndingKind.SIGNAL),
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended and why, in a sentence."""

    kind: EndingKind
    reason: str

    @classmethod
    def of(cls, exit_code: int, ending_line: str) -> Ending:
        """Classify by the `<!>` line, since exit code 0 alone does not mean completed."""
        text = ending_line.removesuffix(".")
        if exit_code < 0:
            return cls(EndingKind.ERROR, f"The simulator was killed by {_signal_name(-exit_code)}.")
        for words, kind in _ENDINGS:
            if words in text:
                return cls(kind, text.removeprefix("Error: ") + ".")
        if exit_code == 0 and text:
            return cls(EndingKind.COMPLETE, text + ".")
        said = f"said: {text}." if text else "did not say why; see its log."
        return cls(EndingKind.ERROR, f"The simulator ended with exit code {exit_code} and {said}")


def _signal_name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"
