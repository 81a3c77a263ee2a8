"""Warn a submitter of what looks like a credential: the crate holds the ini, and is handed on."""

from __future__ import annotations

from collections.abc import Mapping

from simcrate.crate import find_credentials
from simcrate.inifile import decode_ini

WARNED_AT_MOST = 20


def credential_warnings(ini_name: str, files: Mapping[str, bytes]) -> list[str]:
    """A sentence for each line of the ini, or of an ini that it may include, that looks like one.

    Values are not repeated.  It warns and never refuses: whether it is a secret, only its owner knows.
    """
    inis = {ini_name} | {name for name in files if name.lower().endswith(".ini")}
    return [
        f"{name}, line {found.line}, looks like {found.what}: it is packed into the crate, "
        "where everybody with the link can read it"
        for name in sorted(inis & files.keys())
        for found in find_credentials(decode_ini(files[name]))
    ][:WARNED_AT_MOST]
