"""Claims on rows: compare-and-set, leases by the database's clock, fences on every write.

`LeasedRows` does for one model what all three kinds of work share; what may be claimed is a queryset of
the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from simcrate.errors import LeaseLostError
from simcrate.portal.queue.lease import LEASE_S, Leased

M = TypeVar("M", bound=Leased)
CANDIDATES = 8  # several workers look at the same head of the queue

FREE: dict[str, Any] = {"lease_owner": "", "lease_until": None}
"""What a row without a lease has in these columns."""


class LeasedRows(Generic[M]):
    """The rows of one model, to be claimed by one worker at a time."""

    def __init__(self, model: type[M], owner: str, *, unclaimed: Mapping[str, Any]) -> None:
        """`unclaimed` holds columns of the row itself: what a database compares when it updates."""
        self._rows: QuerySet[M] = QuerySet(model)
        self._owner = owner
        self._unclaimed = {**FREE, **unclaimed}

    def claim(self, candidates: QuerySet[M], **changes: Any) -> M | None:  # noqa: ANN401 - columns
        """Take the first candidate that nobody else has taken meanwhile."""
        for key in list(candidates.values_list("pk", flat=True)[:CANDIDATES]):
            with transaction.atomic():
                taken = self._rows.filter(pk=key, **self._unclaimed).update(
                    lease_owner=self._owner,
                    lease_until=_lease_end(),
                    heartbeat_at=Now(),
                    fence=F("fence") + 1,
                    **changes,
                )
                if taken:
                    return self._rows.get(pk=key)
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

    def owners(self) -> set[str]:
        """Everybody who holds a lease."""
        held = self._rows.exclude(lease_owner="").values_list("lease_owner", flat=True)
        return set(held.distinct())

    def free_lost(self, dead: set[str], **changes: Any) -> int:  # noqa: ANN401 - columns
        """Free the rows of dead owners and those whose lease has run out; returns how many."""
        lost = self._rows.exclude(lease_owner="")
        changes = {**FREE, "reclaims": F("reclaims") + 1, **changes}
        freed = lost.filter(lease_owner__in=dead).update(**changes)
        return freed + lost.filter(lease_until__lt=Now()).update(**changes)


def _lease_end() -> Any:  # noqa: ANN401 - a database expression
    return Now() + timedelta(seconds=LEASE_S)
