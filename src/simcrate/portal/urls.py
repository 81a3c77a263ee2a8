"""Every address of the portal."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from simcrate.portal.api.api import api
from simcrate.portal.health import health

# one login, with its rate limits
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="simulations"), name="home"),
    path("", include("simcrate.portal.simulations.urls")),
    path("", include("simcrate.portal.deliveries.urls")),
    path("", include("simcrate.portal.accounts.urls")),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("health", health, name="health"),
]
