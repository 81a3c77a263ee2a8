"""Numbers with units of measurement, converted to base units.

Source of the unit names: OMNeT++ Simulation Manual, appendix "NED Language: Units", those of time,
length, data, data rate and speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simcrate.errors import IniError
from simcrate.inifile.faults import excerpt

UNITS: Final[dict[str, tuple[str, float]]] = {
    "": ("", 1.0),
    # time
    "d": ("s", 86400.0),
    "h": ("s", 3600.0),
    "min": ("s", 60.0),
    "s": ("s", 1.0),
    "ms": ("s", 1e-3),
    "us": ("s", 1e-6),
    "ns": ("s", 1e-9),
    "ps": ("s", 1e-12),
    # length
    "km": ("m", 1e3),
    "m": ("m", 1.0),
    "cm": ("m", 1e-2),
    "mm": ("m", 1e-3),
    # data; in OMNeT++ kB and MB count by 1000, KiB and MiB by 1024
    "b": ("B", 0.125),
    "kb": ("B", 125.0),
    "Mb": ("B", 125e3),
    "B": ("B", 1.0),
    "kB": ("B", 1e3),
    "KB": ("B", 1e3),
    "MB": ("B", 1e6),
    "GB": ("B", 1e9),
    "KiB": ("B", 2.0**10),
    "MiB": ("B", 2.0**20),
    "GiB": ("B", 2.0**30),
    # data rate
    "bps": ("bps", 1.0),
    "kbps": ("bps", 1e3),
    "Mbps": ("bps", 1e6),
    "Gbps": ("bps", 1e9),
    "Bps": ("bps", 8.0),
    "kBps": ("bps", 8e3),
    "MBps": ("bps", 8e6),
    # speed
    "mps": ("mps", 1.0),
    "kmph": ("mps", 1 / 3.6),
}
"""Unit: (its base unit, how many of the base unit it is)."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a base unit."""

    number: float
    """How many of the unit; NaN and infinities are possible."""

    unit: str = ""
    """A base unit of `UNITS`, or empty for a plain number."""

    def to(self, unit: str) -> float:
        """The number in a unit.

        Raises:
            IniError: this is a quantity of something else.
        """
        base, factor = UNITS[unit]
        if base != self.unit:
            wanted = f'a quantity in "{unit}"' if unit else "a plain number"
            message = f"{self} is not {wanted}"
            raise IniError(message)
        return self.number / factor

    def __str__(self) -> str:
        return f"{self.number:.14g}{self.unit}"


def make_quantity(number: float, unit: str) -> Quantity:
    """A number in any known unit.

    Raises:
        IniError: the unit is not known.
    """
    if unit not in UNITS:
        message = f'unknown unit "{excerpt(unit)}" (there is: {", ".join(name for name in UNITS if name)})'
        raise IniError(message)
    base, factor = UNITS[unit]
    return Quantity(number * factor, base)
