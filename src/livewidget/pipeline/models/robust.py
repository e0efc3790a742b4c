"""The robust z-score: how far a value lies from the median of those before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from livewidget.data.duration import is_number
from livewidget.data.errors import SettingError, StateError, quote
from livewidget.pipeline.fields import whole
from livewidget.pipeline.models.model import Estimate, Estimates, Floats, Times, fields_of
from livewidget.pipeline.models.views import windows
from livewidget.pipeline.operator import State

_SIGMA = 1.4826  # of a normal distribution, in median absolute deviations
_SIGMA_OF_MEAN = 1.2533  # and in mean absolute ones
_FLAT = 1e-9  # of the median: the least spread, where all values are the same
_HIGHEST = 1e6
_LEAST = 20  # values before the first estimate: a median of fewer is chance


class RobustZ:
    """Scores a value by the median and the spread (MAD) of the `rows` values before it.

    The score is in standard deviations of a normal distribution; a value is an anomaly where it
    is above `threshold`. Where more than half of the values are the same, the mean absolute
    deviation is the spread. Iglewicz and Hoaglin (1993), who say 3.5; the default is 6, since a
    stream has many more values than a sample, and tails that are heavier than normal.
    """

    band = True
    version = 1

    def __init__(self, rows: int = 200, threshold: float = 6.0) -> None:
        self._rows = whole(rows, "rows")
        if rows < _LEAST:
            raise SettingError(f"rows is {_LEAST} or more, got {rows}")
        self._threshold = positive(threshold, "threshold")
        self._seen: Floats = np.zeros(0)

    def step(self, time: int, value: float) -> Estimate:
        """Return the estimate of one value."""
        found = self.run(np.array([time]), np.array([value]))
        return Estimate(*(getattr(found, name)[0].item() for name in _NUMBERS))

    def run(self, times: Times, values: Floats) -> Estimates:  # noqa: ARG002  (rows count)
        """Return the estimates of values in order of arrival."""
        with np.errstate(over="ignore", invalid="ignore"):  # of the largest numbers: no score
            return self._run(values)

    def _run(self, values: Floats) -> Estimates:
        every = np.concatenate([self._seen, values])
        middle, spread = np.full(len(values), np.nan), np.full(len(values), np.nan)
        ends = range(len(self._seen), len(every))
        for part, (window,) in windows((every,), ends, self._rows, _LEAST):
            middle[part], spread[part] = _spread(window)
        self._seen = every[-self._rows :].copy()
        found = Estimates(len(values))
        found.expected = middle
        found.score = np.minimum(np.abs(values - middle) / spread, _HIGHEST)
        found.anomaly = found.score > self._threshold
        found.low, found.high = middle - self._threshold * spread, middle + self._threshold * spread
        return found

    def save(self) -> State:
        """Return the values of the window."""
        return {"rows": self._rows, "seen": self._seen.copy()}

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it is of another window."""
        rows, seen = fields_of(state, "rows", "seen")
        if rows != self._rows:
            raise StateError(f"the state is of {quote(rows)} rows, expected {self._rows}")
        self._seen = floats(seen, self._rows)


_NUMBERS = ("score", "anomaly", "expected", "low", "high")


def _spread(window: Floats) -> tuple[Floats, Floats]:
    """Return the median and the spread of each window, float64[n, size]."""
    middle = np.median(window, axis=1)
    away = np.abs(window - middle[:, None])
    spread = _SIGMA * np.median(away, axis=1)
    same = spread == 0
    if same.any():
        spread[same] = _SIGMA_OF_MEAN * away[same].mean(axis=1)
    return middle, np.maximum(spread, np.maximum(_FLAT * np.abs(middle), np.finfo(float).tiny))


def positive(value: Any, setting: str, most: float = float("inf")) -> float:
    """Return a setting that is a number above 0 and below `most`. Raises SettingError."""
    if not is_number(value) or not 0 < value < most:
        room = "" if most == float("inf") else f" and below {most:g}"
        raise SettingError(f"{setting} is a number above 0{room}; got {quote(value)}")
    return float(value)


def floats(value: Any, most: int) -> Floats:
    """Return an array of a state: float64, one axis, at most so many. Raises StateError."""
    if not isinstance(value, np.ndarray) or value.ndim != 1 or len(value) > most:
        raise StateError(f"an array of at most {most} numbers was expected; got {quote(value)}")
    return value.astype(np.float64)
