"""A histogram whose buckets grow by a constant factor: mergeable, and exact to a known share.

The buckets are the same for all histograms, so that any two can be added: eight to each doubling
(base 2 of OpenTelemetry's exponential histogram at scale 3, and of DDSketch, VLDB 2019, section 2),
counted from a thousandth. So one of seconds has edges at 1, 2, 4 ... ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

ANCHOR = 1e-3  # an edge that all others are powers of two from
PER_OCTAVE = 8
LOWEST, HIGHEST = -24, 44  # octaves around the anchor: 60 ps to 1.8e10
BUCKETS = (HIGHEST - LOWEST) * PER_OCTAVE
_FIRST = LOWEST * PER_OCTAVE
_SHIFT = math.log2(ANCHOR) * PER_OCTAVE
_SLACK = 1e-9  # of a bucket: a value on an edge is in the bucket that it closes, rounded or not
ERROR = 2 ** (0.5 / PER_OCTAVE) - 1
"""Of a quantile, against the sample that it stands for: 4.4 % at most."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a histogram held at one moment. Immutable.

    `counts` (int64, `BUCKETS + 2` of them) begins with what is at or below the lowest edge, zero
    and less included, and ends with what is above the highest. Bucket `i` is `(edge(i - 1),
    edge(i)]`. `sum` is of the values; `max` is the greatest, -inf where there is none.
    """

    counts: Counts
    total: int
    sum: float
    max: float

    @classmethod
    def empty(cls) -> Snapshot:
        """Return one of no values."""
        return cls(np.zeros(BUCKETS + 2, np.int64), 0, 0.0, -math.inf)

    def quantile(self, q: float) -> float:
        """Return the value below which a share `q` (0 to 1) lies; NaN where there is none.

        Off by `ERROR` of the value at most, for values between the lowest and the highest edge:
        the sample at rank `ceil(q * total)` is in the bucket whose geometric middle is returned.
        Never above `max`, which the last rank is.
        """
        if not self.total:
            return math.nan
        rank = min(self.total, max(1, math.ceil(q * self.total)))
        place = int(np.searchsorted(np.cumsum(self.counts), rank))
        if rank == self.total or place > BUCKETS:
            return self.max
        return min(middle(place), self.max)

    def merge(self, other: Snapshot) -> Snapshot:
        """Return the histogram of both."""
        return Snapshot(
            self.counts + other.counts,
            self.total + other.total,
            self.sum + other.sum,
            max(self.max, other.max),
        )

    def since(self, earlier: Snapshot) -> Snapshot:
        """Return what came after `earlier`, a snapshot of the same histogram.

        Its `max` is off by `ERROR` of the value at most: the middle of the highest bucket that was
        filled since.
        """
        counts = self.counts - earlier.counts
        filled = np.flatnonzero(counts)
        greatest = -math.inf
        if len(filled):
            last = int(filled[-1])
            greatest = self.max if last > BUCKETS else min(self.max, middle(last))
        return Snapshot(counts, self.total - earlier.total, self.sum - earlier.sum, greatest)

    def below(self, octaves: range) -> list[int]:
        """Return how many values are at or below `ANCHOR * 2**k` for each `k`; exact."""
        sums = np.cumsum(self.counts)
        return [int(sums[(k - LOWEST) * PER_OCTAVE]) for k in octaves]


def edge(bucket: int) -> float:
    """Return the upper edge of a bucket, which belongs to it."""
    return float(ANCHOR * 2.0 ** ((bucket + _FIRST) / PER_OCTAVE))


def middle(bucket: int) -> float:
    """Return the geometric middle of a bucket; 0 for the one of zero and less."""
    return edge(bucket) / 2 ** (0.5 / PER_OCTAVE) if bucket else 0.0


class Cells:
    """The counts of one histogram, as one thread fills them. No lock; one writer."""

    __slots__ = ("counts", "max", "sum", "total")

    def __init__(self) -> None:
        self.counts: Counts = np.zeros(BUCKETS + 2, np.int64)
        self.total = 0
        self.sum = 0.0
        self.max = -math.inf

    def add(self, value: float) -> None:
        """Count one value; NaN is none."""
        if value != value:  # noqa: PLR0124  (NaN)
            return
        if value <= 0:
            place = 0
        elif value == math.inf:
            place = BUCKETS + 1
        else:
            place = math.ceil(math.log2(value) * PER_OCTAVE - _SHIFT - _SLACK) - _FIRST
            place = 0 if place < 0 else min(place, BUCKETS + 1)
        self.counts[place] += 1
        self.total += 1
        self.sum += value
        self.max = max(self.max, value)

    def add_many(self, values: npt.ArrayLike) -> None:
        """Count all values of an array, of any shape; NaN is none."""
        array = np.asarray(values, np.float64).ravel()
        array = array[~np.isnan(array)]
        if not len(array):
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log2(np.maximum(array, 0.0)) * PER_OCTAVE - _SHIFT - _SLACK
        places = np.clip(np.ceil(logs) - _FIRST, 0, BUCKETS + 1).astype(np.intp)
        self.counts += np.bincount(places, minlength=BUCKETS + 2)
        self.total += len(array)
        with np.errstate(over="ignore", invalid="ignore"):
            self.sum += float(array.sum())
        self.max = max(self.max, float(array.max()))

    def read(self) -> Snapshot:
        """Return what is counted by now; from any thread.

        The total is that of the counts, so that the two agree whatever the writer does meanwhile.
        """
        counts = self.counts.copy()
        return Snapshot(counts, int(counts.sum()), self.sum, self.max)
