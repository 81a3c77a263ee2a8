"""Simulations in the admin, to be looked at."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from simcrate.portal.read_only_admin import ReadOnlyAdmin
from simcrate.portal.simulations.models import Run, Simulation


@admin.register(Simulation)
class SimulationAdmin(ReadOnlyAdmin):
    """Everybody's, with leases and fences."""

    list_display = ["title", "owner", "config", "storage", "created_at", "stage", "packed_at"]
    list_filter = ["storage", "created_at"]
    search_fields = ["title", "owner__username", "id"]
    list_select_related = ["owner", "storage"]
    exclude = ["summary"]


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
