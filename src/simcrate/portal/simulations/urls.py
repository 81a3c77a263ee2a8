"""Addresses of simulations."""

from __future__ import annotations

from django.urls import path

from simcrate.portal.simulations import views

urlpatterns = [
    path("simulations/", views.index, name="simulations"),
    path("simulations/new/", views.new, name="simulation-new"),
    path("simulations/new/form/", views.fill_in, name="simulation-fill-in"),
    path("simulations/new/<uuid:draft_id>/", views.choose, name="simulation-choose"),
    path("simulations/new/<uuid:draft_id>/runs/", views.preview_runs, name="simulation-preview"),
    path("simulations/<uuid:simulation_id>/", views.detail, name="simulation"),
    path("simulations/<uuid:simulation_id>/live/", views.live, name="simulation-live"),
    path("simulations/<uuid:simulation_id>/log/", views.log, name="simulation-log"),
    path("simulations/<uuid:simulation_id>/cancel/", views.cancel, name="simulation-cancel"),
    path("simulations/<uuid:simulation_id>/stop/", views.stop, name="simulation-stop"),
    path("simulations/<uuid:simulation_id>/repack/", views.repack, name="simulation-repack"),
    path("simulations/<uuid:simulation_id>/again/", views.again, name="simulation-again"),
    path("simulations/<uuid:simulation_id>/runs/<int:number>/", views.run, name="simulation-run"),
    path(
        "simulations/<uuid:simulation_id>/runs/<int:number>/log/",
        views.run_log,
        name="simulation-run-log",
    ),
]
