"""The same crate as a BagIt bag: the whole crate is the bag's payload, below `data/`.

The zip holds one directory, named as the zip, as RFC 8493 wants serialised bags.

Source: RFC 8493: 2.1 (elements), 2.2.2 (bag-info.txt), 2.4 (`%`-encoding in manifests), 4 (serialisation).
"""

from __future__ import annotations

import re
from pathlib import Path

from simcrate import __version__
from simcrate.crate.contents import CrateContents
from simcrate.crate.layout import MANIFEST
from simcrate.crate.manifest import format_manifest
from simcrate.crate.names import crate_name
from simcrate.crate.pack import (
    THREADS,
    PackedCrate,
    Progress,
    add_bytes,
    add_crate,
    packed_crate,
    writing_zip,
)
from simcrate.crate.provenance import Provenance

DECLARATION = "bagit.txt"
INFO = "bag-info.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
PAYLOAD = "data/"

_ESCAPE = re.compile("%(0A|0D|25)", re.IGNORECASE)


def write_bag(
    contents: CrateContents,
    provenance: Provenance,
    target: Path,
    *,
    progress: Progress | None = None,
    threads: int = THREADS,
) -> PackedCrate:
    """Pack a crate as a BagIt bag; everything else is as `pack_crate` says."""
    bag = crate_name(target.stem) + "/"
    with writing_zip(contents, target, progress=progress, threads=threads) as archive:
        added = add_crate(archive, bag + PAYLOAD, contents, provenance)
        payload = {PAYLOAD + name: digest for name, digest in added.digests.items()}
        tags = {
            DECLARATION: "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
            INFO: _info(provenance, added.size_bytes, len(payload)),
            MANIFEST: _bag_manifest(payload),
        }
        digests = {
            name: add_bytes(archive, bag + name, text.encode()) for name, text in tags.items()
        }
        add_bytes(archive, bag + TAG_MANIFEST, _bag_manifest(digests).encode())
        archive.finish()
    return packed_crate(target, archive, digests[MANIFEST], provenance)


def name_from_bag(name: str) -> str:
    """The name of a file from its form in a bag's manifest."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), name)


def _bag_manifest(digests: dict[str, str]) -> str:
    return format_manifest({name.replace("%", "%25"): one for name, one in digests.items()})


def _info(provenance: Provenance, size_bytes: int, count: int) -> str:
    fields = {
        "Bag-Software-Agent": f"SimCrate {__version__}",
        "Bagging-Date": provenance.created_at.date().isoformat(),
        "Contact-Name": provenance.submitter,
        "External-Description": provenance.description or provenance.title,
        "Payload-Oxum": f"{size_bytes}.{count}",
    }
    return "".join(f"{name}: {' '.join(text.split())}\n" for name, text in fields.items() if text)
