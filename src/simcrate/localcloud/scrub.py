"""Read every object's bytes again and compare them with the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simcrate.localcloud.blobs import hash_file
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.objects import StoredObject, find_object, list_objects
from simcrate.localcloud.uploads import find_upload


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of one object or blob."""

    name: str
    size_bytes: int
    fault: str = ""
    """Empty: it is as it was stored."""


def scrub(cloud: Cloud) -> Iterator[Verdict]:
    """One verdict per living object, then one per blob that nobody refers to or that was set aside."""
    referred = set()
    for stored in every_object(cloud):
        referred.add(stored.blob)
        fault = _fault(cloud, stored)
        current = find_object(cloud.ledger, stored.object_id)
        if current is not None and current.removed_at is None:
            yield Verdict(name=stored.object_id, size_bytes=stored.size_bytes, fault=fault)
    for blob in cloud.blobs.blobs():
        if blob not in referred and not _is_wanted(cloud, blob):
            size_bytes = cloud.blobs.blob_path(blob).stat().st_size
            yield Verdict(name=blob, size_bytes=size_bytes, fault="nobody refers to this blob")
    for blob, size_bytes in cloud.blobs.lost().items():
        yield Verdict(name=blob, size_bytes=size_bytes, fault="the ledger does not know this blob")


def every_object(cloud: Cloud) -> Iterator[StoredObject]:
    """All living objects of all owners."""
    after = ""
    while page := list_objects(cloud.ledger, owner=None, after=after):
        yield from page
        after = page[-1].object_id


def _fault(cloud: Cloud, stored: StoredObject) -> str:
    path = cloud.blobs.blob_path(stored.blob)
    if not path.exists():
        return "its bytes are missing"
    if (size_bytes := path.stat().st_size) != stored.size_bytes:
        return f"it has {size_bytes} bytes instead of {stored.size_bytes}"
    if (sha256 := hash_file(path).hexdigest()) != stored.sha256:
        return f"its bytes have SHA-256 {sha256} instead of {stored.sha256}"
    return ""


def _is_wanted(cloud: Cloud, blob: str) -> bool:
    """Whether a blob belongs to an upload that is being committed, or to an object that is new."""
    sql = "SELECT 1 FROM objects WHERE blob = ? AND removed_at IS NULL"
    return find_upload(cloud, blob) is not None or cloud.ledger.row(sql, [blob]) is not None
