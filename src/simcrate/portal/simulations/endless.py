"""Warn a submitter of runs that nothing ends: they would take a worker until somebody stops them."""

from __future__ import annotations

from simcrate.inifile import Config
from simcrate.portal.limits.queries import UserLimits

ENDS = ("sim-time-limit", "cpu-time-limit", "real-time-limit")
"""Options that end a run after some time."""


def endless_warning(config: Config, limits: UserLimits) -> str:
    """A sentence, where neither the config nor a limit of the user ends a run; else empty.

    It warns and never refuses: a network in which nothing happens any more ends by itself.
    """
    if limits.wall_time_min or limits.cpu_time_min or any(map(config.value, ENDS)):
        return ""
    return (
        f"Config '{config.name}' sets no sim-time-limit: its runs may go on until you stop them, "
        "and show no progress."
    )
