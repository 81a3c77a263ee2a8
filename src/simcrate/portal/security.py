"""What every answer says about itself to a browser, and what every page may know."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from simcrate.secret import ScrubbingFormatter

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
ADMIN_POLICY = (
    # the admin's theme evaluates expressions in attributes (Alpine.js) and styles elements inline
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

_PERMALINK = re.compile(r"/r/[\w-]+")

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class SecurityHeadersMiddleware:
    """Content security policy for all pages; pages of people who are logged in stay out of caches."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Set the headers that an answer does not set itself."""
        response = self.get_response(request)
        in_admin = request.path.startswith("/admin/")
        response.headers.setdefault(
            "Content-Security-Policy", ADMIN_POLICY if in_admin else PAGE_POLICY
        )
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class PortalFormatter(ScrubbingFormatter):
    """Keeps permalinks out of logs, too: whoever has one may fetch the crate."""

    def format(self, record: logging.LogRecord) -> str:
        """The finished line, with permalinks shortened."""
        return _PERMALINK.sub("/r/…", super().format(record))


def page_facts(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001 - Django's signature
    """What the frame of every page says."""
    return {
        "mail_is_sent": settings.MAIL_SERVER is not None,
        "registration_is_open": settings.ENVIRONMENT.registration == "open",
    }
