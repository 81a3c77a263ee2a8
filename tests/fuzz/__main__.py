"""A minute of hostile result files: `python -m tests.fuzz [SECONDS]`.

Real files are damaged at random and read completely, with their index and without.  Whatever happens must
be a ResultFormatError or samples, the same on both ways, within some seconds; anything else is printed
with the seed that repeats it.
"""

from __future__ import annotations

import faulthandler
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from simcrate.errors import ResultFormatError
from simcrate.results import Kind, ResultSet, content_digest, open_results

DATA = Path(__file__).parents[1] / "data" / "omnetpp"
SECONDS = 60.0
LONGEST_S = 30.0
SUFFIXES = (".sca", ".vec", ".vci")
LARGEST_BYTES = 300_000

TOKENS = [
    b"\n", b"\t", b" ", b'"', b"\\", b"\x00", b"\xff", b"\r\n", b"nan", b"-inf", b"1e999", b"-1",
    b"99999999999999999999", b"vector 0 a b ETV\n", b"vector 1 a b TV\n", b"run x\n", b"attr a b\n",
    b"version 2\n", b"bin\t0\t1\n", b"0\t0\t0\t0\n", b"0\t0\t0\n", b"scalar a b 1\n",
]  # fmt: skip


def main(seconds: float) -> int:
    started_at = time.monotonic()
    sets = _sets()
    count = refused = 0
    while time.monotonic() < started_at + seconds:
        faulthandler.dump_traceback_later(LONGEST_S, exit=True)
        try:
            _try(sets, seed=count)
        except ResultFormatError:
            refused += 1
        except Exception:  # noqa: BLE001 - whatever else it is, it is what we look for
            sys.stdout.write(f"seed {count}:\n{traceback.format_exc()}\n")
            return 1
        count += 1
    faulthandler.cancel_dump_traceback_later()
    sys.stdout.write(
        f"{count} damaged result sets in {seconds:.0f} s: {refused} refused, the rest read\n"
    )
    return 0


def _sets() -> list[dict[str, bytes]]:
    """The files of each small run, by name."""
    sets: dict[Path, dict[str, bytes]] = {}
    for path in sorted(DATA.rglob("*")):
        if path.suffix in SUFFIXES and path.stat().st_size < LARGEST_BYTES:
            sets.setdefault(path.with_suffix(""), {})["run" + path.suffix] = path.read_bytes()
    return list(sets.values())


def _try(sets: list[dict[str, bytes]], *, seed: int) -> None:
    chance = random.Random(seed)
    chosen = dict(chance.choice(sets))
    victim = chance.choice(sorted(chosen))
    chosen[victim] = _damage(chosen[victim], chance)
    with tempfile.TemporaryDirectory(prefix="simcrate-fuzz-") as name:
        for file, data in chosen.items():
            (Path(name) / file).write_bytes(data)
        _read_everything(Path(name))


def _read_everything(directory: Path) -> None:
    results, without_index = (open_results([directory], use_index=use) for use in (True, False))
    for kind in Kind:
        results.table(kind)
    for key in results.vectors()["vector"].to_pylist():
        assert _columns(results, key) == _columns(without_index, key), f"vector {key} differs"
    assert content_digest(results) == content_digest(without_index)
    assert len(results.warnings) <= len(without_index.warnings) + 1


def _columns(results: ResultSet, key: int) -> str:
    return repr(results.read_vector(key).to_pydict())  # NaN is not equal to itself, its text is


def _damage(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        begin = chance.randrange(len(damaged) + 1)
        end = min(len(damaged), begin + int(chance.expovariate(1 / 50)))
        match chance.randrange(6):
            case 0:
                del damaged[begin:end]
            case 1:
                damaged[begin:begin] = chance.choice(TOKENS)
            case 2:
                damaged[begin:begin] = damaged[end : end + 200]
            case 3:
                damaged[begin:end] = chance.randbytes(end - begin)
            case 4:
                del damaged[begin:]
            case _:
                damaged = bytearray(b"".join(_swapped(bytes(damaged).splitlines(True), chance)))
    return bytes(damaged)


def _swapped(lines: list[bytes], chance: random.Random) -> list[bytes]:
    if len(lines) > 1:
        one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    return lines


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
