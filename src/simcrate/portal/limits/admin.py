"""Groups and their limits in the admin."""

from __future__ import annotations

from dataclasses import fields

from django.contrib import admin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin, StackedInline

from simcrate.portal.limits.models import GroupLimits
from simcrate.portal.limits.queries import UserLimits

WHAT_0_IS = "<p class='pt-3 px-3'>0 means unlimited. Who is in several groups has the widest of each limit.</p>"


class GroupLimitsInline(StackedInline):  # type: ignore[misc]  # untyped package
    """Beside the group that they are of."""

    model = GroupLimits
    extra = 1
    max_num = 1
    fieldsets = [
        (None, {"fields": [field.name for field in fields(UserLimits)], "description": WHAT_0_IS})
    ]


@admin.register(Group)
class GroupAdmin(ModelAdmin):  # type: ignore[misc]  # untyped package
    """A group is a set of limits here; rights are the user's own."""

    fields = ["name"]
    inlines = [GroupLimitsInline]
    list_display = ["name"]
