"""The tree of errors.

    SimCrateError
    ├── BadInputError            what a person typed or sent; exit 2, HTTP 400
    │   ├── IniError             an omnetpp.ini that OMNeT++ would refuse, or that we do
    │   └── DefinitionError      a storage backend's or simulator's definition
    ├── StageError               a stage of the pipeline
    │   ├── SimulationError      the simulator ended badly
    │   ├── NoResults            there is no result file
    │   ├── ResultFormatError    a result file is not what its format says
    │   ├── StatisticsError      numbers, tables or figures
    │   ├── CrateError           the zip
    │   ├── DiskFullError        no space left on the disk of this machine
    │   │   └── StatisticsFullError  for what statistics make
    │   └── NotifyError          mail or webhook
    │       └── RecipientRefusedError  the mail server knows no such recipient, for good
    ├── StorageError             a storage backend; see simcrate.storage.base
    │   ├── StorageAuthError     credentials are wrong, expired or lack a permission
    │   ├── StorageFullError     no space left for us there
    │   ├── StorageBusyError     rate limit or maintenance; carries retry_after_s
    │   ├── StorageUnreachableError   no answer, or one from somebody else
    │   ├── StorageIntegrityError     stored bytes differ from ours
    │   ├── StorageRefusedError  a final no
    │   └── StorageNotFoundError the named object is not there
    ├── WorkEndedError           this worker must let go of what it does
    │   └── LeaseLostError       somebody else has taken this work over
    ├── PortError                the rows of the portal cannot be reached
    └── UnforeseenError          what nobody has thought of; the log has it

An error has two texts.  `str(error)` is public: whoever owns the work may read it.  It says what was
tried, on what, what came back and what to do, and holds no server path, host or credential.
`error.detail` is for operators and logs.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class SimCrateError(Exception):
    """Something in SimCrate failed."""

    code: ClassVar[str] = "simcrate"
    """Stable name of this class of errors, for machines and for the help pages."""

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later without anybody changing anything."""

    def __init__(self, message: str = "", *, detail: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").splitlines()[0])
        self.detail = detail

    @property
    def facts(self) -> dict[str, str]:
        """The fields of a log line about it; without a detail, no field for one."""
        detail = {"detail": self.detail} if self.detail else {}
        return {"code": self.code, "why": str(self), **detail}


class BadInputError(SimCrateError):
    """What was given cannot be used."""

    code = "input"


class IniError(BadInputError):
    """The ini file cannot be used."""

    code = "input.ini"

    def __init__(self, message: str, *, file: str = "", line: int = 0, detail: str = "") -> None:
        place = f"{file}:{line}: " if line else f"{file}: " if file else ""
        super().__init__(place + message, detail=detail)
        self.file = file
        self.line = line


class DefinitionError(BadInputError):
    """A definition of a storage backend or simulator cannot be used."""

    code = "input.definition"


class StageError(SimCrateError):
    """A stage of the pipeline failed."""

    code = "stage"


class SimulationError(StageError):
    """The simulator ended with an error."""

    code = "stage.simulate"


class NoResults(StageError):  # noqa: N818 - the design's word
    """The simulation left no result files."""

    code = "stage.collect"


class ResultFormatError(StageError):
    """A result file is not what its format says.

    Args:
        message: what was expected and what was found.
        file: the result file.
        line: line number, counted from 1; 0 where a line means nothing (SQLite).
        detail: for operators.
    """

    code = "stage.parse"

    def __init__(self, message: str, *, file: str | Path, line: int = 0, detail: str = "") -> None:
        name = Path(file).name
        place = f"{name}, line {line}" if line else name
        super().__init__(f"could not read {place}: {message}", detail=detail or str(file))
        self.file = str(file)
        self.line = line


class StatisticsError(StageError):
    """Statistics could not be computed."""

    code = "stage.statistics"


class CrateError(StageError):
    """The crate could not be packed or read."""

    code = "stage.pack"
    retryable = True


class DiskFullError(StageError):
    """There is no space left on the disk of this machine."""

    code = "stage.disk-full"
    retryable = True  # someone may free space while we wait

    @staticmethod
    @contextmanager
    def told_for(what: str) -> Iterator[None]:
        """Tell a full disk from one that fails.

        Args:
            what: reads after "could not ".

        Raises:
            DiskFullError: the block found no space.
        """
        try:
            yield
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            message = f"could not {what}: {error.strerror}; make room on the disk of its machine"
            raise DiskFullError(message, detail=str(error)) from error


class StatisticsFullError(DiskFullError):
    """There is no space for what statistics make; after some tries a crate goes without them."""

    code = "stage.disk-full.statistics"


class NotifyError(StageError):
    """A notification could not be sent."""

    code = "stage.notify"
    retryable = True


class RecipientRefusedError(NotifyError):
    """The mail server refuses the recipient for good."""

    code = "stage.notify.recipient"
    retryable = False


class StorageError(SimCrateError):
    """A storage backend failed."""

    code = "storage"


class StorageAuthError(StorageError):
    """The storage backend refused the credentials."""

    code = "storage.auth"


class StorageFullError(StorageError):
    """The storage backend has no space left."""

    code = "storage.full"
    retryable = True  # someone may free space while we wait


class StorageBusyError(StorageError):
    """The storage backend asks to come back later."""

    code = "storage.busy"
    retryable = True

    def __init__(self, message: str = "", *, retry_after_s: float = 0.0, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.retry_after_s = retry_after_s


class StorageUnreachableError(StorageError):
    """The storage backend did not answer."""

    code = "storage.unreachable"
    retryable = True


class StorageIntegrityError(StorageError):
    """What was stored differs from what was sent."""

    code = "storage.integrity"
    retryable = True  # a second transfer may arrive whole


class StorageRefusedError(StorageError):
    """The storage backend will not do this."""

    code = "storage.refused"


class StorageNotFoundError(StorageError):
    """The stored object is not there."""

    code = "storage.not-found"


class WorkEndedError(SimCrateError):
    """The worker lets go of this work."""

    code = "worker.ended"


class LeaseLostError(WorkEndedError):
    """Another worker has taken this work over."""

    code = "worker.lease-lost"


class PortError(SimCrateError):
    """The portal's database cannot be reached."""

    code = "worker.port"
    retryable = True


class UnforeseenError(SimCrateError):
    """Something failed in a way that nobody has foreseen."""

    code = "unforeseen"
    retryable = True  # a full disk, say, may have room again
