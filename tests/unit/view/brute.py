"""The slow and readable twin of the view: all rows looked at again, bucket by bucket."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

Sample = tuple[int, float]

NUMBERS = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, 1.0, 2.0]),
    st.floats(-1000, 1000, width=16),
)


@dataclass
class Bucket:
    first: Sample
    low: Sample
    high: Sample
    last: Sample

    @classmethod
    def of(cls, samples: list[Sample]) -> Bucket:
        known = [each for each in samples if not math.isnan(each[1])] or samples[:1]
        low = min(known, key=lambda each: each[1])
        high = max(known, key=lambda each: each[1])
        return cls(samples[0], low, high, samples[-1])

    def points(self, *, enters: bool, leaves: bool) -> list[Sample]:
        """What is drawn: min and max in time order, and what else the neighbours ask for."""
        if math.isnan(self.low[1]):
            return [self.first]
        middle = [self.low, self.high] if self.low[0] <= self.high[0] else [self.high, self.low]
        points = [self.first] if enters or math.isnan(self.first[1]) else []
        points += middle
        points += [self.last] if leaves or math.isnan(self.last[1]) else []
        return [each for i, each in enumerate(points) if i == 0 or each != points[i - 1]]


def buckets_of(times: list[int], column: list[float], width: int) -> dict[int, Bucket]:
    """Each bucket by its id; rows of one time count in the order they came."""
    samples = defaultdict(list)
    for time, value in sorted(zip(times, column, strict=True), key=lambda each: each[0]):
        samples[time // width].append((time, value))
    return {place: Bucket.of(each) for place, each in sorted(samples.items())}


def drawn(buckets: dict[int, Bucket], *, every: bool) -> list[Sample]:
    """The points of a line without gaps."""
    points = []
    for place, bucket in buckets.items():
        enters = place - 1 not in buckets and place != min(buckets)
        leaves = place + 1 not in buckets and place != max(buckets)
        points += bucket.points(enters=every or enters, leaves=every or leaves)
    return points


def seen(summary, line: int) -> dict[int, Bucket]:
    """A view's own buckets in the same shape."""
    parts = [
        list(zip(summary.times[k, line].tolist(), summary.values[k, line].tolist(), strict=True))
        for k in range(4)
    ]
    ids = summary.ids.tolist()
    return {place: Bucket(*each) for place, *each in zip(ids, *parts, strict=True)}


def same(left: object, right: object) -> bool:
    """Equal buckets or points, NaN being equal to NaN."""
    return repr(left).replace("-0.0", "0.0") == repr(right).replace("-0.0", "0.0")


@st.composite
def batches(draw, series: int = 2, span: int = 1000, keys: int = 0):
    """Batches of (times, values, keys): mostly rising, some late, some of one time."""
    made, now = [], draw(st.integers(-50, 50))
    for _ in range(draw(st.integers(1, 8))):
        size = draw(st.one_of(st.integers(1, 4), st.integers(1, 60)))
        steps = draw(st.lists(st.integers(-20, span // 10), min_size=size, max_size=size))
        times = now + np.cumsum(np.array(steps, dtype=np.int64))
        if draw(st.booleans()):
            times = np.sort(times)
        if draw(st.integers(0, 4)) == 0:
            times -= draw(st.integers(0, span))
        now = max(now, int(times.max()))
        pool = draw(st.lists(NUMBERS, min_size=1, max_size=12))
        picks = np.random.default_rng(draw(st.integers(0, 2**16)))
        values = picks.choice(np.array(pool), size=(series, size))
        codes = picks.integers(-1, keys, size, dtype=np.int32) if keys else None
        made.append((times, values, codes))
    return made
