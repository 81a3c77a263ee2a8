"""Objects as JSON and as links: what every endpoint answers with."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import JSONResponse

from simcrate.localcloud.clock import http_date, rfc3339
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.digests import repr_digest
from simcrate.localcloud.objects import StoredObject


def object_url(cloud: Cloud, stored: StoredObject) -> str:
    """The public link; it holds nothing of the key but the file name."""
    return f"{cloud.public_url}/{stored.link_token}/{quote(stored.filename, safe='')}"


def inside_url(cloud: Cloud, stored: StoredObject) -> str | None:
    """The page that looks inside; None if this is no zip by its name."""
    if not stored.filename.lower().endswith(".zip"):
        return None
    return f"{cloud.public_url}/inside/{stored.link_token}/"


def describe(cloud: Cloud, stored: StoredObject) -> dict[str, object]:
    """An object for its owner; no tokens but the link's."""
    return {
        "id": stored.object_id,
        "key": stored.key,
        "filename": stored.filename,
        "url": object_url(cloud, stored),
        "inside_url": inside_url(cloud, stored),
        "size": stored.size_bytes,
        "sha256": stored.sha256,
        "media_type": stored.media_type,
        "created_at": rfc3339(stored.created_at),
        "expires_at": rfc3339(stored.expires_at),
        "held": bool(stored.held),
        "has_password": stored.password is not None,
        "max_downloads": stored.max_downloads,
    }


def delete_token(cloud: Cloud, object_id: str) -> str:
    """The token that may delete this object and nothing else."""
    return cloud.derive_token("delete", object_id)


def stored_response(cloud: Cloud, stored: StoredObject, *, created: bool) -> JSONResponse:
    """The answer to whoever brought an object."""
    content = describe(cloud, stored) | {"delete_token": delete_token(cloud, stored.object_id)}
    return JSONResponse(
        content,
        status_code=201 if created else 200,
        headers={"Location": object_url(cloud, stored), **object_headers(stored)},
    )


def object_headers(stored: StoredObject) -> dict[str, str]:
    """Headers about an object for its owner."""
    headers = {
        "ETag": stored.etag,
        "Repr-Digest": repr_digest(stored.sha256),
        "Cache-Control": "no-store",
    }
    if stored.expires_at is not None and not stored.held:
        headers["Sunset"] = http_date(stored.expires_at)
    return headers
