"""How Dropbox's answers look: exactly `application/json`, and errors in an envelope."""

from __future__ import annotations

import json
import random
import secrets
from typing import Any, NoReturn

from tests.servers.http_double import Reply


class Refusal(Exception):  # noqa: N818 - an answer
    def __init__(self, reply: Reply) -> None:
        self.reply = reply


def as_json(value: object, status: int = 200) -> Reply:
    return plain(status, json.dumps(value), "application/json")


def plain(status: int, text: str, content_type: str) -> Reply:
    request_id = secrets.token_hex(16)
    headers = (("Content-Type", content_type), ("X-Dropbox-Request-Id", request_id))
    return Reply(status, text.encode(), headers)


def error_body(error: dict[str, Any]) -> dict[str, Any]:
    """The envelope: tags joined by slashes, and up to three dots so that nobody compares it."""
    dots = "." * random.randint(0, 3)
    return {"error_summary": f"{'/'.join(_tags(error))}/{dots}", "error": error}


def rate_limited(retry_after_s: int) -> Reply:
    error = {"reason": {".tag": "too_many_requests"}, "retry_after": retry_after_s}
    reply = as_json({"error_summary": "too_many_requests/..", "error": error}, 429)
    return Reply(429, reply.body, (*reply.headers, ("Retry-After", str(retry_after_s))))


def rate_limited_in_text(retry_after_s: int) -> Reply:
    reply = plain(429, "Too many requests", "text/plain; charset=utf-8")
    return Reply(429, reply.body, (*reply.headers, ("Retry-After", str(retry_after_s))))


def conflict(error: dict[str, Any]) -> NoReturn:
    """Refuse in the route's own terms."""
    raise Refusal(as_json(error_body(error), 409))


def refuse(status: int, error: dict[str, Any]) -> NoReturn:
    raise Refusal(as_json(error_body(error), status))


def _tags(error: dict[str, Any]) -> list[str]:
    tag = error.get(".tag")
    inner = error.get(str(tag)) or error.get("reason")
    return [str(tag), *(_tags(inner) if isinstance(inner, dict) else [])]
