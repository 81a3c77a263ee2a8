#!/usr/bin/env python3
"""Run local-cloud from a checkout; an installed SimCrate has the command `local-cloud`."""

from __future__ import annotations

import checkout

checkout.enter()

from simcrate.localcloud.__main__ import main  # noqa: E402 - after the path

if __name__ == "__main__":
    main()
