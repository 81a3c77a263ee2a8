"""Connect an app to a Dropbox account: OAuth2 with PKCE, for a refresh token.

Without a redirect, so that the command line and a portal at any address work alike: a person opens the
URL of `start_connect`, allows the app, and brings back the code that Dropbox shows.  The verifier waits in
between; whoever has only the code gets nothing.  No app secret is needed, now or later.

Source: RFC 7636, and Dropbox's OAuth guide.
"""

from __future__ import annotations

from dataclasses import dataclass

from simcrate.errors import StorageAuthError, StorageUnreachableError
from simcrate.secret import Secret
from simcrate.storage.dropboxops import load_sdk

SCOPES = (
    "account_info.read",
    "files.content.write",
    "files.metadata.read",
    "sharing.read",
    "sharing.write",
)
"""Permissions that deliveries need; the app must have them ticked in the App Console."""

DOING = "connect to Dropbox"
OFFLINE = "offline"  # with a refresh token


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRequest:
    """What a person is asked, and what is kept until they come back."""

    url: str
    """Dropbox's page to allow the app."""
    verifier: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What connecting gave."""

    refresh_token: Secret
    """For the option `refresh_token` of the definition."""
    account_id: str
    scopes: tuple[str, ...]


def start_connect(app_key: str) -> ConnectRequest:
    """Begin to connect; nothing is sent yet.

    Args:
        app_key: of the app, from Dropbox's App Console.
    """
    flow = load_sdk().DropboxOAuth2FlowNoRedirect(
        app_key, use_pkce=True, token_access_type=OFFLINE, scope=list(SCOPES)
    )
    flow.requests_session.close()
    return ConnectRequest(url=flow.start(), verifier=Secret(flow.code_verifier))


def finish_connect(app_key: str, verifier: Secret, code: str) -> Connection:
    """Turn the code that Dropbox showed into a refresh token.

    Args:
        app_key: as for `start_connect`.
        verifier: of the `ConnectRequest`.
        code: as the person pasted it; good once, for some minutes.

    Raises:
        StorageAuthError: the code is wrong, used or old, or the app lacks permissions.
        StorageUnreachableError: Dropbox does not answer.
    """
    flow = load_sdk().DropboxOAuth2FlowNoRedirect(app_key, use_pkce=True)
    flow.code_verifier = verifier.reveal()
    try:
        result = flow.finish(code.strip())
    except OSError as error:  # all of `requests`
        response = getattr(error, "response", None)
        if response is not None and 400 <= response.status_code < 500:
            message = (
                f"could not {DOING}: it does not accept the code; a code works once and for minutes"
                " only, begin again"
            )
            raise StorageAuthError(message, detail=f"HTTP {response.status_code}") from error
        message = f"could not {DOING}: there was no answer"
        raise StorageUnreachableError(message, detail=type(error).__name__) from error
    except (KeyError, ValueError) as error:
        message = f"could not {DOING}: what answered is not Dropbox; look for a proxy between"
        raise StorageUnreachableError(message, detail=type(error).__name__) from error
    finally:
        flow.requests_session.close()
    scopes = tuple((result.scope or "").split())
    if lacking := sorted(set(SCOPES) - set(scopes)):
        message = (
            f"could not {DOING}: the app lacks the permissions {', '.join(lacking)};"
            " tick them in the App Console and begin again"
        )
        raise StorageAuthError(message)
    return Connection(
        refresh_token=Secret(result.refresh_token), account_id=result.account_id, scopes=scopes
    )
