"""Check a crate's own records against what it holds: manifests, RO-Crate metadata, `run.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from simcrate.crate.faults import Fault, FaultKind
from simcrate.crate.layout import MANIFEST, METADATA, RUN
from simcrate.crate.manifest import parse_manifest
from simcrate.crate.members import Unpacked
from simcrate.crate.provenance import RUN_SCHEMA

REQUIRED = (MANIFEST, METADATA, RUN)

_NONSENSE = (ValueError, KeyError, TypeError, RecursionError)  # what JSON of another shape raises


def manifest_faults(
    name: str,
    text: str,
    unpacked: Mapping[str, Unpacked],
    present: Collection[str],
    rename: Callable[[str], str],
) -> tuple[list[Fault], set[str]]:
    """Where a manifest and the zip disagree, and the names that it lists.

    Args:
        name: the manifest's own name in the zip.
        text: its text.
        unpacked: the members that could be unpacked.
        present: the names of all members.
        rename: from a name in the manifest to the name in the zip.
    """
    digests, faulty_lines = parse_manifest(text)
    faults = [
        Fault(kind=FaultKind.METADATA, name=name, text=f"line {number} is not of the format")
        for number in faulty_lines
    ]
    listed = {rename(key): digest for key, digest in digests.items()}
    for member, digest in listed.items():
        if member not in present:
            text = f"{name} lists it, the zip does not hold it"
            faults.append(Fault(kind=FaultKind.MISSING, name=member, text=text, expected=digest))
        elif member in unpacked and unpacked[member].sha256 != digest:
            faults.append(
                Fault(
                    kind=FaultKind.CHANGED,
                    name=member,
                    text=f"its SHA-256 is not the one in {name}",
                    expected=digest,
                    found=unpacked[member].sha256,
                )
            )
    return faults, set(listed)


def metadata_faults(text: str, root: str, sizes: Mapping[str, int]) -> list[Fault]:
    """Where `ro-crate-metadata.json` and the zip disagree.

    Args:
        text: its text.
        root: prefix of the crate's root in the zip.
        sizes: bytes of all members by name in the zip.
    """
    name = root + METADATA
    try:
        entities = {str(entity["@id"]): entity for entity in json.loads(text)["@graph"]}
        described = dict(entities[entities[METADATA]["about"]["@id"]])
        types = {identifier: _types(entity) for identifier, entity in entities.items()}
    except _NONSENSE as error:
        why = f"it is no RO-Crate metadata: {type(error).__name__}: {error}"
        return [Fault(kind=FaultKind.METADATA, name=name, text=why)]
    faults = [
        Fault(kind=FaultKind.METADATA, name=name, text=f"the crate itself has no {wanted!r}")
        for wanted in ("name", "description", "datePublished", "license")
        if wanted not in described
    ]
    for identifier, entity in entities.items():
        if "File" in types[identifier] and _is_path(identifier):
            faults += _file_faults(name, root + unquote(identifier), entity, sizes)
    return faults


def run_record(text: str, name: str) -> tuple[Mapping[str, Any], list[Fault]]:
    """The content of `run.json`, and what is wrong with it."""
    try:
        record = json.loads(text)
        schema = record["schema"]
    except _NONSENSE as error:
        why = f"it is no record of runs: {type(error).__name__}: {error}"
        return {}, [Fault(kind=FaultKind.METADATA, name=name, text=why)]
    if schema != RUN_SCHEMA:
        why = "this version of SimCrate does not know its schema"
        fault = Fault(
            kind=FaultKind.METADATA,
            name=name,
            text=why,
            expected=str(RUN_SCHEMA),
            found=str(schema),
        )
        return record, [fault]
    return record, []


def missing_records(root: str, present: Collection[str]) -> Iterator[Fault]:
    """The records that every crate has and this one has not."""
    for record in REQUIRED:
        if root + record not in present:
            text = "every crate has this record"
            yield Fault(kind=FaultKind.MISSING, name=root + record, text=text)


def _file_faults(
    metadata: str, member: str, entity: Mapping[str, Any], sizes: Mapping[str, int]
) -> list[Fault]:
    if member not in sizes:
        text = f"{metadata} describes it, the zip does not hold it"
        return [Fault(kind=FaultKind.MISSING, name=member, text=text)]
    stated, actual = entity.get("contentSize", str(sizes[member])), str(sizes[member])
    if stated == actual:
        return []
    text = f"its size is not the one in {metadata}"
    return [Fault(kind=FaultKind.SIZE, name=member, text=text, expected=str(stated), found=actual)]


def _types(entity: Mapping[str, Any]) -> set[str]:
    types = entity["@type"]
    return {types} if isinstance(types, str) else set(types)


def _is_path(identifier: str) -> bool:
    return not identifier.startswith("#") and "://" not in identifier
