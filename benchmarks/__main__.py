"""Run every benchmark, or those named: `python -m benchmarks [NAME…]`."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from rich.console import Console
from rich.table import Table

import benchmarks


def main(names: list[str]) -> int:
    every = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    chosen = names or [name for name in every if not name.startswith("_")]
    table = Table("claim", "SimCrate", "peer", "ratio", "target", "")
    met = True
    for name in chosen:
        for row in importlib.import_module(f"benchmarks.{name}").run():
            good = row.ratio >= row.target
            met = met and good
            verdict = "[green]met[/]" if good else "[red]missed[/]"
            ratio, target = f"{row.ratio:.2f}", f"{row.target:.2f}"
            table.add_row(row.claim, row.ours, row.peer, ratio, target, verdict)
    Console(width=160 if not sys.stdout.isatty() else None).print(table)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
