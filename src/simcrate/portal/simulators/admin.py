"""Simulators in the admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from simcrate.portal.simulators.models import SimulatorDefinition


@admin.register(SimulatorDefinition)
class SimulatorAdmin(ModelAdmin):  # type: ignore[misc]  # untyped package
    """Define simulators; `simcrate simulator check NAME` proves one on a worker's machine."""

    list_display = ["title", "name", "kind", "version", "active"]
    list_filter = ["kind", "active"]
    list_before_template = "admin/simulators/built_in.html"
    fieldsets = [
        (None, {"fields": ["name", "title", "version", "url", "kind", "active"]}),
        (
            "How it is started",
            {"fields": ["command", "ned_path", "libraries", "working_dir", "environment"]},
        ),
        ("What it may", {"fields": ["readable", "allowed_keys"]}),
        ("How it is followed", {"fields": ["progress", "result_dir"]}),
        ("A form instead of an ini", {"fields": ["template", "parameters"]}),
        ("Where", {"fields": ["tags"]}),
    ]
