"""Any tree that a file system can hold is packed, verified and unpacked again, byte by byte."""

from __future__ import annotations

import os
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.crate import Provenance, gather, original_name, pack_crate, verify_crate

steps = st.binary(min_size=1, max_size=40).filter(
    lambda step: step not in {b".", b".."} and not {0, ord("/")} & set(step)
)
nasty_steps = st.sampled_from(
    [
        b"#",
        b"'\"",
        b"a\nb",
        b"\x1b[2J",
        b"..a",
        b"C:\\x",
        b"%41",
        b"%",
        b"-",
        b" ",
        b"\xff",
        b"A",
        b"a",
    ]
)
paths = st.lists(steps | nasty_steps, min_size=1, max_size=3).map(b"/".join)
trees = st.dictionaries(paths, st.binary(max_size=64), max_size=8)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_hostile_tree_comes_back_from_its_crate(tree: dict[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "tree"
        written = write_tree(root, tree)
        provenance = Provenance(
            title="hostile", description="", created_at=datetime(2026, 1, 1, tzinfo=UTC)
        )

        packed = pack_crate(gather(root), provenance, Path(directory) / "crate.zip")

        assert verify_crate(packed.path).faults == ()
        assert unpack(packed.path) == written


def write_tree(root: Path, tree: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """What of the tree the file system could hold: a name is a file or a directory, not both."""
    root.mkdir()
    written = {}
    for path, data in tree.items():
        target = os.path.join(os.fsencode(root), path)  # noqa: PTH118 - bytes
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
            with open(target, "xb") as file:  # noqa: PTH123
                file.write(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
        written[path] = data
    return written


def unpack(crate: Path) -> dict[bytes, bytes]:
    with zipfile.ZipFile(crate) as archive:
        return {
            original_name(name).removeprefix(b"results/"): archive.read(name)
            for name in archive.namelist()
            if name.startswith("results/")
        }
