#!/usr/bin/env python3
"""Run seafile-get-token from a checkout; an installed SimCrate has the command `seafile-get-token`."""

from __future__ import annotations

import checkout

checkout.enter()

from simcrate.cli.seafile import run_get_token  # noqa: E402 - after the path

if __name__ == "__main__":
    run_get_token()
