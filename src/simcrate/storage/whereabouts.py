"""Whether a definition still leads to where a crate was stored.

An administrator may point a definition at another server.  There, nothing is known of earlier crates, which
must not be taken for their being gone: they, and their links, are still where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from simcrate.errors import StorageNotFoundError, StorageRefusedError
from simcrate.storage.base import StoredCrate


@contextmanager
def looked_for(stored: StoredCrate, account: Callable[[], str]) -> Iterator[None]:
    """Around what looks for a crate: one that is not found is gone only if it was stored there.

    One that is found is the right one, also where the same server has another name by now.

    Args:
        stored: the crate.
        account: where it is looked for, as `StoredCrate.account` has it; asked only where that counts.

    Raises:
        StorageNotFoundError: it is gone.
        StorageRefusedError: it was stored somewhere else.
    """
    try:
        yield
    except StorageNotFoundError as error:
        if not stored.account or stored.account == (here := account()):
            raise
        message = (
            f"could not find the crate: it was stored at {stored.account}, and the storage backend leads "
            f"to {here} by now; let it lead there again, and give the new place a storage backend of its own"
        )
        raise StorageRefusedError(message) from error
