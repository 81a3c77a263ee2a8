#!/usr/bin/env python3
"""Run seafile-list-repo-ids from a checkout; an installed SimCrate has the command `seafile-list-repo-ids`."""

from __future__ import annotations

import checkout

checkout.enter()

from simcrate.cli.seafile import run_list_repo_ids  # noqa: E402 - after the path

if __name__ == "__main__":
    run_list_repo_ids()
