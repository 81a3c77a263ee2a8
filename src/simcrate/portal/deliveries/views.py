"""Permalinks, for anybody who has one; extending, delivering again and discarding, for owners."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from simcrate.errors import BadInputError, StorageError
from simcrate.portal.access import UserRequest, for_users
from simcrate.portal.deliveries.discarding import discard_crate
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.permalinks import Fate, fetched, resolve, revoke
from simcrate.portal.deliveries.services import deliver_again, extend_delivery
from simcrate.portal.rate_limit import is_too_often
from simcrate.portal.simulations.queries import visible_to

REQUESTS_PER_MINUTE = 60
GONE = {Fate.REVOKED, Fate.EXPIRED, Fate.FAILED}
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@require_safe
def permalink(request: HttpRequest, token: str) -> HttpResponse:
    """Lead to the crate, or say what became of it."""
    if is_too_often(request, "permalink", per_minute=REQUESTS_PER_MINUTE):
        response = render(request, "429.html", status=429)
        response["Retry-After"] = "60"
    else:
        response = _answer(request, token)
    for name, value in PRIVATE.items():
        response[name] = value
    return response


@require_POST
@for_users
def revoke_permalink(request: UserRequest, delivery_id: UUID) -> HttpResponse:
    """End a permalink of one's own."""
    delivery = _owned(request, delivery_id)
    revoke(delivery, by=request.user)
    messages.success(
        request, "The permalink is revoked. The storage backend's own link still works."
    )
    return redirect("simulation", delivery.simulation_id)


@require_POST
@for_users
def extend(request: UserRequest, delivery_id: UUID) -> HttpResponse:
    """Keep a crate of one's own longer."""
    delivery = _owned(request, delivery_id)
    try:
        expires_at = extend_delivery(delivery, by=request.user)
    except (BadInputError, StorageError) as error:
        messages.error(request, str(error))
    else:
        until = f"until {expires_at:%d %B %Y, %H:%M} UTC" if expires_at else "for ever"
        messages.success(request, f"The crate is kept {until}.")
    return redirect("simulation", delivery.simulation_id)


@require_POST
@for_users
def again(request: UserRequest, simulation_id: UUID) -> HttpResponse:
    """Deliver the crate of one's own simulation once more."""
    simulation = get_object_or_404(visible_to(request.user), pk=simulation_id)
    try:
        delivery = deliver_again(
            simulation, storage_id=request.POST.get("storage_id", ""), by=request.user
        )
    except BadInputError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The crate is on its way to {delivery.storage}.")
    return redirect("simulation", simulation.pk)


@require_POST
@for_users
def discard(request: UserRequest, simulation_id: UUID) -> HttpResponse:
    """Give up the crate of one's own simulation that could not be delivered."""
    simulation = get_object_or_404(visible_to(request.user), pk=simulation_id)
    try:
        discard_crate(simulation, who=request.user.get_username())
    except BadInputError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The crate is discarded, and removed from the worker soon.")
    return redirect("simulation", simulation.pk)


def _owned(request: UserRequest, delivery_id: UUID) -> Delivery:
    """Somebody else's delivery is not there."""
    owned = Delivery.objects.filter(simulation__in=visible_to(request.user))
    return get_object_or_404(owned.select_related("storage"), pk=delivery_id)


def _answer(request: HttpRequest, token: str) -> HttpResponse:
    resolved = resolve(token)
    if resolved is None:
        return render(request, "404.html", status=404)
    if resolved.fate is Fate.READY:
        if request.method == "GET":
            fetched(resolved.delivery)
        return HttpResponseRedirect(resolved.delivery.link_url)
    context = {"resolved": resolved, "delivery": resolved.delivery}
    status = 410 if resolved.fate in GONE else 404
    return render(request, "deliveries/gone.html", context, status=status)
