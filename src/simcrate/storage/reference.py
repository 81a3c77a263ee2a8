"""The tables of docs/reference/storage-backends.md, made from what the kinds declare.

Between `<!-- KIND: made by ... -->` and `<!-- end -->` stands a kind's table; the rest of the page is prose.
"""

from __future__ import annotations

import re

from simcrate.storage.base import Option, StorageBackend
from simcrate.storage.options import TYPE_NAMES
from simcrate.storage.registry import backend_class

_BLOCK = re.compile(
    r"(?P<begin><!-- (?P<kind>[a-z]+): made by [^>]* -->\n).*?(?P<end><!-- end -->\n)", re.DOTALL
)


def with_tables(page: str) -> str:
    """The page with the table of each kind that it has a place for."""
    return _BLOCK.sub(
        lambda block: f"{block['begin']}\n{_tables(backend_class(block['kind']))}\n{block['end']}",
        page,
    )


def _tables(backend: type[StorageBackend]) -> str:
    token = backend.token_option
    lines = [
        "| where | key | what | type | needed | secret | default | example |",
        "|---|---|---|---|---|---|---|---|",
    ]
    if token is not None:
        lines.append(_row("Backend token", "", token))
    lines += [_row("Backend config", f"`{option.name}`", option) for option in backend.options]
    if token is None:
        lines.append("| Backend token | | Stays empty. | | | | | |")
    return "\n".join([*lines, "", *_abilities(backend), ""])


def _row(place: str, key: str, option: Option) -> str:
    cells = [
        place,
        key,
        option.help,
        TYPE_NAMES[option.kind],
        "yes" if option.required else "no",
        "yes" if option.secret else "no",
        "" if option.default in {None, ""} else f"`{str(option.default).lower()}`",
        f"`{option.example}`" if option.example else "",
    ]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |".replace("  ", " ")


def _abilities(backend: type[StorageBackend]) -> list[str]:
    can = backend.abilities
    sentences = [
        "An upload that broke goes on in another process." if can.resumes
        else "An upload that broke starts anew in another process.",
        f"What was stored is compared by its {can.digest} digest." if can.digest
        else "What was stored is compared by its size and a read-back.",
        "The provider can end a link at a given time." if can.expires_links
        else "The provider cannot end a link by itself.",
        "Links can have passwords." if can.link_passwords else "Links have no passwords.",
        "The provider tells how much space is free." if can.reports_space
        else "The provider does not tell how much space is free.",
    ]  # fmt: skip
    return [f"- {sentence}" for sentence in sentences]
