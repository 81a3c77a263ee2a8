"""`README.txt`: the page that tells whoever opens the zip what is in it."""

from __future__ import annotations

from collections.abc import Iterable

from simcrate.crate.contents import CrateContents
from simcrate.crate.layout import parts_of
from simcrate.crate.names import clashes
from simcrate.crate.provenance import Provenance, timestamp
from simcrate.secret import scrub

_LISTED = 50  # names of a kind that the page lists; run.json has them all

_CHECK = """\
Check that nothing is missing or changed, in the directory where this file is:

    sha256sum -c manifest-sha256.txt

or, without unpacking:  simcrate verify FILE.zip
"""


def readme_text(provenance: Provenance, contents: CrateContents) -> str:
    """The text of `README.txt`."""
    names = [member.name for member in contents.in_order()]
    renamed = [m.name for m in contents.in_order() if m.renamed_from]
    sections = [
        _heading(provenance),
        "What is in here\n\n" + _layout(names),
        _CHECK,
        _list("Renamed: no zip can hold these names, so some of their bytes became %XX", renamed),
        _list(
            "Alike: on Windows and macOS these names are one file; unpack there with care",
            (f"{one}  and  {other}" for one, other in clashes(names)),
        ),
        _list("Left out", (f"{one.name}: {one.why}" for one in contents.refused)),
    ]
    return scrub("\n".join(section for section in sections if section))


def _heading(provenance: Provenance) -> str:
    lines = [provenance.title, "=" * len(provenance.title), ""]
    if provenance.description:
        lines += [provenance.description, ""]
    facts = {
        "Packed": timestamp(provenance.created_at),
        "Submitted by": provenance.submitter,
        "Licence": provenance.licence or "none stated; ask before you reuse this",
        "Simulator": f"{provenance.simulator} {provenance.simulator_version}".strip(),
        "Runs": str(len(provenance.runs)) if provenance.runs else "",
        "Content digest": provenance.content_digest,
    }
    return (
        "\n".join(lines + [f"{name + ':':<16}{fact}" for name, fact in facts.items() if fact])
        + "\n"
    )


def _layout(names: Iterable[str]) -> str:
    return "".join(f"    {part.name:<24} {part.text}\n" for part in parts_of(names))


def _list(heading: str, lines: Iterable[str]) -> str:
    listed = list(lines)
    if not listed:
        return ""
    shown = [f"    {line}" for line in listed[:_LISTED]]
    if more := len(listed) - len(shown):
        shown.append(f"    and {more} more; run.json lists all that were renamed or left out")
    return "\n".join([heading + ":", "", *shown]) + "\n"
