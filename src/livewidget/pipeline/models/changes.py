"""Change points: where a series goes on at another level than before."""

from __future__ import annotations

import math
from typing import Any

from livewidget.data.errors import SettingError, StateError, quote
from livewidget.pipeline.models.kept import freeze, river, thaw
from livewidget.pipeline.models.model import Estimate, fields_of
from livewidget.pipeline.operator import State

METHODS = {"adwin": "ADWIN", "page_hinkley": "PageHinkley"}
_FIRST = 30  # values that tell the scale of a level
_MOST = 10.0  # spreads: a single value weighs no more, since a change is what stays
_FLAT = 1e-6  # of the mean: the scale where all of the first values are the same


class Change:
    """Finds changes by river's ADWIN (Bifet and Gavalda, 2007) or Page-Hinkley (Page, 1954).

    Their thresholds mean values of about 1, so that values are first put on the mean and the
    spread of the first thirty of a level. With a change it all begins anew, for the new level. The
    score is the distance from the mean of the level in such spreads; `expected` that mean.
    """

    band = False
    version = 1

    def __init__(self, method: str = "adwin") -> None:
        if method not in METHODS:
            raise SettingError(f"method is one of {', '.join(METHODS)}; got {quote(method)}")
        self._method = method
        self._make = getattr(river("drift"), METHODS[method])
        self._begin()

    def _begin(self) -> None:
        self._first: list[float] = []
        self._mean, self._spread = 0.0, 0.0
        self._detector: Any = self._make()

    def step(self, time: int, value: float) -> Estimate | None:  # noqa: ARG002  (rows count)
        """Say whether the level has changed with this value; None in the first thirty."""
        if len(self._first) < _FIRST:
            self._first.append(value)
            if len(self._first) == _FIRST:
                self._scale()
            return None
        away = (value - self._mean) / self._spread
        self._detector.update(max(-_MOST, min(_MOST, away)))
        changed = bool(self._detector.drift_detected)
        estimate = Estimate(abs(away), changed, self._mean)
        if changed:
            self._begin()
        return estimate

    def _scale(self) -> None:
        self._mean = math.fsum(self._first) / _FIRST
        wide = math.sqrt(math.fsum((each - self._mean) ** 2 for each in self._first) / _FIRST)
        self._spread = max(wide, _FLAT * abs(self._mean), 1e-300)
        for each in self._first:
            self._detector.update((each - self._mean) / self._spread)

    def save(self) -> State:
        """Return what was learned."""
        return {
            "method": self._method,
            "first": list(self._first),
            "scale": [self._mean, self._spread],
            "detector": freeze(self._detector),
        }

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it does not fit."""
        method, first, (mean, spread), detector = fields_of(
            state, "method", "first", "scale", "detector"
        )
        if method != self._method:
            raise StateError(f"the state is of {quote(method)}, expected {self._method!r}")
        self._detector = thaw(detector, type(self._detector))
        self._first = [float(each) for each in first]
        self._mean, self._spread = float(mean), float(spread)
