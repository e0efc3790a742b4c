"""Forecasts by exponential smoothing: a level, a damped trend, a season."""

from __future__ import annotations

from livewidget.data.errors import SettingError, StateError, quote
from livewidget.pipeline.fields import whole
from livewidget.pipeline.models.model import Estimate, fields_of
from livewidget.pipeline.operator import State

LONGEST_SEASON = 100_000  # steps: a week of six seconds
_LEVEL, _TREND, _SEASON = 0.3, 0.05, 0.1  # how much an error moves each
_DAMPING = 0.98  # of the trend a step: an undamped one runs away over a long horizon


class Smoothing:
    """Forecasts `horizon` steps ahead by additive exponential smoothing, after Holt and Winters.

    In the form of errors, ETS(A, Ad, A) in Hyndman et al. (2008): `trend` False leaves the trend
    out, `season` (steps; None for none) the season, whose first round is only learned. `step` says
    what is expected `horizon` rows later.
    """

    version = 1

    def __init__(self, horizon: int, season: int | None = None, *, trend: bool = True) -> None:
        self._horizon = whole(horizon, "horizon")
        self._season = None if season is None else whole(season, "season")
        if season is not None and not 1 < season <= LONGEST_SEASON:
            raise SettingError(f"season is 2 to {LONGEST_SEASON:,} steps, got {season}")
        self._damping = _DAMPING if trend else 0.0
        self._reach = sum(self._damping**step for step in range(1, horizon + 1))
        self._level: float | None = None
        self._trend = 0.0
        self._round: list[float] = []
        self._count = 0

    def step(self, time: int, value: float) -> Estimate | None:  # noqa: ARG002  (steps count)
        """Return what is expected `horizon` values later; None in the first season."""
        size = self._season or 1
        place, self._count = self._count % size, self._count + 1
        if len(self._round) < size:
            self._round.append(value)
            if len(self._round) < size:
                return None
            self._level = sum(self._round) / size
            self._round = [each - self._level for each in self._round]
        else:
            assert self._level is not None
            trend = self._damping * self._trend
            error = value - (self._level + trend + self._round[place])
            self._level += trend + _LEVEL * error
            self._trend = trend + _LEVEL * _TREND * error
            if self._season:
                self._round[place] += _SEASON * (1 - _LEVEL) * error
        ahead = self._round[(place + self._horizon) % size]
        return Estimate(expected=self._level + self._reach * self._trend + ahead)

    def save(self) -> State:
        """Return what was learned."""
        return {
            "horizon": self._horizon,
            "season": self._season,
            "level": self._level,
            "trend": self._trend,
            "round": list(self._round),
            "count": self._count,
        }

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it is of other settings."""
        horizon, season, level = fields_of(state, "horizon", "season", "level")
        trend, own, count = fields_of(state, "trend", "round", "count")
        if (horizon, season) != (self._horizon, self._season) or len(own) > (season or 1):
            raise StateError(
                f"the state is of horizon {quote(horizon)} and season {quote(season)}; "
                f"expected {self._horizon} and {self._season}"
            )
        self._level = None if level is None else float(level)
        self._trend, self._round, self._count = float(trend), [float(e) for e in own], int(count)
