"""What may be wrong with a configuration, found at start and not by the first user."""

from __future__ import annotations

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name

from simcrate.portal.storages.encrypted import KEY_FILE


@register(Tags.security)
def secrets_are_made_and_private(**_: object) -> list[CheckMessage]:
    """The field keys exist and nobody else reads them."""
    secrets_dir = settings.VAR_DIR / "secrets"
    if not (secrets_dir / KEY_FILE).exists():
        return [
            Error(
                f"there are no keys for stored credentials ({KEY_FILE} in var/secrets)",
                hint="start with `simcrate up` or `simcrate web`: they make the secrets",
                id="simcrate.E001",
            )
        ]
    if secrets_dir.stat().st_mode & 0o077:
        return [
            Warning(
                "others on this machine can read var/secrets",
                hint="chmod 700 var/secrets",
                id="simcrate.W001",
            )
        ]
    return []


@register(Tags.security)
def debug_pages_stay_at_home(**_: object) -> list[CheckMessage]:
    """Debug pages show source and settings."""
    if settings.DEBUG and not settings.ENVIRONMENT.public_url.startswith("http://127.0.0.1"):
        return [
            Error(
                "SIMCRATE_DEBUG=1 on a portal that others reach",
                hint="unset SIMCRATE_DEBUG, or SIMCRATE_PUBLIC_URL",
                id="simcrate.E002",
            )
        ]
    return []


@register(Tags.security)
def the_sandbox_is_on(**_: object) -> list[CheckMessage]:
    """`SIMCRATE_SANDBOX=none` is allowed, and said."""
    if settings.ENVIRONMENT.sandbox == "none":
        return [
            Warning(
                "simulators run without a sandbox (SIMCRATE_SANDBOX=none)",
                hint="install bubblewrap and unset it; until then only the allow-list and limits defend",
                id="simcrate.W002",
            )
        ]
    return []


@register(Tags.security)
def strangers_come_by_mail(**_: object) -> list[CheckMessage]:
    """Open registration confirms addresses, and that needs a mail server."""
    if settings.ENVIRONMENT.registration == "open" and settings.MAIL_SERVER is None:
        return [
            Warning(
                "registration is open, but mail only lands in var/outbox",
                hint="set SIMCRATE_SMTP_URL, or SIMCRATE_REGISTRATION=closed",
                id="simcrate.W003",
            )
        ]
    return []


@register(Tags.security)
def passwords_do_not_travel_in_clear(**_: object) -> list[CheckMessage]:
    """Plain HTTP is for one's own machine."""
    url = settings.ENVIRONMENT.public_url
    if url.startswith("http://") and not url.startswith(("http://127.", "http://localhost")):
        return [
            Warning(
                f"users reach the portal over plain HTTP ({url})",
                hint="put a server with TLS in front and set SIMCRATE_PUBLIC_URL=https://…",
                id="simcrate.W004",
            )
        ]
    return []
