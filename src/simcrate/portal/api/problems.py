"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from simcrate.errors import BadInputError, StorageError
from simcrate.portal.simulations.faults import Fault, SubmissionError

MEDIA_TYPE = "application/problem+json"
PUBLIC_NAMES = {
    "storage_id": "storage_backend_id",
    "fallback_id": "fallback_storage_backend_id",
}
"""Fields that the API calls by another name than the services."""

TITLES = {
    400: "Bad request",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    422: "The input cannot be used",
    502: "The storage backend did not do it",
}


def problem(status: int, detail: str, faults: tuple[Fault, ...] = ()) -> HttpResponse:
    """A problem document; `errors` has one entry for each field that is wrong."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    if faults:
        document["errors"] = [
            {"field": PUBLIC_NAMES.get(fault.field, fault.field), "detail": fault.message}
            for fault in faults
        ]
    answer = HttpResponse(json.dumps(document), status=status, content_type=MEDIA_TYPE)
    if status == 401:
        answer["WWW-Authenticate"] = f'Bearer realm="{settings.ENVIRONMENT.public_url}"'
    return answer


def describe_problems(api: NinjaAPI) -> None:
    """Make every error of the API a problem document."""

    @api.exception_handler(SubmissionError)
    def _(request: HttpRequest, error: SubmissionError) -> HttpResponse:  # noqa: ARG001
        return problem(422, str(error), error.faults)

    @api.exception_handler(BadInputError)
    def _(request: HttpRequest, error: BadInputError) -> HttpResponse:  # noqa: ARG001
        return problem(422, str(error))

    @api.exception_handler(StorageError)
    def _(request: HttpRequest, error: StorageError) -> HttpResponse:  # noqa: ARG001
        return problem(502, str(error))

    @api.exception_handler(ValidationError)
    def _(request: HttpRequest, error: ValidationError) -> HttpResponse:  # noqa: ARG001
        faults = tuple(Fault(str(e["loc"][-1]), str(e["msg"])) for e in error.errors)
        return problem(422, "; ".join(f"{f.field}: {f.message}" for f in faults), faults)

    @api.exception_handler(AuthenticationError)
    def _(request: HttpRequest, error: AuthenticationError) -> HttpResponse:  # noqa: ARG001
        return problem(401, "log in, or send a token: Authorization: Bearer sc_…")

    @api.exception_handler(Http404)
    def _(request: HttpRequest, error: Http404) -> HttpResponse:  # noqa: ARG001
        return problem(404, "there is nothing here that you may see")

    @api.exception_handler(HttpError)
    def _(request: HttpRequest, error: HttpError) -> HttpResponse:  # noqa: ARG001
        return problem(error.status_code, error.message)
