"""OMNeT++'s Cmdenv, as a runner sees it: command line, progress lines, endings.

Sources: OMNeT++ Simulation Manual, chapters "Configuring Simulations" and "Running Simulations"; observed
on OMNeT++ 5.6.3, 6.1.0 and 7.0.0pre2.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from simcrate.simulators.definition import Simulator
from simcrate.simulators.reader import Ending, EndingKind, Reader, RunArguments, finite, killed

STATUS_FREQUENCY = "1s"

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
    simulator: Simulator, run: RunArguments, *, known_options: Collection[str]
) -> tuple[str, ...]:
    """The argument list that starts one run.

    Args:
        simulator: its definition.
        run: which run, and where its results go.
        known_options: of this binary, as `read_options` found them; it refuses others.
    """
    return (
        *_usual(simulator, config=run.config, ini_name=run.ini_name),
        *("-r", str(run.number)),
        f"--result-dir={run.result_dir}",
        *_hardening(simulator, known_options),
    )


def runs_query(
    simulator: Simulator, *, config: str, ini_name: str, known_options: Collection[str]
) -> tuple[str, ...]:
    """The argument list that makes a binary list the runs of a config; it simulates nothing."""
    return (
        *_usual(simulator, config=config, ini_name=ini_name),
        *("-q", "runs"),
        *_hardening(simulator, known_options),
    )


def read_options(help_text: str) -> frozenset[str]:
    """Which of the options above a binary knows, from what `-h config` printed."""
    words = set(re.findall(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+", help_text))
    return frozenset(name for name in map(_name, HARDENING) if name in words)


def _usual(simulator: Simulator, *, config: str, ini_name: str) -> tuple[str, ...]:
    ned_path = ";".join(map(str, simulator.ned_path))
    libraries = [word for library in simulator.libraries for word in ("-l", str(library))]
    return (
        *simulator.command,
        *("-m", "-u", "Cmdenv"),
        *("-c", config, "-f", ini_name),
        *(("-n", ned_path) if ned_path else ()),
        *libraries,
    )


def _hardening(simulator: Simulator, known_options: Collection[str]) -> tuple[str, ...]:
    """Without what the definition leaves to the ini: here it would win over it."""
    given = set(known_options) - simulator.allowed_keys
    return tuple(option for option in HARDENING if _name(option) in given)


def _name(option: str) -> str:
    return option.removeprefix("--").partition("=")[0]


# A line with more digits is none of Cmdenv's, whose counters have 64 bits.
_PROGRESS = re.compile(
    r"\*\* Event #(?P<event>\d{1,18})\s+t=(?P<time>[\d.eE+-]+)\s+Elapsed: [\d.eE+-]+s \([^)]*\)"
    r"(?:\s+(?P<percent>\d{1,3})% completed)?"
)
_SPEED = re.compile(r"\s+Speed:\s+ev/sec=(?P<events>\S+)\s+simsec/sec=(?P<sim>\S+)")
_MESSAGES = re.compile(r"\s+Messages:\s+created: \d+\s+present: (?P<present>\d{1,18})\b")
_ERROR = re.compile(r"<!> (Error: |Fingerprint mismatch)")
_ENDING = re.compile(r"<!> (?P<text>.*)")
_PLACE = re.compile(r"t=(?P<time>[\d.eE+-]+)s?, event #(?P<event>\d{1,18})\b")
_VERSION = re.compile(r"Version: (?P<version>[^,\s]+)")


class CmdenvReader(Reader):
    """Reads the lines of one run of Cmdenv as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._ending_line = ""

    def understand(self, line: str) -> None:
        """Progress, speed, messages, ending and version."""
        if found := _PROGRESS.match(line):
            self._advance(found["event"], found["time"])
            # the largest of sim-time, real-time and CPU-time ratios: it can jump, never shown to fall
            self.percent = max(self.percent, min(100.0, float(found["percent"] or 0)))
        elif found := _SPEED.match(line):
            self.events_per_s = finite(found["events"])
            self.sim_s_per_s = finite(found["sim"])
        elif found := _MESSAGES.match(line):
            self.messages_present = int(found["present"])
        elif found := _ENDING.match(line):
            # an error's line explains more than the one that merely follows it
            if not self._ending_line.startswith("Error"):
                self._ending_line = found["text"]
            if place := _PLACE.search(line):
                self._advance(place["event"], place["time"])
        elif not self.version and (found := _VERSION.match(line)):
            self.version = found["version"]

    def is_error(self, line: str) -> bool:
        """By the `<!>` line."""
        return bool(_ERROR.match(line))

    def ending(self, exit_code: int) -> Ending:
        """By the `<!>` line, since exit code 0 alone does not mean completed."""
        text = self._ending_line.removesuffix(".")
        if exit_code < 0:
            return Ending(EndingKind.ERROR, killed(exit_code))
        for words, kind in _ENDINGS:
            if words in text:
                return Ending(kind, text.removeprefix("Error: ") + ".")
        if exit_code == 0 and text:
            return Ending(EndingKind.COMPLETE, text + ".")
        said = f"said: {text}." if text else "did not say why; see its log."
        reason = f"The simulator ended with exit code {exit_code} and {said}"
        return Ending(EndingKind.ERROR, reason)

    def _advance(self, event: str, time: str) -> None:
        self.event_count = max(self.event_count, int(event))
        self.sim_time_s = max(self.sim_time_s, finite(time) or 0.0)


_ENDINGS = (
    ("Error: ", EndingKind.ERROR),
    ("Fingerprint mismatch", EndingKind.ERROR),
    ("CPU time limit", EndingKind.LIMIT),
    ("Realtime limit", EndingKind.LIMIT),
    ("Real-time limit", EndingKind.LIMIT),
    ("SIGINT or SIGTERM", EndingKind.SIGNAL),
)
