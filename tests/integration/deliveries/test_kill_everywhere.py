"""`kill -9` before every request and every write, and after the last: one file, one announcement.

For each kind of storage backend, against the real local-cloud and the doubles.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from simcrate.delivery import DeliveryState
from tests.integration.deliveries.dying import Errand, die_at
from tests.integration.deliveries.targets import MIB, Target, dropbox, local, seafile

CONTENT = os.urandom(5 * MIB + 3)
MOST_STEPS = 100


def _errand(target: Target, folder: Path) -> Errand:
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    errand = Errand(
        folder=folder,
        delivery_id=uuid.uuid4(),
        definition=target.definition,
        environment={**target.environment, "TMPDIR": str(temporary)},
    )
    errand.put(CONTENT)
    return errand


@pytest.mark.parametrize("serve", [local, dropbox, seafile], ids=["local", "dropbox", "seafile"])
def test_killed_at_any_step_and_called_again_it_ends_with_one_file_and_one_message(
    tmp_path: Path, serve: Callable[[Path], AbstractContextManager[Target]]
) -> None:
    with serve(tmp_path) as target:
        for step in range(MOST_STEPS):
            errand = _errand(target, tmp_path / str(step))
            if not die_at(errand, step, after=False):
                break
            _assert_ends_well(errand, target)
        assert (
            12 < step < MOST_STEPS - 1
        )  # upload, resume, stored, stat, linked, announced at least
        errand = _errand(target, tmp_path / "last")
        assert die_at(errand, step - 1, after=True)
        _assert_ends_well(errand, target)


def _assert_ends_well(errand: Errand, target: Target) -> None:
    """What another worker makes of it."""
    assert errand.run().state is DeliveryState.ANNOUNCED
    assert target.contents(str(errand.delivery_id)) == [CONTENT]
    announced = errand.announced_path.read_text().split()
    assert len(set(announced)) == 1
    assert len(announced) <= 2
    assert not errand.crate_path.exists()


@pytest.mark.parametrize("serve", [local, dropbox, seafile], ids=["local", "dropbox", "seafile"])
def test_an_upload_that_is_killed_on_its_way_leaves_no_copy(
    tmp_path: Path, serve: Callable[[Path], AbstractContextManager[Target]]
) -> None:
    with serve(tmp_path) as target:
        errand = _errand(target, tmp_path / "errand")

        assert die_at(errand, 6, after=False)
        large = [path for path in errand.folder.rglob("*") if path.stat().st_size > MIB]
        assert large == [errand.crate_path]
