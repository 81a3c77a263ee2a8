"""What workers of several machines need of the rows to hand runs over: a small port of its own.

A machine that has done a run asks for a grant; a machine that holds the secret of the staging local-cloud
gives one, for that key, size and digest, once; the machine that packs finds out what was staged.
Like `WorkerPort`, methods raise `PortError` while the rows cannot be reached, and those that take a claim
`LeaseLostError` when somebody else has taken the work over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from simcrate.secret import Secret
from simcrate.worker.port import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One run as one zip."""

    run_id: str
    number: int
    key: str
    """Its name on the staging local-cloud; another attempt at the run has another one."""
    size_bytes: int
    sha256: str


class PartsPort(Protocol):
    """The rows of parts."""

    def ask_grant(self, claim: Claim, *, number: int, size_bytes: int, sha256: str) -> Part:
        """A part of the run that was claimed is ready to be staged."""
        ...

    def grant(self, claim: Claim) -> Secret | None:
        """The grant that was given, if it was."""
        ...

    def staged(self, claim: Claim) -> None:
        """The part is on the staging local-cloud; the grant is used."""
        ...

    def wanted(self) -> list[Part]:
        """Parts that wait for a grant."""
        ...

    def give(self, part: Part, grant: Secret) -> None:
        """Let whoever asked have it."""
        ...

    def of_simulation(self, claim: Claim) -> list[Part]:
        """The staged parts of the finish that was claimed, without those of this machine."""
        ...

    def delivered(self, claim: Claim) -> list[Part]:
        """What was staged and is not needed any more, returned for the last time.

        That is once this machine has made a crate of it and every outcome is announced.  Until then, as while a
        fallback is under way, another machine may have to pack it once more.
        """
        ...

    def needed_still(self) -> list[Part]:
        """What was staged a week ago or longer, and is the only copy, or may have to be packed once more."""
        ...

    def discarded(self) -> list[Part]:
        """What was staged of simulations whose owners have given them up, returned for the last time."""
        ...

    def lost(self, claim: Claim, part: Part) -> None:
        """A staged part is gone or damaged: its run is queued again, and the finish waits for it."""
        ...
