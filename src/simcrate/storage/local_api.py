"""Talk to a local-cloud server: one request, and its answer or a `StorageError`.

Source: docs/reference/local-cloud-protocol.md.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from functools import cached_property
from urllib.parse import urlsplit

import httpx

from simcrate.errors import (
    StorageAuthError,
    StorageBusyError,
    StorageError,
    StorageFullError,
    StorageIntegrityError,
    StorageNotFoundError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.secret import Secret, scrub
from simcrate.storage.address import Address
from simcrate.storage.base import JSON

CONNECT_TIMEOUT_S = 15.0
TIMEOUT = httpx.Timeout(60.0, connect=CONNECT_TIMEOUT_S)
BODY_TIMEOUT = httpx.Timeout(
    300.0,  # the last piece is answered when the whole file is on the disk
    connect=CONNECT_TIMEOUT_S,
)
PROBLEM_TYPE = "application/problem+json"
PROBLEM_CODE = re.compile(r"[a-z-]{1,40}")  # it is shown to users: nothing else may hide in it

PROBLEMS: dict[str, tuple[type[StorageError], str]] = {
    "secret-needed": (
        StorageAuthError,
        "the server wants a secret, and was given none; one was made at its first start",
    ),
    "secret-unknown": (
        StorageAuthError,
        "the server does not know this secret, or it was revoked; `local-cloud secret new` makes one",
    ),
    "not-yours": (
        StorageAuthError,
        "this credential may not do that; use one of the server's secrets",
    ),
    "grant-used": (StorageAuthError, "the grant has given an object already; ask for a new one"),
    "not-found": (StorageNotFoundError, "it is not there"),
    "expired": (StorageNotFoundError, "it has expired there"),
    "removed": (StorageNotFoundError, "it was removed there"),
    "bytes-missing": (StorageNotFoundError, "the server does not have its bytes any more"),
    "full": (StorageFullError, "the server has no space for it; free some, or raise its quota"),
    "too-large": (
        StorageRefusedError,
        "it is larger than the server takes; raise its limit per file, or choose another backend",
    ),
    "precondition-failed": (
        StorageRefusedError,
        "another file stands there, or it is on hold; it is left alone",
    ),
    "digest-mismatch": (
        StorageIntegrityError,
        "other bytes arrived than the crate has; they were dropped, send it again",
    ),
    "checksum-mismatch": (
        StorageIntegrityError,
        "other bytes arrived than were sent; they were dropped, send them again",
    ),
    "locked": (StorageBusyError, "an earlier try is still being sent; try again in a moment"),
    "wrong-offset": (StorageBusyError, "the upload stands elsewhere meanwhile; ask and go on"),
    "too-many": (StorageBusyError, "the server asks to come back later"),
    "not-ready": (StorageBusyError, "the server is not ready; try again later"),
    "too-slow": (StorageUnreachableError, "the connection was too slow and was ended; try again"),
    "internal": (StorageUnreachableError, "the server failed; its log has the reason"),
}
"""The server's problem codes, as errors of ours and what to say."""


class LocalApi:
    """One server, with the credential for it."""

    def __init__(
        self, address: Address, *, secret: Secret | None, tls: bool, ca: str | None
    ) -> None:
        self.address = address
        self._secret = secret
        self._tls = tls
        self._ca = ca

    @property
    def has_secret(self) -> bool:
        """Whether requests carry a credential."""
        return self._secret is not None

    def request(
        self,
        what: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: JSON = None,
        content: Iterator[bytes] | None = None,
    ) -> httpx.Response:
        """Send one request.

        Args:
            what: reads after "could not ", for errors.
            method: of HTTP.
            path: from the root, percent-encoded.
            headers: further ones; `bearer` makes the one for a credential in place of the secret.
            params: of the query.
            json: a JSON body.
            content: a body of other bytes, whose `Content-Length` is among the headers.

        Returns:
            an answer with a status below 300.

        Raises:
            StorageError: of the class that the server's problem code stands for.
        """
        try:
            answer = self._client.request(
                method,
                path,
                headers=headers,
                params=params,
                json=json,
                content=content,
                timeout=TIMEOUT if content is None else BODY_TIMEOUT,
            )
        except httpx.TransportError as error:
            message = f"could not {what}: {_transport_reason(error)}"
            detail = f"{method} {self.address}: {type(error).__name__}: {error}"
            raise StorageUnreachableError(message, detail=detail) from error
        if not answer.is_success:
            raise storage_error(what, answer)
        return answer

    def json(self, what: str, answer: httpx.Response, *members: str) -> dict[str, JSON]:
        """The JSON object in an answer, with at least these members.

        Raises:
            StorageUnreachableError: there is none; somebody else answers at this address.
        """
        try:
            document = answer.json()
        except ValueError:
            document = None
        if isinstance(document, dict) and document.keys() >= set(members):
            return document
        raise _stranger(what, answer)

    def header(self, what: str, answer: httpx.Response, name: str, pattern: str) -> str:
        """A header of an answer, of the form of a pattern; raises like `json`."""
        value = answer.headers.get(name, "")
        if re.fullmatch(pattern, value) is None:
            raise _stranger(what, answer)
        return str(value)

    def close(self) -> None:
        """Let go of connections."""
        if "_client" in vars(self):
            self._client.close()

    @cached_property
    def _client(self) -> httpx.Client:
        scheme = "https" if self._tls else "http"
        headers = {"User-Agent": "simcrate"}
        if self._secret is not None:
            headers |= bearer(self._secret.reveal())
        return httpx.Client(
            base_url=f"{scheme}://{self.address}",
            headers=headers,
            verify=self.trust or True,
            trust_env=False,  # a storage server on one's own network is not behind a web proxy
        )

    @cached_property
    def trust(self) -> ssl.SSLContext | None:
        """The certificates that the definition names; None without TLS.

        Raises:
            StorageRefusedError: they cannot be read.
        """
        if not self._tls:
            return None
        try:
            return ssl.create_default_context(cafile=self._ca)
        except OSError as error:  # ssl.SSLError too
            message = (
                "could not read the certificates that 'ca' in the config names; correct the path"
            )
            raise StorageRefusedError(message, detail=f"{self._ca}: {error}") from error


