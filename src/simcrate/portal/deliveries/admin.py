"""Deliveries in the admin, to be looked at; permalinks to be revoked."""

from __future__ import annotations

from typing import cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.discarding import kept_undelivered
from simcrate.portal.deliveries.models import Delivery, DeliveryEvent
from simcrate.portal.deliveries.permalinks import revoke
from simcrate.portal.read_only_admin import ReadOnlyAdmin


class CrateFilter(admin.SimpleListFilter):
    """Which deliveries still take space on a worker, and will until somebody decides."""

    title = "crate"
    parameter_name = "crate"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """What can be chosen."""
        return [("kept", "undelivered, kept on a worker")]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        queryset: QuerySet[Delivery],
    ) -> QuerySet[Delivery]:
        """The rows of what was chosen."""
        kept = kept_undelivered()
        return queryset.filter(pk__in=kept) if self.value() == "kept" else queryset


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """The ledger.  Links and permalinks open crates to whoever has them, and are not shown."""

    list_display = [
        "file_name",
        "storage",
        "state",
        "machine",
        "attempts",
        "retry_at",
        "expires_at",
        "removed_at",
        "page",
    ]
    list_filter = ["state", CrateFilter, "storage", "machine"]
    list_select_related = ["storage"]
    search_fields = ["file_name", "id", "simulation__title"]
    exclude = ["permalink", "link", "link_url", "resume", "stored"]
    actions = ["revoke_permalinks"]

    @admin.display(description="its page")
    def page(self, delivery: Delivery) -> str:
        """Where it can be delivered again, or discarded."""
        address = reverse("simulation", args=[delivery.simulation_id])
        return format_html('<a href="{}">Simulation</a>', address)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may change deliveries; to look at them is not enough."""
        return bool(request.user.has_perm("deliveries.change_delivery"))

    @admin.action(description="Revoke the permalinks of these deliveries", permissions=["revoke"])
    def revoke_permalinks(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """End them; the links of the storage backends stay."""
        for delivery in queryset:
            revoke(delivery, by=cast("User", request.user))
        self.message_user(request, f"{len(queryset)} permalinks are revoked.")


@admin.register(DeliveryEvent)
class DeliveryEventAdmin(ReadOnlyAdmin):
    """Who did what to which delivery, and when."""

    list_display = ["at", "what", "delivery", "who", "note"]
    list_filter = ["what", "delivery__storage"]
    search_fields = ["delivery__file_name", "delivery__id", "who", "note"]
    list_select_related = ["delivery"]
