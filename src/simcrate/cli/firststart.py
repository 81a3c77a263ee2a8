"""What `simcrate up` does for a portal that is new, and what it says is still missing."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from simcrate.storage import StorageDefinition

NAME = "Local storage"
STORAGE = "local"
KEEP_DAYS = 30
THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}


def prepare_portal(*, cloud_address: str, cloud_url: str, secret_path: Path) -> list[str]:
    """Define the local-cloud that runs beside the portal, where there is no storage backend at all.

    Its links must work for those who reach the portal: where that has a public address and local-cloud
    none, nothing is defined.

    Args:
        cloud_address: `host:port` where local-cloud listens.
        cloud_url: where users reach it; empty: at that address, so from this machine only.
        secret_path: made by local-cloud at its first start.

    Returns:
        what was done and what is missing, for who has started it.
    """
    from django.conf import settings

    from simcrate.portal.accounts.models import User
    from simcrate.portal.storages.models import StorageBackend

    told = []
    is_new = not StorageBackend.objects.exists()
    if is_new and (cloud_url or urlsplit(settings.ENVIRONMENT.public_url).hostname in THIS_MACHINE):
        define_local_cloud(cloud_address, secret_path, keep_days=KEEP_DAYS)
        told.append(f"defined the storage backend '{NAME}': the local-cloud on this machine")
    elif is_new:
        told.append(
            "there is no storage backend yet: say with --cloud-url where users reach local-cloud, "
            "or define one in the administration"
        )
    if not User.objects.filter(is_superuser=True, is_active=True).exists():
        told.append("there is no administrator yet: `simcrate user add --admin NAME` makes one")
    return told


def define_local_cloud(address: str, secret_path: Path, *, keep_days: int) -> None:
    """The active storage backend `local`."""
    from simcrate.portal.storages.services import create_or_update

    create_or_update(
        StorageDefinition(
            name=NAME,
            id=STORAGE,
            token=address,
            config={"secret": secret_path.read_text().strip()},
            keep_days=keep_days,
            desc="local-cloud on this machine",
            active=True,
        )
    )
