"""The trend of the newest rows: a line through them, and whether its slope is one."""

from __future__ import annotations

import math

import numpy as np

from livewidget.data.errors import SettingError, StateError, quote
from livewidget.pipeline.fields import whole
from livewidget.pipeline.models.model import Estimate, Estimates, Floats, Times, fields_of
from livewidget.pipeline.models.robust import floats, positive
from livewidget.pipeline.models.views import windows
from livewidget.pipeline.operator import State

_LEAST = 8  # rows: a line through fewer says little, and Student's t is far from normal
_TIED = 0.99  # the most that an error is taken to say of the next one


class Slope:
    """Fits a line to the newest `rows` values by least squares, with its confidence interval.

    `expected` is the slope a second, `low` and `high` its interval, and `note` "rising" or
    "falling" where the interval leaves out zero, else "flat". Errors of a stream follow each other,
    which makes a slope look surer than it is: the interval is widened by what their correlation
    says (Santer et al. 2000, "Statistical significance of trends", eq. 6). The score is the slope
    in half intervals.
    """

    band = True
    version = 1

    def __init__(self, rows: int = 60, confidence: float = 0.95) -> None:
        self._rows = whole(rows, "rows")
        if rows < _LEAST:
            raise SettingError(f"rows is {_LEAST} or more, got {rows}")
        self._confidence = positive(confidence, "confidence", 1.0)
        self._times: Times = np.zeros(0, dtype=np.int64)
        self._values: Floats = np.zeros(0)

    def step(self, time: int, value: float) -> Estimate | None:
        """Return the trend up to one value, None in the first rows."""
        found = self.run(np.array([time]), np.array([value]))
        if found.note[0] is None:
            return None
        numbers = (found.expected, found.low, found.high)
        expected, low, high = (float(each[0]) for each in numbers)
        return Estimate(float(found.score[0]), False, expected, low, high, note=found.note[0])

    def run(self, times: Times, values: Floats) -> Estimates:
        """Return the trends up to each value."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._run(times, values)

    def _run(self, times: Times, values: Floats) -> Estimates:
        old = len(self._values)
        when = np.concatenate([self._times, times])
        what = np.concatenate([self._values, values])
        slope, half = np.full(len(values), np.nan), np.full(len(values), np.nan)
        ends = range(old + 1, len(what) + 1)
        for part, (at, of) in windows((when, what), ends, self._rows, _LEAST):
            slope[part], half[part] = _line(at, of, self._confidence)
        self._times, self._values = when[-self._rows :].copy(), what[-self._rows :].copy()
        found = Estimates(len(values))
        found.expected, found.low, found.high = slope, slope - half, slope + half
        found.score = np.abs(slope) / np.maximum(half, np.finfo(float).tiny)
        known = ~np.isnan(slope)
        found.note[known] = "flat"
        found.note[found.low > 0] = "rising"
        found.note[found.high < 0] = "falling"
        return found

    def save(self) -> State:
        """Return the rows of the window."""
        return {"rows": self._rows, "times": self._times.copy(), "values": self._values.copy()}

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it is of another window."""
        rows, times, values = fields_of(state, "rows", "times", "values")
        values = floats(values, self._rows)
        if rows != self._rows or np.shape(times) != values.shape:
            raise StateError(f"the state is of {quote(rows)} rows, expected {self._rows}")
        self._times, self._values = times.astype(np.int64), values


def _line(times: Times, values: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return the slope a second of each window, and half its interval; NaN at one time only."""
    size = values.shape[1]
    at = (times - times[:, -1:]) / 1e9
    at -= at.mean(axis=1)[:, None]
    scale = np.maximum(np.abs(values).max(axis=1)[:, None], np.finfo(float).tiny)
    away = values / scale  # so that no square is beyond float64
    away = away - away.mean(axis=1)[:, None]
    square = (at * at).sum(axis=1)
    slope = (at * away).sum(axis=1) / square
    errors = away - slope[:, None] * at
    power = (errors * errors).sum(axis=1)
    tied = np.nan_to_num((errors[:, 1:] * errors[:, :-1]).sum(axis=1) / power)
    tied = np.clip(tied, 0.0, _TIED)
    wide = np.sqrt(power / (size - 2) / square * (1 + tied) / (1 - tied))
    half = _student(confidence, size - 2) * wide
    return slope * scale[:, 0], half * scale[:, 0]


def _student(confidence: float, degrees: int) -> float:
    """Return how many standard errors an interval reaches: Student's t, by Cornish and Fisher."""
    from statistics import NormalDist  # 10 ms, that only those who look for trends need

    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return math.fsum((z, first / degrees, second / degrees**2, third / degrees**3))
