"""What is in a crate, without unpacking it: files, provenance, headline numbers."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcrate.crate.bag import DECLARATION, PAYLOAD
from simcrate.crate.layout import RUN, STATISTICS
from simcrate.crate.reading import open_crate
from simcrate.crate.zipreader import ZipFault, archive_of
from simcrate.errors import BadInputError

LARGEST_RECORD_BYTES = 64 << 20

_UNREADABLE = (
    KeyError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,  # zipfile's word for encrypted members
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file of a crate, as the zip lists it."""

    name: str
    size_bytes: int
    packed_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a crate says of itself; nothing of it was verified."""

    crate: str
    size_bytes: int
    files: tuple[Listed, ...]
    run_record: Mapping[str, Any]
    """Content of `run.json`; empty where it cannot be read."""

    statistics: tuple[Mapping[str, Any], ...]
    """The rows of `statistics.json`, as docs/reference/statistics.md describes them; empty without it."""


def inspect_crate(where: Path | str) -> Inspection:
    """List a crate and read its records.

    Args:
        where: a file, or an http or https URL.

    Raises:
        BadInputError: there is none, or it is no zip.
        CrateError: it cannot be read.
    """
    with open_crate(where) as source:
        try:
            with archive_of(source) as archive:
                files = [info for info in archive.infolist() if not info.is_dir()]
                root = _root([info.filename for info in files])
                record = _read_json(archive, root + RUN)
                rows = _read_json(archive, root + STATISTICS).get("rows")
        except ZipFault as error:
            message = f"could not inspect {source.name!r}: {error}"
            raise BadInputError(message) from error
        return Inspection(
            crate=source.name,
            size_bytes=source.size_bytes,
            files=tuple(
                Listed(
                    name=info.filename, size_bytes=info.file_size, packed_bytes=info.compress_size
                )
                for info in files
            ),
            run_record=record,
            statistics=tuple(_objects(rows)),
        )


def _objects(value: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _root(names: list[str]) -> str:
    declarations = [name for name in names if name.split("/", 1)[1:] == [DECLARATION]]
    return declarations[0].removesuffix(DECLARATION) + PAYLOAD if declarations else ""


def _read_json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """A record of the crate; empty where it is missing, too large or no JSON object."""
    try:
        if archive.getinfo(name).file_size > LARGEST_RECORD_BYTES:
            return {}
        value = json.loads(archive.read(name))
    except _UNREADABLE:
        return {}
    return value if isinstance(value, dict) else {}
