"""Whether a figure rises or falls over minutes, and whether it is far from its own past. I/O-free.

Slopes are Theil's and Sen's (Sen, 1968): the median over all pairs of points, which a third of bad
points does not move, with the bounds of Kendall's test. Distances are from the median, in medians
of the absolute deviation (Iglewicz and Hoaglin, 1993).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST = 120  # points: 7,140 pairs, a third of a millisecond
OVER_S = 600.0  # a slope looks back so far
LEAST = 20  # points before a slope says anything
LEAST_S = 30.0  # and so long
_Z = 2.576  # 99 of 100: the bounds of a slope
_NORMAL = 1.4826  # MADs of a normal distribution in one standard deviation
_STRANGE = 6.0  # standard deviations: one in some hundred million readings, were they normal
_AGAIN = 2  # strange readings in a row: one is a hiccup
_FLAT = 0.02  # of the median: who varies less is not strange for varying by as much


@dataclass(frozen=True, slots=True)
class Slope:
    """A change a second, the bounds in which it lies 99 times of 100, and over how long (s).

    `rise` is what it comes to over that time. `sure` says that it goes one way, in both halves of
    that time, and by more than the points scatter.
    """

    per_s: float
    low: float
    high: float
    over_s: float
    sure: bool

    @property
    def rise(self) -> float:
        """The change over the whole time."""
        return self.per_s * self.over_s


class History:
    """The points of a figure over the last `over_s` seconds, thinned to at most `most`.

    Times in s, rising; a value that is not finite is passed over.
    """

    def __init__(self, most: int = MOST, over_s: float = OVER_S) -> None:
        self._most = most
        self._over_s = over_s
        self._apart = 0.0  # s between two points, once there were too many
        self._points: list[tuple[float, float]] = []

    def add(self, now: float, value: float | None) -> None:
        """Take a reading."""
        if value is None or not math.isfinite(value):
            return
        points = self._points
        if points and now - points[-1][0] < max(self._apart, 1e-9):
            return
        points.append((now, value))
        while now - points[0][0] > self._over_s:
            del points[0]
        if len(points) > self._most:
            del points[1::2]
            self._apart = min(1.5 * (points[-1][0] - points[0][0]) / self._most, self._over_s)

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self._points[-1][1] if self._points else None

    def __len__(self) -> int:
        return len(self._points)

    def slope(self) -> Slope | None:
        """Return how it changes, None before there are enough points over a long enough time."""
        points = self._points
        if len(points) < LEAST or points[-1][0] - points[0][0] < LEAST_S:
            return None
        times, values = np.array(points).T
        per_s, low, high = theil_sen(times, values)
        rest = values - per_s * times
        scatter = _NORMAL * float(np.median(np.abs(rest - np.median(rest))))
        over_s = float(times[-1] - times[0])
        half = len(points) // 2
        parts = [theil_sen(times[part], values[part]) for part in (slice(half), slice(half, None))]
        way = math.copysign(1.0, per_s)
        sure = (low > 0 or high < 0) and abs(per_s) * over_s > 2 * scatter
        # What levels off, or was one step, has a half that does not go on.
        sure = sure and all(way * (low if way > 0 else high) > 0 for _, low, high in parts)
        return Slope(per_s, low, high, over_s, sure)


def theil_sen(
    times: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return the median slope over all pairs, and its lower and upper bound (99 of 100)."""
    first, second = np.triu_indices(len(times), 1)
    slopes = np.sort((values[second] - values[first]) / (times[second] - times[first]))
    count = len(times)
    spread = _Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, math.floor((len(slopes) - spread) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + spread) / 2))
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])


class Past:
    """The newest readings of a figure, and whether the last ones are strange among them."""

    def __init__(self, most: int = MOST, least: int = 30) -> None:
        self._values: deque[float] = deque(maxlen=most)
        self._least = least
        self._strange = 0  # in a row
        self.usual = 0.0  # the median, when that was last asked
        self.distance = 0.0  # standard deviations from it

    def add(self, value: float | None) -> bool:
        """Take a reading; return whether it, and the one before it, are far from the past."""
        if value is None or not math.isfinite(value):
            return False
        values = self._values
        if len(values) >= self._least:
            self.usual, self.distance = distance(value, values)
            self._strange = self._strange + 1 if abs(self.distance) > _STRANGE else 0
        values.append(value)
        return self._strange >= _AGAIN


def distance(value: float, past: Sequence[float] | deque[float]) -> tuple[float, float]:
    """Return the median of the past, and how many robust standard deviations a value is from it."""
    known = np.fromiter(past, dtype=np.float64)
    usual = float(np.median(known))
    scatter = _NORMAL * float(np.median(np.abs(known - usual)))
    least = max(_FLAT * abs(usual), 1e-12)
    return usual, (value - usual) / max(scatter, least)
