"""Peak memory of summarising and exporting, for files of 200 MB and 2 GB."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import Row
from benchmarks._timing import peak_mb
from benchmarks._vectorfile import Shape, write

SMALL = Shape(vectors=1212, blocks=6000, samples_per_block=960)
LARGE = Shape(vectors=1212, blocks=60_000, samples_per_block=960)
MOST_MB = 400.0
MOST_GROWTH = 1.25

_OPEN = "import sys; from pathlib import Path\nfrom simcrate.results import open_results\n"
_EXPORT = "from simcrate.results.export import write_csv, write_parquet\n"
SCRIPTS = {
    "summarising": f"{_OPEN}results = open_results([Path(sys.argv[1])], use_index=False)\n"
    "results.vectors()\nfor batch in results.all_samples(): pass",
    "content digest": f"{_OPEN}from simcrate.results import content_digest\n"
    "content_digest(open_results([Path(sys.argv[1])]))",
    "export as Parquet": f"{_OPEN}{_EXPORT}"
    "write_parquet(open_results([Path(sys.argv[1])]), Path(sys.argv[1]).parent / 'parquet')",
    "export as CSV-R": f"{_OPEN}{_EXPORT}"
    "write_csv(open_results([Path(sys.argv[1])]), Path('/dev/null').open('wb'))",
}


def run() -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory(prefix="simcrate-bench-") as name:
        small = write(Path(name) / "small.vec", SMALL)
        large = write(Path(name) / "large.vec", LARGE)
        sizes = [path.stat().st_size / 1e9 for path in (small, large)]
        for work, script in SCRIPTS.items():
            small_mb, large_mb = peak_mb(script, small), peak_mb(script, large)
            rows += [
                Row(
                    claim=f"peak memory of {work}, {sizes[1]:.1f} GB",
                    ours=f"{large_mb:.0f} MB",
                    peer=f"limit {MOST_MB:.0f} MB",
                    ratio=MOST_MB / large_mb,
                    target=1.0,
                ),
                Row(
                    claim=f"peak memory of {work}, growth from {sizes[0]:.1f} to {sizes[1]:.1f} GB",
                    ours=f"{large_mb:.0f} MB",
                    peer=f"small file {small_mb:.0f} MB",
                    ratio=small_mb / large_mb,
                    target=1 / MOST_GROWTH,
                ),
            ]
    return rows
