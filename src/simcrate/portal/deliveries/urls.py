"""Addresses of deliveries."""

from __future__ import annotations

from django.urls import path

from simcrate.portal.deliveries import views

urlpatterns = [
    # a slug has exactly the characters of a token: what has others reaches no database
    path("r/<slug:token>", views.permalink, name="permalink"),
    path("deliveries/<uuid:delivery_id>/revoke/", views.revoke_permalink, name="permalink-revoke"),
    path("deliveries/<uuid:delivery_id>/extend/", views.extend, name="delivery-extend"),
    path("simulations/<uuid:simulation_id>/deliver/", views.again, name="deliver-again"),
    path("simulations/<uuid:simulation_id>/discard/", views.discard, name="discard"),
]
