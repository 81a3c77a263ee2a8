"""The parameters of the model, as the ini file assigns them.

Keys are OMNeT++'s: `OppNet.numNodes = 50`, `**.ttl = 1h`, `OppNet.node[0..9].bufferSize = 5MB`.  An
assignment that matches no parameter is an error, since it is a misspelling.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simcrate.inifile import Entry, IniError, Pattern, Quantity, evaluate
from simcrate.oppsim.errors import ModelError

NETWORK = "OppNet"

MOBILITIES = ("RandomWaypoint", "ContactTrace")
ROUTINGS = ("Epidemic", "DirectDelivery", "FirstContact", "SprayAndWait", "Prophet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a kind of module."""

    name: str
    unit: str
    """Base unit of its value; empty for plain numbers; `text` for strings."""

    default: str
    lowest: float = 0.0
    """Least value that makes sense."""

    highest: float = math.inf
    """Greatest value that a machine can bear."""

    choices: tuple[str, ...] = ()
    """What a string may be; anything when empty."""


NETWORK_PARAMETERS: Final = (
    Parameter(name="numNodes", unit="", default="20", lowest=2, highest=1e5),
    Parameter(name="mobility", unit="text", default='"RandomWaypoint"', choices=MOBILITIES),
    Parameter(name="areaX", unit="m", default="1000m", lowest=1),
    Parameter(name="areaY", unit="m", default="1000m", lowest=1),
    Parameter(name="minSpeed", unit="mps", default="0.5mps", lowest=1e-6),
    Parameter(name="maxSpeed", unit="mps", default="1.5mps", lowest=1e-6),
    Parameter(name="maxPause", unit="s", default="120s"),
    Parameter(name="radioRange", unit="m", default="50m"),
    Parameter(name="updateInterval", unit="s", default="1s", lowest=1e-6),
    Parameter(name="traceFile", unit="text", default='""'),
    Parameter(name="routing", unit="text", default='"Epidemic"', choices=ROUTINGS),
    Parameter(name="copies", unit="", default="8", lowest=1),
    Parameter(name="prophetInitial", unit="", default="0.75"),
    Parameter(name="prophetTransitivity", unit="", default="0.25"),
    Parameter(name="prophetAging", unit="", default="0.98"),
    Parameter(name="prophetTimeUnit", unit="s", default="30s", lowest=1e-6),
    Parameter(name="messageInterval", unit="s", default="30s", lowest=1e-6),
    Parameter(name="messageSize", unit="B", default="10kB", lowest=1),
    Parameter(name="ttl", unit="s", default="0s"),
    Parameter(name="bandwidth", unit="bps", default="2Mbps"),
)
NODE_PARAMETERS: Final = (Parameter(name="bufferSize", unit="B", default="5MB"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkParameters:
    """Parameters of the network; names and meaning as in the reference page."""

    node_count: int
    mobility: str
    area_m: tuple[float, float]
    speed_mps: tuple[float, float]
    max_pause_s: float
    radio_range_m: float
    update_interval_s: float
    trace_file: str
    routing: str
    copies: int
    prophet_initial: float
    prophet_transitivity: float
    prophet_aging: float
    prophet_time_unit_s: float
    message_interval_s: float
    message_size_bytes: int
    ttl_s: float
    """Infinite for messages that never expire."""
    bandwidth_bps: float
    """Infinite for transfers that take no time."""
    buffer_size_bytes: tuple[float, ...]
    """One per node; infinite for buffers without a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The value that one parameter of one module got, for the record."""

    module: str
    name: str
    value: str
    unit: str
    """Base unit; empty for plain numbers and strings."""


class ParameterReader:
    """Looks the parameters of all modules up in the entries of a run.

    Args:
        entries: in the order of search, `${…}` replaced.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = [entry for entry in entries if _is_assignment(entry.key)]
        self._patterns = [Pattern(entry.key) for entry in self._entries]
        self.assignments: list[Assignment] = []
        """What was looked up so far."""

    def read(self) -> NetworkParameters:
        """All parameters.

        Raises:
            ModelError: a value does not fit its parameter, or a key matches no parameter.
        """
        values = self._module(NETWORK, NETWORK_PARAMETERS)
        node_count = _whole(values, "numNodes")
        nodes = [self._module(f"{NETWORK}.node[{i}]", NODE_PARAMETERS) for i in range(node_count)]
        self._refuse_misspelled()
        return _network_parameters(values, [_or_infinite(node, "bufferSize") for node in nodes])

    def _module(self, module: str, parameters: Sequence[Parameter]) -> dict[str, float | str]:
        return {parameter.name: self._value(module, parameter) for parameter in parameters}

    def _value(self, module: str, parameter: Parameter) -> float | str:
        path = f"{module}.{parameter.name}"
        entry = self._find(path)
        text = parameter.default if entry is None else entry.value
        try:
            value = _checked(parameter, text)
        except IniError as error:
            place = f" -- at {entry.file}:{entry.line}" if entry and entry.line else ""
            message = f"Cannot assign '{text}' to parameter '{path}': {error}{place}"
            raise ModelError(message) from error
        self.assignments.append(_assignment(module, parameter, value))
        return value

    def _find(self, path: str) -> Entry | None:
        for entry, pattern in zip(self._entries, self._patterns, strict=True):
            if pattern.matches(path):
                return entry
        return None

    def _refuse_misspelled(self) -> None:
        paths = [f"{a.module}.{a.name}" for a in self.assignments]
        for entry, pattern in zip(self._entries, self._patterns, strict=True):
            if not any(pattern.matches(path) for path in paths):
                place = f" -- at {entry.file}:{entry.line}" if entry.line else ""
                message = f"No parameter of network '{NETWORK}' matches '{entry.key}'{place}"
                raise ModelError(message)


def _is_assignment(key: str) -> bool:
    """Whether a key assigns a parameter and not an option of objects such as `**.vector-recording`."""
    return ("." in key or "*" in key) and "-" not in key.rpartition(".")[2].split("[")[0]


def _checked(parameter: Parameter, text: str) -> float | str:
    value = evaluate(text)
    if parameter.unit == "text":
        if not isinstance(value, str):
            message = "a string in double quotes is needed"
            raise IniError(message)
        if parameter.choices and value not in parameter.choices:
            message = f"there is only {', '.join(parameter.choices)}"
            raise IniError(message)
        return value
    if not isinstance(value, Quantity):
        message = f"a number{f' in {parameter.unit}' if parameter.unit else ''} is needed"
        raise IniError(message)
    number = value.to(parameter.unit)
    if not (math.isfinite(number) and parameter.lowest <= number <= parameter.highest):
        highest = "" if parameter.highest == math.inf else f" and at most {parameter.highest:g}"
        message = f"it must be at least {parameter.lowest:g}{parameter.unit}{highest}"
        raise IniError(message)
    return number


def _assignment(module: str, parameter: Parameter, value: float | str) -> Assignment:
    if isinstance(value, str):
        return Assignment(module=module, name=parameter.name, value=f'"{value}"', unit="")
    return Assignment(
        module=module,
        name=parameter.name,
        value=f"{value:.14g}{parameter.unit}",
        unit=parameter.unit,
    )


def _network_parameters(
    values: Mapping[str, float | str], buffer_sizes: Sequence[float]
) -> NetworkParameters:
    slowest, fastest = float(values["minSpeed"]), float(values["maxSpeed"])
    if slowest > fastest:
        message = (
            f"Parameter '{NETWORK}.minSpeed' ({slowest:g}mps) is above maxSpeed ({fastest:g}mps)"
        )
        raise ModelError(message)
    for name in ("prophetInitial", "prophetTransitivity", "prophetAging"):
        if float(values[name]) > 1:
            message = f"Parameter '{NETWORK}.{name}' must be from 0 to 1"
            raise ModelError(message)
    return NetworkParameters(
        node_count=_whole(values, "numNodes"),
        mobility=str(values["mobility"]),
        area_m=(float(values["areaX"]), float(values["areaY"])),
        speed_mps=(slowest, fastest),
        max_pause_s=float(values["maxPause"]),
        radio_range_m=float(values["radioRange"]),
        update_interval_s=float(values["updateInterval"]),
        trace_file=str(values["traceFile"]),
        routing=str(values["routing"]),
        copies=_whole(values, "copies"),
        prophet_initial=float(values["prophetInitial"]),
        prophet_transitivity=float(values["prophetTransitivity"]),
        prophet_aging=float(values["prophetAging"]),
        prophet_time_unit_s=float(values["prophetTimeUnit"]),
        message_interval_s=float(values["messageInterval"]),
        message_size_bytes=_whole(values, "messageSize"),
        ttl_s=_or_infinite(values, "ttl"),
        bandwidth_bps=_or_infinite(values, "bandwidth"),
        buffer_size_bytes=tuple(buffer_sizes),
    )


def _whole(values: Mapping[str, float | str], name: str) -> int:
    number = float(values[name])
    if not number.is_integer() or number > 1e9:
        message = f"Parameter '{NETWORK}.{name}' must be a whole number, not {number:g}"
        raise ModelError(message)
    return int(number)


def _or_infinite(values: Mapping[str, float | str], name: str) -> float:
    """A limit; 0 means that there is none."""
    return float(values[name]) or math.inf
