"""Forecasts of a column, drawn where they were meant for and held against what came."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.convert import Column
from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.fields import whole
from livewidget.pipeline.models.arima import Arima
from livewidget.pipeline.models.bank import MOST_KEYS
from livewidget.pipeline.models.forecaster import LONGEST, REASONS, Build, Forecaster, Span
from livewidget.pipeline.models.learned import Learned, floats_of, prefixed, worded
from livewidget.pipeline.models.model import Estimates, Floats, Model
from livewidget.pipeline.models.robust import positive
from livewidget.pipeline.models.scores import ratio
from livewidget.pipeline.models.smoothing import LONGEST_SEASON, Smoothing

_LARGEST = 1e300  # error that is counted, so that a sum of them is finite
log = logging.getLogger("livewidget")
FORECASTERS: dict[str, Build] = {
    "arima": Arima,
    "ets": partial(Smoothing, trend=False),
    "holt_winters": Smoothing,
}


class Forecast(Learned):
    """Adds `forecast`, `forecast_low` and `forecast_high`: what was forecast for this row.

    It was made `horizon` before, so that it draws as a dashed line in a band beside what came, and
    `scores` itself: `coverage` (how much came to lie in the band; `coverage` is the aim), `mae`
    (mean absolute error), `mase` (that in units of the naive forecast's, the value as it was: below
    1 is better than nothing).

    `model` is "holt_winters" (level, damped trend and season), "ets" (level and season), "arima"
    (river), or a function of horizon and season, both in steps, that returns a `models.Model`
    whose `step` gives as `expected` what it expects so many rows later. `horizon` and `season` are
    steps (whole numbers) or durations ("30s"), which are turned into steps by the first twenty
    intervals of a key.

    Steps are rows: a series with gaps is better windowed first, so that each step has a row.

    A forecast that diverges is withdrawn: NaN, with the reason in the text column
    `forecast_withdrawn`, in `counts`, and once in the log (see `models.forecaster.Forecaster`).
    """

    name = "forecast"
    SCORES = ("forecasts", "withdrawn", "coverage", "mae", "mase")
    TERMS = 6

    def __init__(
        self,
        column: str,
        model: Any = "holt_winters",
        *,
        horizon: Any = 1,
        season: Any = None,
        coverage: float = 0.95,
        by: str | Sequence[str] | None = None,
        into: str | None = None,
        score_every: Any = None,
        most_keys: int = MOST_KEYS,
    ) -> None:
        ahead = _span(horizon, "horizon", 1, LONGEST)
        around = None if season is None else _span(season, "season", 2, LONGEST_SEASON)
        coverage = positive(coverage, "coverage", 1.0)
        make = partial(Forecaster, _build(model), ahead, around, coverage)
        super().__init__(
            column,
            make,
            by=by,
            most_keys=most_keys,
            score_every=score_every,
            counted=[f"withdrawn: {reason}" for reason in REASONS],
        )
        _build(model)(2, None)  # so that a bad setting or a missing package raises here
        self._prefix = prefixed(into)
        self._told: set[str] = set()

    def _fields(self, model: Model, schema: Schema) -> list[Field]:  # noqa: ARG002  (always these)
        names = ("forecast", "forecast_low", "forecast_high")
        floats = floats_of(self._prefix + name for name in names)
        return [*floats, Field(f"{self._prefix}forecast_withdrawn", Kind.TEXT)]

    def _columns(self, estimates: Estimates, values: Floats) -> list[Column]:  # noqa: ARG002
        reasons = worded(estimates)
        for code, reason in enumerate(reasons.categories):
            self.counts.add(f"withdrawn: {reason}", int((reasons.codes == code).sum()))
            if reason not in self._told:
                self._told.add(reason)
                log.warning("forecast of %s withdrawn for a while: %s", self._column, reason)
        return [estimates.expected, estimates.low, estimates.high, reasons]

    def _terms(self, estimates: Estimates, values: Floats, batch: Batch) -> Floats:  # noqa: ARG002
        with np.errstate(invalid="ignore", over="ignore"):
            banded = ~np.isnan(estimates.low)
            inside = (values >= estimates.low) & (values <= estimates.high)
            error = np.abs(values - estimates.expected)
            naive = np.abs(values - estimates.baseline)
        made = np.isfinite(error) & np.isfinite(naive)
        error, naive = (np.where(made, np.minimum(each, _LARGEST), 0.0) for each in (error, naive))
        gone = np.array([note is not None for note in estimates.note], dtype=bool)
        return np.stack((made, gone, banded, inside, error, naive), axis=1).astype(np.float64)

    def _result(self, sums: Floats) -> list[float]:
        made, gone, banded, inside, error, naive = sums.tolist()
        return [made, gone, ratio(inside, banded), ratio(error, made), ratio(error, naive)]


def _build(model: Any) -> Build:
    if isinstance(model, str) and model in FORECASTERS:
        return FORECASTERS[model]
    if callable(model):
        return model  # type: ignore[no-any-return]
    raise SettingError(
        f"model is one of {', '.join(FORECASTERS)}, or a function of horizon and season (steps) "
        f"that returns a model; got {quote(model)}"
    )


def _span(value: Any, setting: str, least: int, most: int) -> Span:
    if not isinstance(value, int):
        return seconds(value, setting)
    if whole(value, setting) < least:
        raise SettingError(f"{setting} is at least {least} steps; got {value}")
    if value > most:
        raise SettingError(f"{setting} is at most {most:,} steps, got {value:,}")
    return value
