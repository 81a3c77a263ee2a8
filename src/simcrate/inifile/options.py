"""The configuration options of OMNeT++: which exist, which a stranger's ini file may set, and why not.

An option is *plain* (a key without dots, for the whole simulation) or *per object* (the last part of a
dotted key, as in `**.queue.vector-recording`).  `%` stands for a number.  What is not here is unknown.

Source: OMNeT++ Simulation Manual, appendix "Configuration Options" (5.6 to 6.2), and the sources of
7.0; effects of the refused ones as measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

ALLOWED_PLAIN: Final = frozenset(
    {
        # what to simulate, and which runs
        "network",
        "description",
        "extends",
        "constraint",
        "iteration-nesting-order",
        "repeat",
        "experiment-label",
        "measurement-label",
        "replication-label",
        "runnumber-width",
        # for how long
        "sim-time-limit",
        "cpu-time-limit",
        "real-time-limit",
        "warmup-period",
        "simtime-resolution",
        "simtime-scale",
        # random numbers
        "seed-set",
        "num-rngs",
        "seed-%-mt",
        "seed-%-mt-p%",
        "seed-%-lcg32",
        # checks
        "fingerprint",
        "fingerprint-events",
        "fingerprint-modules",
        "fingerprint-results",
        "fingerprint-ingredients",
        "check-signals",
        "allow-object-stealing-on-deletion",
        "parameter-mutability-check",
        "print-undisposed",
        "print-unused-config",
        "warn-unused-config",
        "warnings",
        "total-stack",
        "max-module-nesting",
        # results
        "resultdir-subdivision",
        "output-scalar-precision",
        "output-scalar-file-append",
        "output-scalar-db-commit-freq",
        "output-vector-precision",
        "output-vector-file-append",
        "output-vector-db-indexing",
        "output-vectors-memory-limit",
        "debug-statistics-recording",
        # the command-line user interface
        "cmdenv-express-mode",
        "cmdenv-status-frequency",
        "cmdenv-performance-display",
        "cmdenv-event-banners",
        "cmdenv-event-banner-details",
        "cmdenv-message-trace",
        "cmdenv-module-messages",
        "cmdenv-log-format",
        "cmdenv-log-prefix",
        "cmdenv-autoflush",
        "cmdenv-stop-batch-on-error",
        "cmdenv-redirect-output",
        "cmdenv-fake-gui",
        "cmdenv-fake-gui-after-event-probability",
        "cmdenv-fake-gui-before-event-probability",
        "cmdenv-fake-gui-on-hold-numsteps",
        "cmdenv-fake-gui-on-hold-probability",
        "cmdenv-fake-gui-on-simtime-numsteps",
        "cmdenv-fake-gui-on-simtime-probability",
        "cmdenv-fake-gui-seed",
        "cmdenv-config-name",
        "cmdenv-runs-to-execute",
        "cmdenv-extra-stack",
        # the graphical ones, which never start here
        "qtenv-default-config",
        "qtenv-default-run",
        "qtenv-extra-stack",
        "tkenv-default-config",
        "tkenv-default-run",
        "tkenv-extra-stack",
    }
)

ALLOWED_PER_OBJECT: Final = frozenset(
    {
        "scalar-recording",
        "vector-recording",
        "bin-recording",
        "statistic-recording",
        "result-recording-modes",
        "param-record-as-scalar",
        "param-recording",
        "vector-record-eventnumbers",
        "vector-record-empty",
        "vector-recording-intervals",
        "vector-recording-interval",
        "vector-max-buffered-values",
        "vector-buffer",
        "module-eventlog-recording",
        "cmdenv-log-level",
        "cmdenv-ev-output",
        "display-name",
        "display-string",
        "rng-%",
        "typename",
    }
)

_WRITES = "it writes files where the ini file says; SimCrate chooses where files go"
_READS = "it reads files of the machine that runs the simulation"
_CLASS = "it replaces a part of the simulator by another"
_SHELL = "it can start any program"
_CODE = "it loads program code"
_SOCKETS = "it connects to other processes or machines"
_SPINS = "it waits for a person, and spins for ever where there is none"
_NAMES = "it puts the name of the machine into the names of files"
_FILLS = "it records every event, which fills the disk"

REFUSED_PLAIN: Final[Mapping[str, str]] = {
    "load-libs": _CODE,
    "ned-path": f"{_CODE}; which models there are is part of the simulator's definition",
    "ned-package-exclusions": "which models there are is part of the simulator's definition",
    "image-path": _READS,
    "debugger-attach-on-startup": _SHELL,
    "debugger-attach-on-error": _SHELL,
    "debugger-attach-command": _SHELL,
    "debugger-attach-wait-time": _SHELL,
    "debug-on-errors": "it stops at errors and waits for a debugger",
    "output-scalar-file": _WRITES,
    "output-vector-file": _WRITES,
    "eventlog-file": _WRITES,
    "eventlog-max-size": _FILLS,
    "eventlog-min-truncated-size": _FILLS,
    "eventlog-index-frequency": _FILLS,
    "eventlog-snapshot-frequency": _FILLS,
    "eventlog-message-detail-pattern": _FILLS,
    "eventlog-recording-intervals": _FILLS,
    "eventlog-options": _FILLS,
    "eventlogmanager-class": _CLASS,
    "snapshot-file": _WRITES,
    "cmdenv-output-file": _WRITES,
    "result-dir": _WRITES,
    "fname-append-host": _NAMES,
    "record-eventlog": _FILLS,
    "cmdenv-interactive": _SPINS,
    "cmdenv-num-threads": "how many cores are used is the worker's decision",
    "user-interface": _CLASS,
    "rng-class": _CLASS,
    "rngmanager-class": _CLASS,
    "scheduler-class": f"{_CLASS}; some wait for real time or open sockets",
    "realtimescheduler-scaling": "it makes the simulation wait for real time",
    "futureeventset-class": _CLASS,
    "fingerprintcalculator-class": _CLASS,
    "configuration-class": _CLASS,
    "sectionbasedconfig-configreader-class": _CLASS,
    "configuration-reader-class": _CLASS,
    "inifilereader-filename": _READS,
    "outputscalarmanager-class": _CLASS,
    "outputvectormanager-class": _CLASS,
    "snapshotmanager-class": _CLASS,
    "parallel-simulation": _SOCKETS,
    "parsim-communications-class": _SOCKETS,
    "parsim-synchronization-class": _SOCKETS,
    "parsim-debug": _SOCKETS,
    "parsim-num-partitions": _SOCKETS,
    "parsim-mode": _SOCKETS,
    "parsim-procid": _SOCKETS,
    "parsim-process-partitionid": _SOCKETS,
    "parsim-inprocess-comm-send-pointers": _SOCKETS,
    "parsim-filecommunications-prefix": _WRITES,
    "parsim-filecommunications-preserve-read": _WRITES,
    "parsim-filecommunications-read-prefix": _READS,
    "parsim-namedpipecommunications-prefix": _WRITES,
    "parsim-mpicommunications-mpibuffer": _SOCKETS,
    "parsim-nullmessageprotocol-laziness": _SOCKETS,
    "parsim-nullmessageprotocol-lookahead-class": _CLASS,
    "parsim-idealsimulationprotocol-tablesize": _SOCKETS,
    "tkenv-plugin-path": _CODE,
    "tkenv-image-path": _READS,
}
"""Plain options that are refused: what is wrong with each."""

REFUSED_PER_OBJECT: Final[Mapping[str, str]] = {
    "partition-id": _SOCKETS,
    "with-akaroa": _SOCKETS,
}

HARMLESS_VALUES: Final[Mapping[str, frozenset[str]]] = {
    "rng-class": frozenset({"cMersenneTwister", "omnetpp::cMersenneTwister"}),
    "rngmanager-class": frozenset({"omnetpp::cRngManager"}),
    "scheduler-class": frozenset({"cSequentialScheduler", "omnetpp::cSequentialScheduler"}),
    "futureeventset-class": frozenset({"cEventHeap", "omnetpp::cEventHeap"}),
    "outputscalarmanager-class": frozenset({"omnetpp::envir::OmnetppOutputScalarManager"}),
    "outputvectormanager-class": frozenset({"omnetpp::envir::OmnetppOutputVectorManager"}),
    "user-interface": frozenset({"Cmdenv"}),
    "debugger-attach-on-startup": frozenset({"false"}),
    "debugger-attach-on-error": frozenset({"false"}),
    "debug-on-errors": frozenset({"false"}),
    "record-eventlog": frozenset({"false"}),
    "fname-append-host": frozenset({"false"}),
    "cmdenv-interactive": frozenset({"false"}),
    "parallel-simulation": frozenset({"false"}),
}
"""Values with which a refused option does nothing: defaults, and switches that are off."""


def is_known(name: str) -> bool:
    """Whether OMNeT++ has a plain or per-object option of that name."""
    options = (ALLOWED_PLAIN, REFUSED_PLAIN, ALLOWED_PER_OBJECT, REFUSED_PER_OBJECT)
    return any(is_listed(name, among) for among in options)


def known_options() -> list[str]:
    """Names of all options, sorted."""
    return sorted({*ALLOWED_PLAIN, *REFUSED_PLAIN, *ALLOWED_PER_OBJECT, *REFUSED_PER_OBJECT})


def is_listed(name: str, options: frozenset[str] | Mapping[str, str]) -> bool:
    """Whether a name is one of the options, `%` standing for a number."""
    return name in options or any(
        pattern.fullmatch(name) for pattern in _numbered(frozenset(options))
    )


@cache
def _numbered(options: frozenset[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(re.escape(option).replace("%", r"\d+")) for option in options if "%" in option
    )
