"""Find what looks like a credential in an ini, so that its submitter can be warned before it is packed.

A crate is handed on, so a password in an ini is published with it.  This looks for keys that name
credentials and for the well-known shapes of tokens; it cannot find every secret and says nothing of safety.
Values are never repeated in what is returned.

Source: the documented prefixes of the providers' tokens (AWS IAM identifiers, GitHub token formats, GitLab
token prefixes, Slack token types, Dropbox short-lived tokens), RFC 7468 (PEM), RFC 3986, 3.2.1 (userinfo).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEY_WORDS = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key"
    r"|credentials?|auth[-_]?key|client[-_]?secret)"
)
_SECRET_KEY = re.compile(rf"(?:^|[^a-z]){_KEY_WORDS}(?:$|[^a-z])", re.IGNORECASE)
_CAMEL_STEP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HARMLESS_VALUE = re.compile(r"""["']?\s*["']?|true|false|-?[\d.]+\s*[a-zA-Z%]*|\$\{.*\}""")
_SHAPES = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})")),
    ("a GitLab token", re.compile(r"\bglpat-[\w-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abposr]-[\w-]{10,}")),
    ("a Dropbox token", re.compile(r"\bsl\.[\w-]{40,}")),
    ("a JSON web token", re.compile(r"[\w-]\.eyJ[\w-]{8,}\.")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a password in a URL", re.compile(r"[a-z0-9+.-]://[^/\s:@\"']+:[^/\s@\"']+@", re.IGNORECASE)),
)
"""None begins with a part of any length: each looks at a character of a line a few times, however long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectedCredential:
    """A line that looks like a credential."""

    line: int
    """Counted from 1."""

    what: str
    """What it looks like; the value itself is not repeated."""


def find_credentials(text: str) -> tuple[SuspectedCredential, ...]:
    """Lines of an ini that look like credentials, in order; comments count, they are packed too."""
    return tuple(
        SuspectedCredential(line=number, what=what)
        for number, line in enumerate(text.splitlines(), start=1)
        if (what := _suspicion(line))
    )


def _suspicion(line: str) -> str:
    for what, shape in _SHAPES:
        if shape.search(line):
            return what
    key, _, value = line.lstrip("# \t").partition("=")
    if "#" in key or _HARMLESS_VALUE.fullmatch(value.strip()):
        return ""
    name = key.strip().removesuffix("+").rstrip().rsplit(".", 1)[-1]
    if _SECRET_KEY.search(_CAMEL_STEP.sub("_", name)):
        return f"a value for {name!r}"
    return ""
