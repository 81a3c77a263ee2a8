"""How Seafile's answers are made and its requests are read."""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from tests.servers.http_double import Reply, Request

JSON_TYPE = "application/json"
JSON_UTF8 = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
FAULT_PAGE = b"<!DOCTYPE html>\n<html><head><title>Page unavailable</title></head></html>\n"


class Refusal(Exception):  # noqa: N818 - an answer
    def __init__(self, reply: Reply) -> None:
        self.reply = reply


def as_json(
    value: object,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
    content_type: str = JSON_TYPE,
) -> Reply:
    body = json.dumps(value, separators=(",", ":")).encode()
    return Reply(status, body, (("Content-Type", content_type), *headers))


def refusal(text: str, status: int, reason: str | None = None) -> Reply:
    found = as_json({"error_msg": text}, status)
    return Reply(status, found.body, found.headers, reason)


def page(text: str, status: int = 200) -> Reply:
    body = f"<!DOCTYPE html>\n<html><body><p>{text}</p></body></html>\n".encode()
    return Reply(status, body, (("Content-Type", HTML), csrf_cookie()))


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def token_of(request: Request, schemes: tuple[str, ...]) -> str | None:
    """The token in the header; None for another scheme, which counts as no header at all."""
    header = request.headers.get("authorization", "")
    words = header.split(" ")
    if words[0].lower() not in schemes:
        return None
    if len(words) == 1 or not words[1]:
        detail = "Invalid token header. No credentials provided."
        raise Refusal(as_json({"detail": detail}, 401))
    if len(words) > 2:
        detail = "Invalid token header. Token string should not contain spaces."
        raise Refusal(as_json({"detail": detail}, 401))
    return words[1]


def form_of(request: Request) -> dict[str, Any]:
    """Form, multipart or JSON, as Django REST framework reads it."""
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("application/json"):
        try:
            return dict(json.loads(request.body))
        except json.JSONDecodeError as error:
            raise Refusal(as_json({"detail": f"JSON parse error - {error}"}, 400)) from None
    if content_type.startswith("multipart/"):
        return multipart_of(request)[0] or {}
    pairs = parse_qs(request.body.decode(), keep_blank_values=True)
    return {name: values[-1] for name, values in pairs.items()}


def multipart_of(request: Request) -> tuple[dict[str, str] | None, list[tuple[str, memoryview]]]:
    """Fields, and the parts named `file` with their names; None: not multipart."""
    match = re.search(
        r"multipart/form-data; boundary=(\S+)", request.headers.get("content-type", "")
    )
    if match is None:
        return None, []
    fields: dict[str, str] = {}
    files: list[tuple[str, memoryview]] = []
    view = memoryview(request.body)
    border = b"\r\n--" + match[1].encode()
    start = len(border)  # behind the first border, which has no line end before it, and its own
    while (end := request.body.find(border, start)) >= 0:
        body_start = request.body.index(b"\r\n\r\n", start) + 4
        head, data = bytes(view[start:body_start]), view[body_start:end]
        start = end + len(border) + 2
        name = re.search(rb'name="([^"]*)"', head)
        file_name = re.search(rb'filename="([^"]*)"', head)
        assert name is not None
        if file_name is None:
            fields[name[1].decode()] = bytes(data).decode()
        elif name[1] == b"file":
            files.append((file_name[1].decode().rpartition("/")[2], data))
    return fields, files


def cookies_of(request: Request) -> dict[str, str]:
    pairs = (pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs}


def is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/json")


def csrf_cookie() -> tuple[str, str]:
    return (
        "Set-Cookie",
        f"sfcsrftoken={secrets.token_hex(16)}; Max-Age=31449600; Path=/; SameSite=Lax",
    )
