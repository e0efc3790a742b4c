"""Forecasts by an ARIMA that learns as it goes."""

from __future__ import annotations

import math
from typing import Any

from livewidget.data.errors import StateError, quote
from livewidget.pipeline.fields import whole
from livewidget.pipeline.models.kept import freeze, river, thaw
from livewidget.pipeline.models.model import NAN, Estimate, fields_of
from livewidget.pipeline.operator import State

_FIRST = 30  # values that tell the scale, and that are learned before the first forecast
_FLAT = 1e-6  # of the mean: the scale where they are all the same


class Arima:
    """Forecasts `horizon` steps ahead by river's SNARIMAX, a linear model of the values before.

    ARIMA(3, 1, 1) unless given, with one seasonal term where there is a `season` (steps). Values
    are put on the mean and the spread of the first thirty. A row costs some 0.1 ms, and 20 us
    more for each step of the horizon.
    """

    version = 1

    def __init__(
        self, horizon: int, season: int | None = None, order: tuple[int, int, int] = (3, 1, 1)
    ) -> None:
        self._horizon = whole(horizon, "horizon")
        p, d, q = order
        seasonal = {} if season is None else {"m": whole(season, "season"), "sp": 1}
        self._model: Any = river("time_series").SNARIMAX(p=p, d=d, q=q, **seasonal)
        self._settings = [horizon, season, p, d, q]
        self._first: list[float] = []
        self._mean, self._spread = 0.0, 1.0

    def step(self, time: int, value: float) -> Estimate | None:  # noqa: ARG002  (steps count)
        """Return what is expected `horizon` values later; None in the first thirty.

        Not finite where the model has diverged.
        """
        if len(self._first) < _FIRST:
            self._first.append(value)
            if len(self._first) == _FIRST:
                self._mean = math.fsum(self._first) / _FIRST
                power = math.fsum((each - self._mean) ** 2 for each in self._first)
                self._spread = max(math.sqrt(power / _FIRST), _FLAT * abs(self._mean), 1e-300)
                for each in self._first:
                    self._model.learn_one((each - self._mean) / self._spread)
            return None
        self._model.learn_one((value - self._mean) / self._spread)
        try:
            ahead = float(self._model.forecast(self._horizon)[-1])
        except (OverflowError, ZeroDivisionError):
            ahead = NAN
        return Estimate(expected=self._mean + self._spread * ahead)

    def save(self) -> State:
        """Return what was learned."""
        return {
            "settings": list(self._settings),
            "model": freeze(self._model),
            "first": list(self._first),
            "scale": [self._mean, self._spread],
        }

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it is of other settings."""
        settings, model, first, scale = fields_of(state, "settings", "model", "first", "scale")
        if list(settings) != self._settings:
            raise StateError(f"the state is of {quote(settings)}, expected {self._settings}")
        self._model = thaw(model, type(self._model))
        self._first = [float(each) for each in first]
        self._mean, self._spread = map(float, scale)
