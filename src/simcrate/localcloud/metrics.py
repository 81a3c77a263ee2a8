"""OpenMetrics at `/metrics`, on its own address."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simcrate.localcloud.cloud import Cloud, cloud_of
from simcrate.openmetrics import CONTENT_TYPE, family, page, sample


def routes() -> list[Route]:
    """The one resource."""
    return [Route("/metrics", metrics, methods=["GET"])]


async def metrics(request: Request) -> Response:
    """Counters since the start, and gauges as of now."""
    cloud = cloud_of(request)
    gauges = await cloud.run(_gauges, cloud)
    return Response(
        page([*cloud.counters.lines(), *gauges]), headers={"Content-Type": CONTENT_TYPE}
    )


def _gauges(cloud: Cloud) -> list[str]:
    usage = cloud.ledger.row(
        "SELECT coalesce(sum(objects), 0) AS objects, coalesce(sum(size_bytes), 0) AS size FROM usage"
    )
    uploads = cloud.ledger.row("SELECT count(*) AS n FROM uploads WHERE object_id IS NULL")
    lost = cloud.blobs.lost()
    assert usage is not None
    assert uploads is not None
    values = {
        ("objects", "Objects stored.", ""): usage["objects"],
        ("stored_bytes", "Bytes of all objects.", "bytes"): usage["size"],
        ("free_bytes", "Free bytes on the disk.", "bytes"): cloud.blobs.free_bytes(),
        ("lost_bytes", "Bytes that the ledger does not know.", "bytes"): sum(lost.values()),
        ("unfinished_uploads", "Uploads that are not finished.", ""): uploads["n"],
        ("senders", "Requests that are sending just now.", ""): cloud.sessions.active,
    }
    lines: list[str] = []
    for (noun, text, unit), value in values.items():
        name = f"local_cloud_{noun}"
        lines += [*family(name, "gauge", text, unit), sample(name, value)]
    return lines
