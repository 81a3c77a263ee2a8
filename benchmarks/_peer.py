"""The peer of all claims about results: a plain Python loop that collects time and value per vector.

OMNeT++'s own C++ export tool runs at about its speed.
"""

from __future__ import annotations

from pathlib import Path


def collect(path: Path) -> dict[int, tuple[list[float], list[float]]]:
    """Times and values of each vector of a `.vec` file, by the vector's number."""
    vectors: dict[int, tuple[list[float], list[float]]] = {}
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if line[0].isdigit():
                number, *_, time, value = line.split("\t")
                times, values = vectors.setdefault(int(number), ([], []))
                times.append(float(time))
                values.append(float(value))
    return vectors
