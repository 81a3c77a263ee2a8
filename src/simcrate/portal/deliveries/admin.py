"""Deliveries in the admin, to be looked at; permalinks to be revoked."""

from __future__ import annotations

from typing import cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery, DeliveryEvent
from simcrate.portal.deliveries.permalinks import revoke
from simcrate.portal.read_only_admin import ReadOnlyAdmin


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
    ]
    list_filter = ["state", "storage", "machine"]
    search_fields = ["file_name", "id", "simulation__title"]
    exclude = ["permalink", "link", "link_url", "resume", "stored"]
    actions = ["revoke_permalinks"]

    @admin.action(description="Revoke the permalinks of these deliveries")
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
