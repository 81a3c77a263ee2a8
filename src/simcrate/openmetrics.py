"""Numbers for a monitoring server, as text.

Source: the OpenMetrics specification 1.0 (text format), which Prometheus reads.
"""

from __future__ import annotations

from collections.abc import Iterable

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def family(name: str, kind: str, text: str, unit: str = "") -> list[str]:
    """The lines that introduce a metric.

    Args:
        name: ends in the unit, where there is one.
        kind: `gauge` or `counter`.
        text: what it counts.
        unit: a base unit, such as `bytes` and `seconds`; empty: a mere number.
    """
    unit_lines = [f"# UNIT {name} {unit}"] if unit else []
    return [f"# TYPE {name} {kind}", *unit_lines, f"# HELP {name} {text}"]


def sample(name: str, value: float, **labels: str) -> str:
    """The line of one number."""
    pairs = ",".join(f'{key}="{label.translate(_ESCAPES)}"' for key, label in labels.items())
    return f"{name}{{{pairs}}} {value}" if pairs else f"{name} {value}"


def page(lines: Iterable[str]) -> str:
    """The whole text; one that was cut off can be told from it."""
    return "\n".join([*lines, "# EOF", ""])
