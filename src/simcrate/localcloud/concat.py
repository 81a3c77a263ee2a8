"""tus's concatenation: parts that were uploaded side by side become one object.

A part is an upload that never becomes an object by itself.  Joining copies the parts' bytes, in order;
once the object is committed the parts are gone.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from simcrate.localcloud.blobs import READ_BYTES, hash_file
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.uploads import Upload, drop_upload, find_upload

MAX_PARTS = 1000
LOCATION = re.compile(r"(?:https?://[^/\s]+)?/files/([0-9a-f]{32})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concat:
    """What `Upload-Concat` says."""

    is_part: bool
    parts: tuple[str, ...] = ()
    """Ids of the uploads to join; empty: nothing is joined."""

    def size_bytes(self, cloud: Cloud, owner: str) -> int:
        """The size of the whole."""
        return sum(_part(cloud, part, owner).size_bytes for part in self.parts)


def parse_concat(value: str | None) -> Concat:
    """`partial`, or `final;<location> <location> …`."""
    text = (value or "").strip()
    if text in {"", "partial"}:
        return Concat(is_part=text == "partial")
    kind, _, locations = text.partition(";")
    matches = [LOCATION.fullmatch(location) for location in locations.split()]
    parts = [match[1] for match in matches if match is not None]
    if kind != "final" or not parts or len(parts) < len(matches):
        message = "Upload-Concat must be 'partial' or 'final;' with the locations of parts"
        raise Problem("bad-request", message)
    if len(parts) > MAX_PARTS or len(set(parts)) < len(parts):
        raise Problem("bad-request", f"at most {MAX_PARTS} different parts can be joined")
    return Concat(is_part=False, parts=tuple(parts))


def check_part(cloud: Cloud, part: Upload) -> None:
    """Compare a whole part with what was announced of it; drop it if it differs."""
    if part.sha256 is None:
        return
    running = cloud.sessions.take_hash(part.upload_id, part.size_bytes)
    sha256 = (running or hash_file(cloud.blobs.incoming_path(part.upload_id))).hexdigest()
    if sha256 != part.sha256:
        drop_upload(cloud, part)
        raise Problem("digest-mismatch", f"the part has SHA-256 {sha256}; send it again")


def join(cloud: Cloud, upload: Upload, part_ids: tuple[str, ...]) -> None:
    """Fill an upload with the bytes of its parts; blocks.

    Raises:
        Problem: `not-finished` for a part whose bytes are not all here.
    """
    parts = [_part(cloud, part_id, upload.owner) for part_id in part_ids]
    running = hashlib.sha256()
    try:
        with cloud.blobs.incoming_path(upload.upload_id).open("wb") as target:
            for part in parts:
                with cloud.blobs.incoming_path(part.upload_id).open("rb") as source:
                    while chunk := source.read(READ_BYTES):
                        running.update(chunk)
                        target.write(chunk)
    except OSError:
        drop_upload(cloud, upload)
        raise
    cloud.sessions.keep_hash(upload.upload_id, upload.size_bytes, running)


def drop_parts(cloud: Cloud, part_ids: tuple[str, ...]) -> None:
    """Forget parts that were joined."""
    for part_id in part_ids:
        if (part := find_upload(cloud, part_id)) is not None:
            drop_upload(cloud, part)


def _part(cloud: Cloud, part_id: str, owner: str) -> Upload:
    part = find_upload(cloud, part_id)
    if part is None or part.owner != owner or not part.is_part:
        raise Problem("not-found", f"there is no part /files/{part_id} of this credential")
    offset = cloud.blobs.offset(part_id)
    if offset != part.size_bytes:
        message = f"{offset} of {part.size_bytes} bytes of the part /files/{part_id} are here"
        raise Problem("not-finished", message)
    return part
