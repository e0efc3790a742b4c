"""Anomalies as what neither the level nor the time of day explains."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from livewidget.data.errors import SettingError, StateError, quote
from livewidget.pipeline.models.model import NAN, Estimate, fields_of
from livewidget.pipeline.models.robust import positive
from livewidget.pipeline.models.tail import Tail
from livewidget.pipeline.operator import State

_DAY = 86_400_000_000_000
_BINS = 48  # of a day: half an hour each
_THURSDAY = 3  # the first day of 1970, from Monday
_WEEKEND = 5
_DAY_RATE = 0.1  # of a half-hour's mean: some ten rows, or days where a row is half an hour
_LEVEL_RATE = 0.02  # the level is that of the last hundred rows
_ERROR_RATE = 0.002  # which explains better is judged by the last five hundred rows
_WILD = 5.0  # mean errors: one error counts no more, so that an anomaly does not decide
_FARTHEST = 100.0  # thresholds: no value draws what is expected as if it lay beyond
_SPELL = 12  # rows: what is a little unusual for so long is unusual
_HIGHEST = 1e6
EXPLAIN = ("auto", "level", "season")


class Residual:
    """Learns what to expect of a series, and how far from it values lie; the default detector.

    What is expected is the level (an exponential mean), or the mean of the half-hour of the day,
    working days and weekends by themselves, UTC. `by` is "level", "season", or "auto": whichever
    was nearer of late. The distance of a value, and the mean distance of the last twelve, are each
    held against a threshold that ordinary values pass once in 1 / `risk` rows (`tail.Tail`). The
    score is in units of that threshold, an anomaly is above 1. Nothing is an anomaly in the first
    300 rows.

    The one setting that matters is `risk`, the alarms in vain that one is ready to look at: of
    10,000 rows, one.
    """

    band = True
    version = 1

    def __init__(self, by: str = "auto", risk: float = 1e-4) -> None:
        if by not in EXPLAIN:
            raise SettingError(f"by is one of {', '.join(EXPLAIN)}; got {quote(by)}")
        self._by = by
        risk = positive(risk, "risk", 0.01)
        self._days = np.full((2, _BINS), NAN)
        self._level = NAN
        self._sides = [_Side(risk), _Side(risk)]  # of the level, of the season

    def step(self, time: int, value: float) -> Estimate | None:
        """Return the estimate of one value; None for the first, and for the first of a season."""
        place = _place(time)
        level, day = self._level, float(self._days[place])
        own, other = self._sides
        near = own.near(value, level)
        self._level = _moved(level, near, _LEVEL_RATE)
        # The first value of a half-hour has nothing but the level to be measured by.
        seasonal = near if math.isnan(day) else other.near(value, day)
        self._days[place] = _moved(day, seasonal, _DAY_RATE)
        found = (own.step(value, level), other.step(value, day))
        by_day = self._by == "season" or (self._by == "auto" and other.error < own.error)
        # A half-hour that was never seen has the level alone.
        return found[1] if by_day and (found[1] or self._by == "season") else found[0]

    def save(self) -> State:
        """Return what was learned."""
        return {
            "by": self._by,
            "days": self._days.copy(),
            "level": self._level,
            "sides": [side.save() for side in self._sides],
        }

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it does not fit."""
        by, days, level, sides = fields_of(state, "by", "days", "level", "sides")
        if by != self._by or np.shape(days) != (2, _BINS):
            raise StateError(f"the state is by {quote(by)}, expected {self._by!r}")
        for side, own in zip(self._sides, sides, strict=True):
            side.load(own)
        self._days, self._level = days.astype(np.float64), float(level)


class _Side:
    """One way to explain values: how well it does, and how far from it they ordinarily lie."""

    def __init__(self, risk: float) -> None:
        self._one, self._spell = Tail(risk), Tail(risk)
        self._recent: deque[float] = deque(maxlen=_SPELL)
        self.error = NAN

    def near(self, value: float, expected: float) -> float:
        """Return a value no further from what was expected than one value may draw it."""
        limit = _FARTHEST * self._one.threshold
        return (
            max(expected - limit, min(value, expected + limit)) if 0 < limit < math.inf else value
        )

    def step(self, value: float, expected: float) -> Estimate | None:
        """Return the estimate of a value where something was expected, and learn from it."""
        if math.isnan(expected):
            return None
        away = value - expected
        limit = _WILD * self.error if self.error > 0 else math.inf
        self.error = _moved(self.error, min(abs(away), limit), _ERROR_RATE)
        wide = self._one.threshold
        score = self._one(abs(away))
        self._recent.append(away)
        if len(self._recent) == _SPELL:
            score = max(score, self._spell(abs(sum(self._recent)) / _SPELL))
        if math.isinf(wide):
            return Estimate(expected=expected)
        score = min(score, _HIGHEST)
        return Estimate(score, score > 1, expected, expected - wide, expected + wide)

    def save(self) -> State:
        return {
            "one": self._one.save(),
            "spell": self._spell.save(),
            "recent": list(self._recent),
            "error": self.error,
        }

    def load(self, state: State) -> None:
        one, spell, recent, error = fields_of(state, "one", "spell", "recent", "error")
        self._one.load(one)
        self._spell.load(spell)
        self._recent, self.error = deque(map(float, recent), maxlen=_SPELL), float(error)


def _moved(mean: float, value: float, rate: float) -> float:
    """Return an exponential mean with one more value."""
    return value if math.isnan(mean) else mean + rate * (value - mean)


def _place(time: int) -> tuple[int, int]:
    """Return whether a time is of a weekend, and its half-hour of the day."""
    days, rest = divmod(time, _DAY)
    return int((days + _THURSDAY) % 7 >= _WEEKEND), rest * _BINS // _DAY
