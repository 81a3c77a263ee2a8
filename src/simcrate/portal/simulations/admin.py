"""Simulations in the admin, to be looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.views import ChangeList

from simcrate.portal.read_only_admin import ReadOnlyAdmin
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulations.queries import Overview, overviews


class StandingList(ChangeList):  # type: ignore[misc]  # untyped package
    """A page of simulations, and where they stand, in two queries for all."""

    def get_results(self, request: HttpRequest) -> None:
        """The rows of the page, each with its overview."""
        super().get_results(request)
        self.result_list: list[Simulation] = list(self.result_list)
        for seen in overviews(self.result_list):
            seen.simulation.overview = seen  # type: ignore[attr-defined]


@admin.register(Simulation)
class SimulationAdmin(ReadOnlyAdmin):
    """Everybody's, with leases and fences."""

    list_display = [
        "title",
        "state",
        "owner",
        "config",
        "goes_to",
        "created_at",
        "packed_at",
        "page",
    ]
    list_filter = ["storage", "created_at"]
    search_fields = ["title", "owner__username", "id"]
    list_select_related = ["owner", "storage"]
    exclude = ["summary"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[StandingList]:  # noqa: ANN401, ARG002 - Django's signature
        """One that knows where they stand."""
        return StandingList

    @admin.display(description="state")
    def state(self, simulation: Simulation) -> str:
        """As its page says it, with how its runs stand."""
        seen = _overview(simulation)
        return f"{seen.standing.state}: {seen.tally}"

    @admin.display(description="storage backend")
    def goes_to(self, simulation: Simulation) -> str:
        """Where its crate is, or is to be."""
        return _overview(simulation).storage.name

    @admin.display(description="its page")
    def page(self, simulation: Simulation) -> str:
        """Where it can be followed, stopped and delivered again."""
        return format_html(
            '<a href="{}">Simulation</a>', reverse("simulation", args=[simulation.pk])
        )


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """What workers do at this moment, and did."""

    list_display = [
        "__str__",
        "state",
        "percent",
        "machine",
        "lease_owner",
        "started_at",
        "reclaims",
    ]
    list_filter = ["state", "machine"]
    search_fields = ["simulation__title", "simulation__id"]
    list_select_related = ["simulation"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """Without what is large."""
        rows: QuerySet[Run] = super().get_queryset(request)
        return rows.defer("log_tail", "outcome", "simulation__summary")


def _overview(simulation: Simulation) -> Overview:
    """What `StandingList` has read with the row."""
    overview: Overview = simulation.overview  # type: ignore[attr-defined]
    return overview
