#!/usr/bin/env python3
"""Run seafile-list-repo-ids from a checkout; an installed SimCrate has the command `seafile-list-repo-ids`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from simcrate.cli.seafile import run_list_repo_ids

if __name__ == "__main__":
    run_list_repo_ids()
