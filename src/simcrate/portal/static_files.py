"""Static files, served by the portal itself from the packages that hold them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # untyped package
    """WhiteNoise with whole answers.

    Its own are iterated file objects, which Django consumes under ASGI in one piece and with a warning;
    our static files are small.
    """

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """Answer from memory."""
        found = static_file.get_response(request.method, request.META)
        answer = HttpResponse(status=found.status)
        if found.file is not None:
            with found.file:
                answer.content = found.file.read()
        for name, value in found.headers:
            answer[name] = value
        return answer
