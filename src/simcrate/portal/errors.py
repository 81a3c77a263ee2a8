"""Error pages: what happened, and what can be done."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def forbidden_form(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """A form that did not come from one of our pages, or from one that is too old."""
    return render(request, "403_csrf.html", status=403)
