"""Processes that end with the one that started them."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """To be called in the child before its program: SIGTERM when the parent is gone, however it went.

    The parent is the thread that started it, so that has to be one that lives as long as the process.

    Source: prctl(2), Linux only.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
