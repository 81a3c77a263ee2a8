"""A crate's second delivery: where the crate comes from, and the fallback of one that failed."""

from __future__ import annotations

import uuid

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.portal.deliveries.events import record_event
from simcrate.portal.deliveries.models import UNDER_WAY, Delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.models import StorageBackend

_HAS_LINK = [DeliveryState.LINKED, DeliveryState.ANNOUNCED]


def repeat(source: Delivery, storage: StorageBackend, *, key: uuid.UUID) -> Delivery:
    """A new delivery of the same crate."""
    return Delivery.objects.create(
        id=key,
        simulation_id=source.simulation_id,
        storage=storage,
        again_of=source,
        machine=source.machine,
        file_name=source.file_name,
        size_bytes=source.size_bytes,
        sha256=source.sha256,
        keep_days=storage.keep_days,
    )


def crate_source(simulation: Simulation) -> Delivery | None:
    """The delivery to take the crate from that was packed last: in the spool first, then by a working link.

    Never an older crate in its place, which has other parts.  A worker has no password for links.
    """
    packed = Delivery.objects.filter(simulation=simulation).exclude(sha256="")
    packings = packed.filter(again_of=None, sha256=OuterRef("sha256")).order_by("-created_at")
    kept = packed.filter(discarded_at=None)
    newest = kept.order_by(Subquery(packings.values("created_at")[:1]).desc()).first()
    if newest is None:
        return None
    same = kept.filter(sha256=newest.sha256)
    spooled = same.filter(spool_released_at=None, state=DeliveryState.FAILED)
    return spooled.first() or with_working_link(same).first()


def with_working_link(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Those whose link a worker can fetch the crate from."""
    is_kept = Q(expires_at=None) | Q(expires_at__gt=Now())
    return deliveries.filter(is_kept, state__in=_HAS_LINK, link__has_password=False)


def fall_back(failed: Delivery) -> Delivery | None:
    """The delivery to the fallback that the submitter chose; None: none was, or it was tried.

    Called in the transaction in which the delivery fails, so that there is the one or the other.
    One that somebody asked for by name has none: it goes there or nowhere.
    """
    if failed.again_of_id is not None:
        return None
    simulation = failed.simulation
    fallback = simulation.fallback
    if fallback is None or not fallback.active or not failed.sha256:
        return None
    tried = Delivery.objects.filter(simulation=simulation, storage=fallback, sha256=failed.sha256)
    if tried.filter(discarded_at=None).exists():
        return None
    made = repeat(failed, fallback, key=uuid.uuid5(failed.pk, fallback.identifier))
    record_event(failed, "fell back", who="the worker", note=f"to {fallback}: {failed.error}")
    problem = f"{failed.storage} did not take the crate ({failed.error.rstrip('.')}); it goes to {fallback}."
    Simulation.objects.filter(pk=simulation.pk).update(problems=[*simulation.problems, problem])
    return made


def needless_spools(machine: str) -> QuerySet[Delivery]:
    """Failed deliveries that were discarded, or whose crate was delivered otherwise since."""
    delivered = Delivery.objects.filter(
        simulation=OuterRef("simulation"), sha256=OuterRef("sha256"), state=DeliveryState.ANNOUNCED
    )
    under_way = Delivery.objects.filter(again_of=OuterRef("pk"), state__in=UNDER_WAY)
    return Delivery.objects.filter(
        Q(discarded_at__isnull=False) | Exists(delivered),
        ~Exists(under_way),
        machine=machine,
        state=DeliveryState.FAILED,
        spool_released_at=None,
        lease_until=None,
    ).exclude(announced_at=None)
