"""Calls of Dropbox's SDK, with every way that they fail turned into errors of ours.

The SDK comes in as an argument, so that it is imported in one module only.  It does not retry here:
patience is the caller's.  An answer that depends on what was asked (HTTP 409) is a `Conflict`, which callers
look into; everything else is a `StorageError` at once.

Source: the API's published specification, and SDK 12.2.4's behaviour as measured.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

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
from simcrate.secret import scrub

CONNECT_AGAIN = "connect it again (simcrate storage connect dropbox)"

TAGS: dict[str, tuple[type[StorageError], str]] = {
    "insufficient_space": (StorageFullError, "Dropbox has no space left; free some there"),
    "too_many_write_operations": (StorageBusyError, "Dropbox is busy with other writes"),
    "not_found": (StorageNotFoundError, "Dropbox does not have it"),
    "conflict": (StorageRefusedError, "something else stands in its place in Dropbox; look there"),
    "content_hash_mismatch": (StorageIntegrityError, "the bytes changed on the way"),
    "payload_too_large": (StorageRefusedError, "Dropbox takes no requests of this size"),
    "too_large": (StorageRefusedError, "Dropbox takes no files of this size"),
    "malformed_path": (StorageRefusedError, "Dropbox cannot store this name; rename it"),
    "disallowed_name": (StorageRefusedError, "Dropbox does not allow this name; rename it"),
    "no_write_permission": (StorageRefusedError, "the account may not write into this folder"),
    "email_not_verified": (StorageRefusedError, "the account's e-mail address is not verified"),
    "access_denied": (StorageRefusedError, "the account may not share this"),
    "banned_member": (StorageRefusedError, "Dropbox banned the account from sharing"),
    "not_authorized": (StorageRefusedError, "the account's plan does not allow it"),
    "invalid_settings": (StorageRefusedError, "Dropbox refuses these settings of a link"),
    "too_many_files": (StorageRefusedError, "there are too many files for one call"),
}
"""The last tag of an error → what it means; the published names."""

AUTH_TAGS = {
    "expired_access_token": f"the access token has expired; {CONNECT_AGAIN}",
    "invalid_access_token": f"the token is wrong, or the app was disconnected; {CONNECT_AGAIN}",
    "user_suspended": "the Dropbox account is suspended; ask its team's administrator",
    "route_access_denied": "the app may not call this; look at its permissions in the App Console",
}


class Conflict(Exception):  # noqa: N818 - an answer that callers look into
    """A call was refused for a reason in the route's own terms.

    `tags` are the tags of the error's unions from outside in, such as `("path", "conflict", "file")`.
    """

    def __init__(self, error: Any, request_id: str | None) -> None:  # noqa: ANN401 - an SDK union
        self.tags = _tags_of(error)
        super().__init__("/".join(self.tags))
        self.error = error
        self.request_id = request_id

    def has(self, *tags: str) -> bool:
        """Whether one of the tags is among the error's."""
        return not set(tags).isdisjoint(self.tags)

    @property
    def correct_offset(self) -> int | None:
        """Where Dropbox wants an upload session to go on, if it says so."""
        error = self.error
        while error is not None:
            if (offset := getattr(error, "correct_offset", None)) is not None:
                return int(offset)
            error = getattr(error, "_value", None)
        return None

    def as_error(self, doing: str) -> StorageError:
        """The error of ours that it means."""
        known = [TAGS[tag] for tag in self.tags if tag in TAGS]
        kind, came_back = known[-1] if known else (StorageRefusedError, "Dropbox refuses it")
        detail = f"{'/'.join(self.tags)}, request {self.request_id}"
        return kind(f"could not {doing}: {came_back}", detail=detail)


