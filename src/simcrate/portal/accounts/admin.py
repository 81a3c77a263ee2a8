"""Users in the admin, with their mail addresses; what this portal does not use is not shown."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from simcrate.portal.accounts.models import User

admin.site.unregister(Group)
admin.site.unregister(EmailAddress)  # shown with its user


class EmailAddressInline(TabularInline):  # type: ignore[misc]  # untyped package
    """Ticking *verified* is the administrator's word for it that the address is the user's."""

    model = EmailAddress
    extra = 0
    tab = True


class CreationForm(UserCreationForm):  # type: ignore[misc]  # untyped package
    """A user of ours."""

    class Meta(UserCreationForm.Meta):  # type: ignore[misc]  # untyped package
        model = User


class ChangeForm(UserChangeForm):  # type: ignore[misc]  # untyped package
    """A user of ours."""

    class Meta(UserChangeForm.Meta):  # type: ignore[misc]  # untyped package
        model = User


@admin.register(User)
class OurUserAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # untyped package
    """Make users, close accounts, confirm addresses."""

    form = ChangeForm
    add_form = CreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = [EmailAddressInline]
    list_display = ["username", "email", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    readonly_fields = ["last_login", "date_joined"]
    filter_horizontal = ["groups"]
