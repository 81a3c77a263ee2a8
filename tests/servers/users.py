"""Users that nobody else is: what counts by user is counted of one test alone."""

from __future__ import annotations

import os

import psutil


def processes_of(uid: int) -> list[psutil.Process]:
    """Those that a user has, zombies left out."""
    found = psutil.process_iter(["uids", "status"])
    return [
        process
        for process in found
        if process.info["uids"]
        and process.info["uids"].real == uid
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def is_root() -> bool:
    """Whether the tests may become somebody else."""
    return os.geteuid() == 0
