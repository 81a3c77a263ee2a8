"""What is wrong with a submission, field by field, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simcrate.errors import BadInputError

MOST_SHOWN = 200
"""Faults on one page; the API and the command line list all of them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    field: str
    """Where: `files`, `config`, `run_filter`, `precision_s`, `storage_id`, `notify_email`, …"""
    message: str
    """What, in a sentence."""


class SubmissionError(BadInputError):
    """The simulation cannot be submitted as it is."""

    code = "input.submission"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(fault.message for fault in faults))
        self.faults = tuple(faults)

    @property
    def shown(self) -> tuple[Fault, ...]:
        """What a page shows: all of them, or the first ones and how many more there are."""
        if len(self.faults) <= MOST_SHOWN:
            return self.faults
        more = Fault(self.faults[-1].field, f"and {len(self.faults) - MOST_SHOWN:,} more")
        return (*self.faults[:MOST_SHOWN], more)


def raise_faults(faults: Sequence[Fault]) -> None:
    """Raise them as one error, if there are any."""
    if faults:
        raise SubmissionError(faults)
