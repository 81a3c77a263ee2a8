"""Folders in Dropbox: what is in them, and taking away those that crates left empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simcrate.storage.dropbox_api import Conflict, DropboxApi

DOING = "list the folder"


def entries(api: DropboxApi, folder: str) -> Iterator[Any]:
    """What is in a folder, as the SDK's metadata; nothing if there is none.

    A listing that Dropbox gives up in the middle is begun anew, without giving anything twice.
    """
    seen: set[str] = set()
    page = _first_page(api, folder)
    while page is not None:
        for entry in page.entries:
            if entry.path_lower not in seen:
                seen.add(entry.path_lower)
                yield entry
        page = _next_page(api, folder, page) if page.has_more else None


def delete_if_empty(api: DropboxApi, folder: str) -> None:
    """Delete a folder that has nothing in it; one that is gone already is fine."""
    if any(entries(api, folder)):
        return
    doing = "delete the folder"
    try:
        api.call(doing, "files_delete_v2", folder)
    except Conflict as conflict:
        if not conflict.has("not_found"):
            raise conflict.as_error(doing) from conflict


def _first_page(api: DropboxApi, folder: str) -> Any:  # noqa: ANN401 - the SDK has no types
    try:
        return api.call(DOING, "files_list_folder", folder)
    except Conflict as conflict:
        if conflict.has("not_found"):
            return None
        raise conflict.as_error(DOING) from conflict


def _next_page(api: DropboxApi, folder: str, page: Any) -> Any:  # noqa: ANN401
    try:
        return api.call(DOING, "files_list_folder_continue", page.cursor)
    except Conflict as conflict:
        if conflict.has("reset"):
            return _first_page(api, folder)
        raise conflict.as_error(DOING) from conflict
