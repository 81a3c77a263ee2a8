"""Claims on rows: compare-and-set, leases by the database's clock, fences on every write.

`LeasedRows` does for one model what all three kinds of work share; what may be claimed is a queryset of
the caller's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from simcrate.errors import LeaseLostError
from simcrate.portal.queue.lease import LEASE_S, Leased
from simcrate.portal.queue.sightings import Clock, Sightings

M = TypeVar("M", bound=Leased)
CANDIDATES = 8  # several workers look at the same head of the queue
LEASE = timedelta(seconds=LEASE_S)

FREE: dict[str, Any] = {"lease_owner": "", "lease_until": None}
"""What a row without a lease has in these columns."""


class LeasedRows(Generic[M]):
    """The rows of one model, to be claimed by one worker at a time."""

    def __init__(
        self,
        model: type[M],
        owner: str,
        *,
        unclaimed: Mapping[str, Any],
        clock: Clock = time.monotonic,
    ) -> None:
        """`unclaimed` holds columns of the row itself: what a database compares when it updates."""
        self._rows: QuerySet[M] = model._default_manager.all()  # noqa: SLF001 - Django documents it
        self._owner = owner
        self._unclaimed = {**FREE, **unclaimed}
        self._overdue = Sightings[tuple[Hashable, datetime]](clock)

    def claim(
        self,
        candidates: QuerySet[M],
        *,
        admits: Callable[[M], bool] = lambda _: True,
        **changes: Any,  # noqa: ANN401 - columns
    ) -> M | None:
        """Take the first candidate that nobody else has taken meanwhile.

        `admits` is asked in the transaction in which it is taken; when it says no, nothing has happened.
        """
        for key in list(candidates.values_list("pk", flat=True)[:CANDIDATES]):
            with transaction.atomic():
                taken = self._rows.filter(pk=key, **self._unclaimed).update(
                    lease_owner=self._owner,
                    lease_until=_lease_end(),
                    heartbeat_at=Now(),
                    fence=F("fence") + 1,
                    **changes,
                )
                if taken and admits(row := self._rows.get(pk=key)):
                    return row
                transaction.set_rollback(True)
        return None

    def renew(self, key: object, fence: int, **changes: Any) -> None:  # noqa: ANN401 - columns
        """Keep the lease, and write what changed."""
        self.write(key, fence, lease_until=_lease_end(), heartbeat_at=Now(), **changes)

    def write(self, key: object, fence: int, **changes: Any) -> None:  # noqa: ANN401 - columns
        """Write under the fence.

        Raises:
            LeaseLostError: the row has another fence or owner by now.
        """
        held = self._rows.filter(pk=key, fence=fence, lease_owner=self._owner)
        if not held.update(**changes):
            message = "another worker has taken this work over"
            raise LeaseLostError(
                message, detail=f"{self._rows.model.__name__} {key}, fence {fence}"
            )

    def end(self, key: object, fence: int, **changes: Any) -> None:  # noqa: ANN401 - columns
        """Write and give the lease up."""
        self.write(key, fence, **FREE, **changes)

    def free_lost(self, is_dead: Callable[[str], bool], **changes: Any) -> int:  # noqa: ANN401 - columns
        """Free the rows of dead owners and those whose lease has run out; returns how many.

        A lease has run out when it stays overdue although its owner has had time to renew it.  One that
        ends later than a fresh one was made by a clock that was ahead, and ends like a fresh one.
        """
        held = list(self._held())
        self._shorten([lease.key for lease in held if lease.left > LEASE])
        overdue = ((lease.key, lease.until) for lease in held if lease.left < timedelta(0))
        run_out = {key for key, _ in self._overdue.lasting(overdue)}
        dead = set(filter(is_dead, {lease.owner for lease in held}))
        lost = [lease.key for lease in held if lease.owner in dead or lease.key in run_out]
        # compared again: somebody may have taken it over, or renewed it, since it was read
        still = Q(lease_owner__in=dead) | Q(lease_until__lt=Now())
        return self._rows.filter(still, pk__in=lost).update(
            **FREE, reclaims=F("reclaims") + 1, **changes
        )

    def _held(self) -> Iterator[_Lease]:
        rows = self._rows.exclude(lease_until=None).order_by().annotate(now=Now())
        for key, owner, until, now in rows.values_list("pk", "lease_owner", "lease_until", "now"):
            assert until is not None  # the query leaves those out
            yield _Lease(key=key, owner=owner, until=until, left=until - now)

    def _shorten(self, keys: list[object]) -> None:
        self._rows.filter(pk__in=keys, lease_until__gt=_lease_end()).update(
            lease_until=_lease_end()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lease:
    """Who holds a row, and for how long."""

    key: Hashable
    owner: str
    until: datetime
    left: timedelta
    """Until its end, by the database's clock; negative: it is overdue."""


def _lease_end() -> Any:  # noqa: ANN401 - a database expression
    return Now() + LEASE
