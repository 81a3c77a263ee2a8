"""*Storage backends* in the admin: the seven fields, and the doctor."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from unfold.admin import ModelAdmin

from simcrate.errors import BadInputError, StorageError
from simcrate.portal.storages.connecting import begin, can_connect, finish
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

    @admin.display(description="try it")
    def check_link(self, backend: StorageBackend) -> str:
        """The ways to the doctor and to the provider's consent."""
        links = [("Check…", "admin:storages_storagebackend_check")]
        if can_connect(backend):
            links.append(("Connect…", "admin:storages_storagebackend_connect"))
        return format_html_join(
            " ",
            '<a href="{}">{}</a>',
            ((reverse(to, args=[backend.pk]), text) for text, to in links),
        )

    def get_urls(self) -> list[URLPattern]:
        """The admin's own pages and the doctor's."""
        check = path(
            "<int:pk>/check/",
            self.admin_site.admin_view(self.check_page),
            name="storages_storagebackend_check",
        )
        connect = path(
            "<int:pk>/connect/",
            self.admin_site.admin_view(self.connect_page),
            name="storages_storagebackend_connect",
        )
        return [check, connect, *super().get_urls()]

    def has_delete_permission(
        self, request: HttpRequest, obj: StorageBackend | None = None
    ) -> bool:
        """One that was used stays: what was delivered there must be found and removed again."""
        was_used = obj is not None and (
            obj.simulations.exists() or obj.fallback_of.exists() or obj.deliveries.exists()
        )
        return bool(super().has_delete_permission(request, obj)) and not was_used

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,  # noqa: ANN401 - Django's signature
        **kwargs: Any,  # noqa: ANN401 - Django's signature
    ) -> HttpResponse:
        """The form, and why it does not show what is stored."""
        if lost := context["adminform"].form.lost:
            self.message_user(request, lost, messages.ERROR)
        page: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return page

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

    def connect_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The provider's consent page, and the field for the code that it shows."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        backend = get_object_or_404(StorageBackend, pk=pk)
        context = {**self._page(request, f"Connect {backend.name}"), "backend": backend}
        try:
            if request.method == "POST":
                account = finish(request, backend, request.POST.get("code", ""))
                text = f"{backend.name} is connected to the account {account}."
                self.message_user(
                    request, text + ("" if backend.active else " Make it active now.")
                )
                return redirect("admin:storages_storagebackend_changelist")
        except (BadInputError, StorageError) as error:
            context["error"] = str(error)
        try:
            context["url"] = begin(request, backend)
        except BadInputError as error:
            context["error"] = str(error)
        return TemplateResponse(request, "admin/storages/connect.html", context)

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
        title = "Check " + ", ".join(backend.name for backend in backends)
        context = {**self._page(request, title), "backends": backends, "diagnoses": diagnoses}
        return TemplateResponse(request, "admin/storages/check.html", context)

    def _page(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
