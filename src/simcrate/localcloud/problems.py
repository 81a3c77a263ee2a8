"""Every refusal as one RFC 9457 problem document.

`PROBLEMS` is the whole list: code, HTTP status, title.  The codes are part of the protocol
(`docs/reference/local-cloud-protocol.md`, held equal by a test) and never change their meaning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from simcrate.errors import SimCrateError

PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request cannot be understood"),
    "bad-name": (400, "The name cannot be used"),
    "bad-digest": (400, "The digest header cannot be understood"),
    "bad-expiry": (400, "The expiry cannot be understood"),
    "secret-needed": (401, "A secret is needed"),
    "secret-unknown": (401, "The secret is not known here"),
    "password-needed": (401, "This link has a password"),
    "not-yours": (403, "The credential does not allow this"),
    "not-found": (404, "There is nothing here"),
    "not-stored": (404, "These bytes are not stored yet"),
    "method-not-allowed": (405, "This resource does not do that"),
    "too-slow": (408, "The upload was too slow"),
    "grant-used": (409, "The grant was used for something else"),
    "wrong-offset": (409, "The upload stands at another offset"),
    "not-finished": (409, "The upload is not finished"),
    "expired": (410, "This has expired"),
    "removed": (410, "This was removed"),
    "downloads-used": (410, "All downloads of this link are used"),
    "bytes-missing": (410, "The server does not have the bytes any more"),
    "length-needed": (411, "The length must be announced"),
    "precondition-failed": (412, "The precondition does not hold"),
    "tus-version": (412, "This version of tus is not spoken here"),
    "too-large": (413, "This is larger than allowed"),
    "media-type": (415, "This kind of content is not taken here"),
    "range": (416, "The range is not within the content"),
    "digest-mismatch": (422, "The bytes are not those that were announced"),
    "not-readable": (422, "This cannot be looked into"),
    "locked": (423, "Another client is sending this upload"),
    "too-many": (429, "Too many requests"),
    "headers-too-large": (431, "The request's headers are too large"),
    "checksum-mismatch": (460, "The checksum of this part differs"),
    "internal": (500, "The server failed"),
    "not-ready": (503, "The server is not ready"),
    "full": (507, "There is not enough space"),
}


class Problem(SimCrateError):  # noqa: N818 - the word of RFC 9457
    """A request is refused.

    Args:
        code: a key of `PROBLEMS`.
        detail: what was tried, on what, what came back, what to do.
        headers: further response headers.
        members: further members of the document.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = code
        self.status, self.title = PROBLEMS[code]
        self.headers = dict(headers or {})
        self.members = dict(members or {})

    def response(self) -> Response:
        """The answer to send."""
        return Response(
            self.document(),
            status_code=self.status,
            media_type="application/problem+json",
            headers={"Cache-Control": "no-store", **self.headers},
        )

    def document(self) -> bytes:
        """The problem document, JSON in UTF-8."""
        content = {
            "type": f"urn:simcrate:local-cloud:{self.problem}",
            "title": self.title,
            "status": self.status,
            "detail": str(self),
            "code": self.problem,
            **self.members,
        }
        return json.dumps(content).encode()
