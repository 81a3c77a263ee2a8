"""`ro-crate-metadata.json`: the crate as a research object that other software understands.

RO-Crate 1.3 with Process Run Crate 0.6: each run is a `CreateAction` with the simulator as instrument, ini
and data files as objects, what it left as results, and the submitter as agent.  Up to
`FILES_DESCRIBED` files are described one by one; of larger crates the directories are, since the
manifest lists every file anyway and the metadata is read into memory by everybody.

Source: RO-Crate 1.3 specification (https://w3id.org/ro/crate/1.3); Process Run Crate 0.6
(https://w3id.org/ro/wfrun/process/0.6).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from simcrate.crate.contents import CrateContents
from simcrate.crate.layout import LAYOUT, METADATA, README, RECORDS, RUN, Role, role_of
from simcrate.crate.provenance import Provenance, RunRecord, timestamp
from simcrate.secret import scrub

SPECIFICATION = "https://w3id.org/ro/crate/1.3"
CONTEXT = "https://w3id.org/ro/crate/1.3/context"
PROFILE = "https://w3id.org/ro/wfrun/process/0.6"
PROFILE_VERSION = "0.6"
FILES_DESCRIBED = 1000

Entity = dict[str, Any]

_SUBMITTER_ID = "#submitter"
_SPDX_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_RESULT_ROLES = frozenset({Role.RESULT, Role.LOG})
_DESCRIPTIONS = {part.name: part.text for part in LAYOUT}
_FORMATS = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".ini": "text/plain",
    ".json": "application/json",
    ".log": "text/plain",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".xml": "application/xml",
}


def metadata_json(provenance: Provenance, contents: CrateContents, sizes: Mapping[str, int]) -> str:
    """The text of `ro-crate-metadata.json`.

    Args:
        provenance: what the crate says about itself.
        contents: its members.
        sizes: bytes by name, of all members and of the records that stand before this one.
    """
    files = sorted(sizes, key=str.encode)
    described = _few_enough(files)
    directories = _by_directory(files)
    graph = [
        _descriptor(),
        _root(provenance, described, directories),
        *_profile(provenance),
        *_licence(provenance.licence),
        *_people(provenance),
        *_software(provenance),
        *(_directory(name, members, described) for name, members in directories.items()),
        *(_file(name, sizes[name]) for name in described),
        *_actions(provenance, contents, files, frozenset(described)),
    ]
    document = {"@context": CONTEXT, "@graph": graph}
    return scrub(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def file_id(name: str) -> str:
    """The relative IRI of a member; letters of any script stay, as the specification prefers."""
    return "".join(char if char.isalnum() else quote(char, safe="/-._~") for char in name)


def _descriptor() -> Entity:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": SPECIFICATION},
    }


def _root(
    provenance: Provenance, described: Iterable[str], directories: Mapping[str, list[str]]
) -> Entity:
    at_top = [file_id(name) for name in described if "/" not in name]
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": provenance.title,
        "description": provenance.description or f"Results of the simulation {provenance.title}.",
        "datePublished": timestamp(provenance.created_at),
        "license": _licence_value(provenance.licence),
        "hasPart": _references([*(file_id(name) for name in directories), *at_top]),
    }
    if provenance.keywords:
        root["keywords"] = ", ".join(provenance.keywords)
    if provenance.submitter:
        root["author"] = {"@id": _SUBMITTER_ID}
    if provenance.runs:
        root["conformsTo"] = {"@id": PROFILE}
        root["mentions"] = _references(_run_ids(provenance))
    return root


def _profile(provenance: Provenance) -> list[Entity]:
    if not provenance.runs:
        return []
    return [
        {
            "@id": PROFILE,
            "@type": ["CreativeWork", "Profile"],
            "name": "Process Run Crate",
            "version": PROFILE_VERSION,
        }
    ]


def _licence_value(licence: str) -> Any:  # noqa: ANN401 - JSON
    if _licence_url(licence):
        return {"@id": _licence_url(licence)}
    return licence or "No licence was stated: ask the submitter before you reuse this."


def _licence(licence: str) -> list[Entity]:
    if not (url := _licence_url(licence)):
        return []
    text = f"The content of this crate may be used under {licence}."
    return [{"@id": url, "@type": "CreativeWork", "name": licence, "description": text}]


def _licence_url(licence: str) -> str:
    if _SPDX_ID.fullmatch(licence):
        return f"https://spdx.org/licenses/{licence}"
    return _iri(licence)


def _iri(url: str) -> str:
    """An absolute web address with everything escaped that must be; empty if it is none."""
    if not url.startswith(("https://", "http://")):
        return ""
    return quote(url, safe="/:?#[]@!$&'()*+,;=%-._~")


def _people(provenance: Provenance) -> list[Entity]:
    if not provenance.submitter:
        return []
    return [{"@id": _SUBMITTER_ID, "@type": "Person", "name": provenance.submitter}]


def _software(provenance: Provenance) -> list[Entity]:
    if not provenance.runs:
        return []
    return [
        {
            "@id": _simulator_id(provenance),
            "@type": "SoftwareApplication",
            "name": provenance.simulator or "a simulator that was not named",
            "version": provenance.simulator_version or "unknown",
            "url": {"@id": _iri(provenance.simulator_url) or RUN},
        }
    ]


def _simulator_id(provenance: Provenance) -> str:
    return _iri(provenance.simulator_url) or "#simulator"


def _directory(name: str, members: Sequence[str], described: Sequence[str]) -> Entity:
    directory: Entity = {
        "@id": file_id(name),
        "@type": "Dataset",
        "name": name.rstrip("/"),
        "description": _DESCRIPTIONS.get(name, f"{len(members)} files."),
    }
    if set(members) <= set(described):
        directory["hasPart"] = _references(map(file_id, members))
    return directory


def _file(name: str, size_bytes: int) -> Entity:
    path = PurePosixPath(name)
    file: Entity = {
        "@id": file_id(name),
        "@type": "File",
        "name": path.name,
        "description": _DESCRIPTIONS.get(name, f"{role_of(name)} file"),
        "contentSize": str(size_bytes),
        "encodingFormat": _FORMATS.get(path.suffix.lower(), "application/octet-stream"),
    }
    return file


def _actions(
    provenance: Provenance,
    contents: CrateContents,
    files: Sequence[str],
    described: frozenset[str],
) -> Iterable[Entity]:
    members = contents.in_order()
    present = frozenset(files)
    inputs = _mentionable((m.name for m in members if m.role is Role.INPUT), described)
    outputs = _mentionable((m.name for m in members if m.role in _RESULT_ROLES), described)
    for run, action_id in zip(provenance.runs, _run_ids(provenance), strict=True):
        made, left = (
            _mentionable((name for name in names if name in present), described)
            for names in (run.inputs, run.results or ())
        )
        ids = {"object": inputs + made, "result": outputs if run.results is None else left}
        yield _action(provenance, run, action_id) | {
            key: _references(some) for key, some in ids.items() if some
        }


def _action(provenance: Provenance, run: RunRecord, action_id: str) -> Entity:
    completed = run.state in {"", "completed"}
    action: Entity = {
        "@id": action_id,
        "@type": "CreateAction",
        "name": f"Run {run.number} of {run.config or provenance.title}",
        "description": _describe(run),
        "instrument": {"@id": _simulator_id(provenance)},
        "startTime": timestamp(run.started_at),
        "endTime": timestamp(run.ended_at),
        "actionStatus": {
            "@id": f"http://schema.org/{'Completed' if completed else 'Failed'}ActionStatus"
        },
        "error": "" if completed else run.reason or run.state,
        "agent": {"@id": _SUBMITTER_ID} if provenance.submitter else None,
    }
    return {key: value for key, value in action.items() if value}


def _describe(run: RunRecord) -> str:
    itervars = ", ".join(f"{name}={value}" for name, value in run.itervars.items())
    parts = [
        f"Command: {shlex.join(run.command)}" if run.command else "",
        f"Iteration variables: {itervars}" if itervars else "",
        f"Seeds: {', '.join(map(str, run.seeds))}" if run.seeds else "",
    ]
    return ". ".join(part for part in parts if part) or f"See {RUN} and {README}."


def _run_ids(provenance: Provenance) -> list[str]:
    """By number; by place where two have the same, as runs of several configurations do."""
    numbers = [run.number for run in provenance.runs]
    unique = numbers if len(set(numbers)) == len(numbers) else range(len(numbers))
    return [f"#run-{number}" for number in unique]


def _by_directory(files: Iterable[str]) -> dict[str, list[str]]:
    directories: dict[str, list[str]] = {}
    for name in files:
        if directory := _top_directory(name):
            directories.setdefault(directory, []).append(name)
    return directories


def _few_enough(files: Sequence[str]) -> Sequence[str]:
    """The files to describe one by one: all, those of the top, or the records."""
    at_top = [name for name in files if "/" not in name]
    records = [name for name in at_top if name in RECORDS]
    return next(few for few in (files, at_top, records) if len(few) <= FILES_DESCRIBED)


def _mentionable(names: Iterable[str], described: frozenset[str]) -> list[str]:
    """Identifiers that stand in the graph: of a file, or of its directory where files are too many."""
    found = (name if name in described else _top_directory(name) for name in names)
    return list(dict.fromkeys(file_id(one) for one in found if one))


def _top_directory(name: str) -> str:
    """The directory of the crate that a file is in; empty for a file at the top."""
    top, slash, _ = name.partition("/")
    return top + slash if slash else ""


def _references(ids: Iterable[str]) -> Any:  # noqa: ANN401 - JSON
    """References, unpacked where there is one, as compacted JSON-LD wants it."""
    references = [{"@id": one} for one in ids]
    return references[0] if len(references) == 1 else references
