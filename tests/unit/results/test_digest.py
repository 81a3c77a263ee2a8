"""The content digest: equal for equal results, different for any difference."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from simcrate.errors import ResultFormatError
from simcrate.results import content_digest, open_results, run_digests
from tests.unit.results.conftest import DATA, WrittenVector, write_vec

Edit = Callable[[str], str]


def _digest(directory: Path) -> str:
    return content_digest(open_results([directory]))


def _edited(target: Path, name: str, suffix: str, edit: Edit) -> Path:
    shutil.copytree(DATA / name, target)
    for path in target.glob(f"*.{suffix}"):
        path.write_text(edit(path.read_text()))
    return target


def test_the_digest_says_its_version_and_stays_the_same() -> None:
    assert _digest(DATA / "tictoc16") == (
        "results1:5aeb74f804618ae86d6f2e3472c609c46edc971152cfd61032957aa0cbd94c0f"
    )


def test_dates_hosts_paths_and_process_ids_do_not_count(tmp_path: Path) -> None:
    def elsewhere(text: str) -> str:
        text = text.replace("20261122-13:02:33-12796", "20311122-09:02:33-1")
        text = text.replace("attr processid 12796", "attr processid 1")
        text = text.replace("/srv/simul", "/home/al")
        return text.replace("attr datetime 20261122", "attr datetime 20311122")

    copy = _edited(tmp_path / "copy", "tictoc16", "[sv]*", elsewhere)

    assert open_results([copy]).runs != open_results([DATA / "tictoc16"]).runs
    assert _digest(copy) == _digest(DATA / "tictoc16")


@pytest.mark.parametrize(
    ("name", "suffix", "old", "new"),
    [
        ("fifo-noeventnumbers", "sca", "busy:timeavg 0.", "busy:timeavg 0.9"),
        ("fifo-noeventnumbers", "sca", "busy:timeavg", "busy:average"),
        ("fifo-noeventnumbers", "vec", "\t1\n", "\t1.5\n"),
        ("fifo-noeventnumbers", "vec", "2.680449180432\t", "2.680449180433\t"),
        ("fifo-noeventnumbers", "vec", "qlen:vector", "length:vector"),
        ("tictoc16", "sca", "field min ", "field min 1"),
        ("tictoc16", "sca", "\nbin\t0", "\nbin\t0.25"),
        ("small-aloha", "sca", "itervar iaMean 9", "itervar iaMean 8"),
    ],
)
def test_any_value_sample_name_or_iteration_variable_counts(
    name: str, suffix: str, old: str, new: str, tmp_path: Path
) -> None:
    copy = _edited(tmp_path / "copy", name, suffix, lambda text: text.replace(old, new, 1))

    assert _digest(copy) != _digest(DATA / name)


def test_order_of_items_and_blocks_does_not_count(tmp_path: Path) -> None:
    vectors = [
        WrittenVector(samples=[(n, f"{n}.5", n / 7) for n in range(20)], name=name)
        for name in ("a", "b")
    ]
    one = write_vec(tmp_path / "one.vec", vectors, block=3)
    other = write_vec(tmp_path / "other.vec", vectors[::-1], block=5)

    assert _digest(one) == _digest(other)


def test_a_picosecond_counts_after_days(tmp_path: Path) -> None:
    one, other = (
        write_vec(
            tmp_path / f"{n}.vec", [WrittenVector(samples=[(0, f"600000.00000000000{n}", 1)])]
        )
        for n in (1, 2)
    )

    assert _digest(one) != _digest(other)


def test_every_nan_is_the_same_and_both_zeros_are(tmp_path: Path) -> None:
    def digest(name: str, spelling: str) -> str:
        path = write_vec(tmp_path / name, [WrittenVector(samples=[(0, "0", 1.25)])])
        path.write_text(path.read_text().replace("\t1.25\n", f"\t{spelling}\n"))
        return _digest(path)

    assert digest("a.vec", "nan") == digest("b.vec", "-nan")
    assert digest("c.vec", "0") == digest("d.vec", "-0")
    assert digest("e.vec", "inf") != digest("f.vec", "-inf")


def test_repetitions_that_are_copies_have_equal_run_digests(tmp_path: Path) -> None:
    shutil.copytree(DATA / "fifo-novectors", tmp_path / "one")
    copy = _edited(
        tmp_path / "two", "fifo-novectors", "[sv]*", lambda text: text.replace("run NoV", "run V")
    )

    digests = run_digests(open_results([tmp_path]))

    assert copy.exists()
    assert len(digests) == 2
    assert len(set(digests.values())) == 1


@pytest.mark.parametrize(
    ("time", "expected"), [("1e-25", "expected times below"), ("1e30", "expected times that never")]
)
def test_times_that_no_simulator_can_have_are_an_error(
    time: str, expected: str, tmp_path: Path
) -> None:
    path = write_vec(tmp_path / "a.vec", [WrittenVector(samples=[(0, time, 1.0)])])

    with pytest.raises(ResultFormatError, match=f"line 8: {expected}"):
        _digest(path)