class DropboxApi:
    """One connected client."""

    def __init__(self, sdk: ModuleType, client: Any) -> None:  # noqa: ANN401 - the SDK has no types
        self.sdk = sdk
        self._client = client

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def call(self, doing: str, method: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Call a method of the client.

        Args:
            doing: what is tried; reads after "could not ".
            method: such as `files_get_metadata`.
            *args: as the SDK documents them.
            **kwargs: as the SDK documents them.

        Raises:
            Conflict: refused in the route's own terms.
            StorageError: everything else.
        """
        return translated(self.sdk, doing, getattr(self._client, method), *args, **kwargs)

    def must(self, doing: str, method: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Like `call`, for where no refusal is expected: a `Conflict` is an error of ours."""
        try:
            return self.call(doing, method, *args, **kwargs)
        except Conflict as conflict:
            raise conflict.as_error(doing) from conflict


def translated(sdk: ModuleType, doing: str, function: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
    """Call the SDK; see `DropboxApi.call`.

    The SDK's exceptions hold answers and requests: they go on as a cause, their texts do not.
    """
    errors = sdk.exceptions
    try:
        return function(*args, **kwargs)
    except errors.ApiError as error:
        raise Conflict(error.error, error.request_id) from error
    except errors.DropboxException as error:
        raise _http_error(errors, error, doing) from error
    except sdk.stone_validators.ValidationError as error:
        message = f"could not {doing}: Dropbox refuses it for a reason that its SDK does not know"
        raise StorageRefusedError(message, detail=type(error).__name__) from error
    except OSError as error:  # all of `requests`: no connection, reset, timeout, TLS, no JSON
        message = (
            f"could not {doing}: there was no answer from Dropbox; if this lasts, check the network"
        )
        raise StorageUnreachableError(message, detail=type(error).__name__) from error
    except (AssertionError, ValueError, KeyError, TypeError) as error:  # how the SDK reads nonsense
        message = f"could not {doing}: what answered is not Dropbox; look for a proxy between"
        raise StorageUnreachableError(message, detail=type(error).__name__) from error


def _http_error(errors: ModuleType, error: Any, doing: str) -> StorageError:  # noqa: ANN401
    detail = f"{type(error).__name__}, request {error.request_id}"
    if isinstance(error, errors.RateLimitError):
        wait_s = 5.0 if error.backoff is None else float(error.backoff)
        message = f"could not {doing}: Dropbox asks to come back later"
        return StorageBusyError(message, retry_after_s=wait_s, detail=detail)
    if isinstance(error, errors.AuthError):
        return StorageAuthError(f"could not {doing}: {_auth_reason(error)}", detail=detail)
    if isinstance(error, errors.BadInputError):
        return _bad_input(error, doing, detail)
    if isinstance(error, errors.PathRootError):
        message = f"could not {doing}: the team's space moved or is not the account's any more"
        return StorageRefusedError(f"{message}; check 'team_space'", detail=detail)
    status = getattr(error, "status_code", "?")
    message = f"could not {doing}: Dropbox has a fault (HTTP {status})"
    return StorageUnreachableError(message, detail=detail)


def _auth_reason(error: Any) -> str:  # noqa: ANN401
    tags = _tags_of(error.error)
    if tags[:1] == ("missing_scope",):
        scope = getattr(error.error.get_missing_scope(), "required_scope", "one")
        return f"the app lacks the permission '{scope}'; tick it in the App Console, then {CONNECT_AGAIN}"
    return next(
        (AUTH_TAGS[tag] for tag in tags if tag in AUTH_TAGS), AUTH_TAGS["invalid_access_token"]
    )


def _bad_input(error: Any, doing: str, detail: str) -> StorageError:  # noqa: ANN401
    """HTTP 400: a token that cannot be one, wrong app credentials, or a call that we made wrongly."""
    if any(
        words in error.message
        for words in ("token", "client_id", "client_secret", "invalid_client")
    ):
        message = f"could not {doing}: Dropbox does not accept the app's credentials"
        return StorageAuthError(
            f"{message}; check app_key and app_secret, or {CONNECT_AGAIN}", detail=detail
        )
    message = f"could not {doing}: Dropbox does not understand the request; report this"
    return StorageRefusedError(message, detail=f"{detail}: {scrub(error.message)[:200]}")


def _tags_of(error: Any) -> tuple[str, ...]:  # noqa: ANN401
    tags: list[str] = []
    while (tag := getattr(error, "_tag", None)) is not None:
        tags.append(str(tag))
        value = getattr(error, "_value", None)
        error = getattr(value, "reason", value)  # `files/upload` has a record between
    return tuple(tags)
