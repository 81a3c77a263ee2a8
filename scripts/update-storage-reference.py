#!/usr/bin/env python3
"""Write the options of the storage backends into docs/reference/storage-backends.md."""

from __future__ import annotations

from pathlib import Path

from simcrate.storage.reference import with_tables

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "storage-backends.md"

if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
