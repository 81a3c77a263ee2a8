"""What is written of workers beside what they show themselves."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models.functions import Now

from simcrate.portal.queue.sightings import Sightings
from simcrate.portal.workers.models import Worker
from simcrate.portal.workers.queries import ALIVE

SHOWN_FOR = timedelta(days=1)


def forget_gone_workers(gone: Sightings[tuple[str, datetime]]) -> None:
    """Those that were last seen more than a day ago; who is alive keeps what it was asked to do."""
    # seen by a clock that was ahead, they would count as seen lately for as long as it was
    Worker.objects.filter(seen_at__gt=Now() + ALIVE).update(seen_at=Now())
    unseen = Worker.objects.filter(seen_at__lt=Now() - SHOWN_FOR)
    lasting = gone.lasting(unseen.values_list("owner", "seen_at"))
    unseen.filter(owner__in={owner for owner, _ in lasting}).delete()
