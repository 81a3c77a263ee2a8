"""*Storage backends* in the admin: the seven fields, and the doctor."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from simcrate.portal.storages.doctor import Diagnosis, examine
from simcrate.portal.storages.forms import StorageBackendForm
from simcrate.portal.storages.models import StorageBackend


@admin.register(StorageBackend)
class StorageBackendAdmin(ModelAdmin):  # type: ignore[misc]  # untyped package
    """Definitions; only what a form may show is ever sent to a browser."""

    form = StorageBackendForm
    fields = ["name", "identifier", "token", "config", "keep_days", "desc", "active"]
    list_display = ["name", "identifier", "keep_days", "active", "check_link"]
    list_filter = ["active"]
    search_fields = ["name", "identifier", "desc"]
    actions = ["check_selected"]

    @admin.display(description="doctor")
    def check_link(self, backend: StorageBackend) -> str:
        """The way to the doctor."""
        url = reverse("admin:storages_storagebackend_check", args=[backend.pk])
        return format_html('<a href="{}">Check…</a>', url)

    def get_urls(self) -> list[URLPattern]:
        """The admin's own pages and the doctor's."""
        check = path(
            "<int:pk>/check/",
            self.admin_site.admin_view(self.check_page),
            name="storages_storagebackend_check",
        )
        return [check, *super().get_urls()]

    def has_delete_permission(
        self, request: HttpRequest, obj: StorageBackend | None = None
    ) -> bool:
        """One that was used stays: what was delivered there must be found and removed again."""
        was_used = obj is not None and (obj.simulations.exists() or obj.deliveries.exists())
        return bool(super().has_delete_permission(request, obj)) and not was_used

    def save_model(
        self,
        request: HttpRequest,
        obj: StorageBackend,
        form: ModelForm[StorageBackend],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Save, and say why it could not be made active."""
        super().save_model(request, obj, form, change)
        reasons = getattr(form, "obstacles", ())
        if reasons:
            text = f"Saved, but not made active: {'; '.join(reasons)}."
            self.message_user(request, text, messages.WARNING)

    def check_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask first: the doctor writes, links and deletes a small file there."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        backend = get_object_or_404(StorageBackend, pk=pk)
        diagnoses = [examine(backend)] if request.method == "POST" else []
        return self._doctor(request, [backend], diagnoses)

    @admin.action(
        description="Check: write, link, fetch and delete a small file", permissions=["change"]
    )
    def check_selected(
        self, request: HttpRequest, queryset: QuerySet[StorageBackend]
    ) -> HttpResponse:
        """The doctor, for several definitions."""
        return self._doctor(request, list(queryset), [examine(backend) for backend in queryset])

    def _doctor(
        self, request: HttpRequest, backends: list[StorageBackend], diagnoses: list[Diagnosis]
    ) -> HttpResponse:
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Check " + ", ".join(backend.name for backend in backends),
            "opts": self.opts,
            "backends": backends,
            "diagnoses": diagnoses,
        }
        return TemplateResponse(request, "admin/storages/check.html", context)
