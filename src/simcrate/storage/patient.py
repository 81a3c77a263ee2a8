"""Storage backends for programs that nobody waits for: paced and retried, one pace for each definition.

A blip of the network is waited out here; what lasts longer is for the delivery engine, which lets go of
the crate meanwhile.
"""

from __future__ import annotations

import time
from threading import Lock

from simcrate.storage.base import StorageBackend
from simcrate.storage.definition import StorageDefinition
from simcrate.storage.opening import NO_DEFAULTS, Defaults, open_backend
from simcrate.storage.wrappers import Pace, RetryPolicy, Sleep, with_pace, with_retries

BLIP = RetryPolicy(deadline_s=20.0)
CALLS_PER_S = 5.0
BURST = 10


class PatientBackends:
    """Opens storage backends; all that one process opens for a definition share its pace.

    Args:
        defaults: option values for definitions that have none.
        policy: how patient one call is.
    """

    def __init__(self, defaults: Defaults = NO_DEFAULTS, *, policy: RetryPolicy = BLIP) -> None:
        self._defaults = defaults
        self._policy = policy
        self._paces: dict[str, Pace] = {}
        self._lock = Lock()

    def open(self, definition: StorageDefinition, *, sleep: Sleep = time.sleep) -> StorageBackend:
        """The backend of a definition, wrapped.

        Args:
            definition: what to open.
            sleep: waits; what it raises ends the call at hand, so that a wait can be broken off.

        Raises:
            DefinitionError: the definition is wrong, or there are obstacles.
        """
        backend = open_backend(definition, defaults=self._defaults)
        paced = with_pace(backend, self._pace(definition.id), sleep=sleep)
        return with_retries(paced, self._policy, sleep=sleep)

    def _pace(self, storage_id: str) -> Pace:
        with self._lock:
            if storage_id not in self._paces:
                self._paces[storage_id] = Pace(calls_per_s=CALLS_PER_S, burst=BURST)
            return self._paces[storage_id]
