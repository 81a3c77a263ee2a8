"""Scalar files: parameters, scalars, statistics and histograms, written at the end of a run."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from simcrate.oppsim.recording.header import VERSION, Attributes, RunHeader, attribute_lines, quote

MOST_BINS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The moments of a set of values; NaN where there are too few."""

    count: int
    mean: float
    stddev: float
    """Of the sample (n - 1); NaN for fewer than two values."""

    minimum: float
    maximum: float
    total: float
    square_sum: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary:
        """Summarise any number of values, none included."""
        samples = np.asarray(values, dtype=np.float64)
        count = len(samples)
        if not count:
            nan = math.nan
            return cls(
                count=0, mean=nan, stddev=nan, minimum=nan, maximum=nan, total=0.0, square_sum=0.0
            )
        return cls(
            count=count,
            mean=float(samples.mean()),
            stddev=float(samples.std(ddof=1)) if count > 1 else math.nan,
            minimum=float(samples.min()),
            maximum=float(samples.max()),
            total=float(samples.sum()),
            square_sum=float(samples @ samples),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How many values lie in each of a row of bins [edge, next edge)."""

    edges: NDArray[np.float64]
    """(n + 1,) rising; empty when there was no value."""

    counts: NDArray[np.int64]
    """(n,); every value lies in some bin."""

    @classmethod
    def of(cls, values: Sequence[float]) -> Histogram:
        """Bins with round edges over the whole range of the values, at most about 50."""
        samples = np.asarray(values, dtype=np.float64)
        if not len(samples):
            return cls(edges=np.empty(0), counts=np.empty(0, dtype=np.int64))
        width = _bin_width(float(samples.min()), float(samples.max()))
        places = np.floor(samples / width)
        first = places.min()
        counts = np.bincount((places - first).astype(np.int64))
        edges = (first + np.arange(len(counts) + 1)) * width
        return cls(edges=edges, counts=counts)


class ScalarFile:
    """A `.sca` file; it appears under its name only when it is complete.

    Args:
        path: of the file; an older one is replaced.
        header: of the run.
        precision: significant digits of values.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, header: RunHeader, *, precision: int = 14) -> None:
        self._path = path
        self._format = f".{precision}g"
        self._beside = path.with_name(path.name + ".part")
        self._file = self._beside.open("w", encoding="utf-8")
        self._file.writelines((f"version {VERSION}\n", *header.lines()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._file.close()
            self._beside.unlink(missing_ok=True)
            return
        self._file.write("\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._beside.replace(self._path)

    def parameter(self, module: str, name: str, value: str, unit: str) -> None:
        """Record the value of a parameter."""
        self._file.write(f"par {quote(module)} {quote(name)} {quote(value)}\n")
        self._file.writelines(attribute_lines({"unit": unit}))

    def scalar(self, module: str, name: str, value: float, attributes: Attributes) -> None:
        """Record a number, which may be NaN."""
        self._file.write(f"scalar {quote(module)} {quote(name)} {value:{self._format}}\n")
        self._file.writelines(attribute_lines(attributes))

    def histogram(
        self,
        module: str,
        name: str,
        values: Sequence[float],
        attributes: Attributes,
        *,
        bins: bool = True,
    ) -> None:
        """Record the moments of values and, with `bins`, their distribution."""
        summary = Summary.of(values)
        self._file.write(f"statistic {quote(module)} {quote(name)}\n")
        fields = {
            "count": float(summary.count),
            "mean": summary.mean,
            "stddev": summary.stddev,
            "min": summary.minimum,
            "max": summary.maximum,
            "sum": summary.total,
            "sqrsum": summary.square_sum,
        }
        self._file.writelines(
            f"field {field} {value:{self._format}}\n" for field, value in fields.items()
        )
        self._file.writelines(attribute_lines(attributes))
        if bins:
            self._bins(Histogram.of(values))

    def _bins(self, histogram: Histogram) -> None:
        """The first bin is everything below, the last everything above."""
        if not len(histogram.counts):
            return
        edges = [-math.inf, *histogram.edges.tolist()]
        counts = [0, *histogram.counts.tolist(), 0]
        self._file.writelines(
            f"bin\t{edge:{self._format}}\t{count}\n"
            for edge, count in zip(edges, counts, strict=True)
        )


def _bin_width(lowest: float, highest: float) -> float:
    """A width of the form 1, 2 or 5 times a power of ten that makes at most about `MOST_BINS` bins.

    Values that differ by no more than rounding share a bin.
    """
    rounding = 1e-9 * max(abs(lowest), abs(highest))
    if highest - lowest <= rounding:
        return max(1.0, rounding)
    width = (highest - lowest) / MOST_BINS
    power = 10.0 ** math.floor(math.log10(width))
    return next((power * digit for digit in (1, 2, 5) if power * digit >= width), power * 10)