OBJECT = ("id", "key", "size", "sha256", "url", "expires_at")
"""What the server tells of an object, as far as it is used here."""


def bearer(credential: str) -> dict[str, str]:
    """The header that carries a credential (RFC 6750)."""
    return {"Authorization": f"Bearer {credential}"}


def link_path(url: str) -> str:
    """The path of a link on the server's own address; its public one may not be reachable from here."""
    token, file_name = urlsplit(url).path.split("/")[-2:]
    return f"/{token}/{file_name}"


def storage_error(what: str, answer: httpx.Response) -> StorageError:
    """The error that an answer stands for."""
    problem = _problem(answer)
    if problem is None:
        return _stranger(what, answer)
    code = str(problem["code"])
    detail = scrub(f"{_place(answer)}, {code}: {problem.get('detail', '')}")
    kind, reason = PROBLEMS.get(code, (StorageRefusedError, f"the server refused it ({code})"))
    message = f"could not {what}: {reason}"
    if issubclass(kind, StorageBusyError):
        return kind(message, retry_after_s=_retry_after_s(answer), detail=detail)
    return kind(message, detail=detail)


def _stranger(what: str, answer: httpx.Response) -> StorageUnreachableError:
    message = (
        f"could not {what}: something that is no local-cloud answers at the backend's address"
        f" (HTTP {answer.status_code}); check it, and what stands before the server"
    )
    return StorageUnreachableError(
        message, detail=f"{_place(answer)}: {scrub(answer.text)[:200]!r}"
    )


def _place(answer: httpx.Response) -> str:
    request = answer.request
    return f"{request.method} {request.url.copy_with(query=None)}: HTTP {answer.status_code}"


def _problem(answer: httpx.Response) -> Mapping[str, JSON] | None:
    if answer.request.method == "HEAD":
        return _problem_of_head(answer)
    if not answer.headers.get("Content-Type", "").startswith(PROBLEM_TYPE):
        return None
    try:
        problem = answer.json()
    except ValueError:
        return None
    is_ours = isinstance(problem, dict) and PROBLEM_CODE.fullmatch(str(problem.get("code")))
    return problem if is_ours else None


def _problem_of_head(answer: httpx.Response) -> Mapping[str, JSON] | None:
    """An answer to HEAD has no document; its status tells enough."""
    codes = {401: "secret-unknown", 403: "not-yours", 404: "not-found", 410: "expired"}
    codes |= {423: "locked", 429: "too-many", 500: "internal", 503: "not-ready"}
    code = codes.get(answer.status_code)
    return None if code is None else {"code": code}


def _retry_after_s(answer: httpx.Response) -> float:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0


def _transport_reason(error: httpx.TransportError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                "the server's certificate is not trusted; name its authority as 'ca' in the config"
            )
        if isinstance(cause, ssl.SSLError):
            return "the server does not speak TLS as we do; check 'tls' in the config and the port"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return "the server did not answer in time; try again, and check the network if it stays so"
    if isinstance(error, httpx.ConnectError):
        return "nobody answers at the backend's address; check it, and that the server runs"
    return "the connection broke; try again"
