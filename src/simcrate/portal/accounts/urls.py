"""Addresses of accounts: allauth's and ours."""

from __future__ import annotations

from django.urls import include, path

from simcrate.portal.accounts import views

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/tokens/<int:token_id>/revoke/", views.revoke_token, name="token-revoke"),
    path("accounts/", include("allauth.account.urls")),
]
