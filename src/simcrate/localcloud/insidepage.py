"""The page of *look inside*, as HTML without scripts; one directory at a time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import PurePosixPath
from urllib.parse import quote

from simcrate.localcloud.clock import readable_time
from simcrate.localcloud.objects import StoredObject
from simcrate.localcloud.zipindex import Member

MAX_ROWS = 1000
MAX_FIGURES = 24
FIGURES = {".svg", ".png", ".jpg", ".jpeg", ".webp"}
REPORTS = ("report.html", "index.html")

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #1467b8; }
@media (prefers-color-scheme: dark) { :root { --accent: #7db8f0; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; margin: .2rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .5rem; }
a { color: var(--accent); }
p.facts { margin: .2rem 0; opacity: .8; overflow-wrap: anywhere; }
a.button { display: inline-block; padding: .6rem 1.1rem; margin: .7rem .5rem 0 0; border-radius: .5rem;
  border: 1px solid var(--accent); text-decoration: none; }
a.button.main { background: var(--accent); color: Canvas; }
ul.tree { list-style: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: .5rem; }
ul.tree li { display: flex; gap: 1rem; padding: .5rem .8rem; border-top: 1px solid var(--line); }
ul.tree li:first-child { border-top: 0; }
ul.tree .name { flex: 1; min-width: 0; overflow-wrap: anywhere; }
ul.tree .size { white-space: nowrap; opacity: .7; font-variant-numeric: tabular-nums; }
.figures { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); }
figure { margin: 0; border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; }
figure img { display: block; width: 100%; background: white; }
figcaption { padding: .3rem .7rem; font-size: .85rem; overflow-wrap: anywhere; background: var(--soft); }
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsidePage:
    """What is shown of a zip."""

    stored: StoredObject
    url: str
    """The link to the whole."""
    index: dict[str, Member]
    directory: str
    """Which directory; empty, or its name with a slash at the end."""

    def render(self) -> str:
        """The page."""
        return "\n".join(
            [
                '<!doctype html><html lang="en"><head><meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<link rel="icon" href="data:,">',
                f"<title>{escape(self.stored.filename)}</title><style>{STYLE}</style></head><body>",
                *self._head(),
                *self._tree(),
                *self._figures(),
                "</body></html>",
            ]
        )

    def _head(self) -> Iterator[str]:
        stored = self.stored
        until = None if stored.held else stored.expires_at
        kept = "kept without an end" if until is None else f"kept until {readable_time(until)}"
        count = len(self.index)
        yield f"<h1>{escape(stored.filename)}</h1>"
        yield f'<p class="facts">{readable_size(stored.size_bytes)}, {count} files, {kept}</p>'
        yield f'<p class="facts">SHA-256 {stored.sha256}</p>'
        yield f'<a class="button main" href="{escape(self.url)}">Download</a>'
        for name in REPORTS:
            if name in self.index:
                yield f'<a class="button" href="{member_href(name)}">Read the report</a>'
                break

    def _tree(self) -> Iterator[str]:
        directories, files = self._entries()
        yield f"<h2>{escape(self.directory) or 'Files'}</h2>"
        if not directories and not files:
            yield "<p>There is nothing here.</p>"
            return
        yield '<ul class="tree">'
        if self.directory:
            yield _row("..", _directory_href(_parent(self.directory)), "")
        for name, size_bytes in list(directories.items())[:MAX_ROWS]:
            href = _directory_href(self.directory + name)
            yield _row(name, href, readable_size(size_bytes))
        for member in files[:MAX_ROWS]:
            name = member.name.removeprefix(self.directory)
            yield _row(name, member_href(member.name), readable_size(member.size_bytes))
        yield "</ul>"
        hidden = max(0, len(directories) - MAX_ROWS) + max(0, len(files) - MAX_ROWS)
        if hidden:
            yield f"<p>{hidden} more are not shown; they are in the download.</p>"

    def _entries(self) -> tuple[dict[str, int], list[Member]]:
        """Directories right here with the bytes below them, and files right here."""
        directories: dict[str, int] = {}
        files: list[Member] = []
        for member in self.index.values():
            if not member.name.startswith(self.directory):
                continue
            head, slash, _ = member.name.removeprefix(self.directory).partition("/")
            if slash:
                directories[head + "/"] = directories.get(head + "/", 0) + member.size_bytes
            else:
                files.append(member)
        return directories, files

    def _figures(self) -> Iterator[str]:
        names = [
            name
            for name in self.index
            if name.startswith(self.directory) and PurePosixPath(name).suffix.lower() in FIGURES
        ]
        if not names:
            return
        yield '<h2>Figures</h2><div class="figures">'
        for name in names[:MAX_FIGURES]:
            href, text = member_href(name), escape(PurePosixPath(name).name)
            yield f'<figure><a href="{href}"><img loading="lazy" alt="{text}" src="{href}"></a>'
            yield f"<figcaption>{text}</figcaption></figure>"
        yield "</div>"
        if len(names) > MAX_FIGURES:
            yield f"<p>{len(names) - MAX_FIGURES} more figures are in the tree.</p>"


def member_href(name: str) -> str:
    """A relative link to a member; `./` keeps a name from being read as a scheme."""
    return "./" + quote(name)


def readable_size(size_bytes: int) -> str:
    """`12.3 MB`, in powers of 1000."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _row(name: str, href: str, size: str) -> str:
    return (
        f'<li><a class="name" href="{href}">{escape(name)}</a><span class="size">{size}</span></li>'
    )


def _directory_href(directory: str) -> str:
    return f"./?in={quote(directory, safe='')}" if directory else "./"


def _parent(directory: str) -> str:
    head = directory.rstrip("/").rpartition("/")[0]
    return f"{head}/" if head else ""
