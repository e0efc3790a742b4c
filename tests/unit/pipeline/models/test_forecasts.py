"""Forecasts: against a readable twin, with intervals that keep their word, withdrawn where bad."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.pipeline.models import Estimate, Forecast, Smoothing

from .feeds import SECOND, batch, run

NAN = float("nan")


def twin(values, horizon, season):
    """Holt and Winters in their own words (component form), damped; None where nothing is said."""
    alpha, beta, gamma, phi = 0.3, 0.05, 0.1, 0.98
    size = season or 1
    said = [None] * (size - 1)
    level, trend = sum(values[:size]) / size, 0.0
    seasons = {place: values[place] - level for place in range(min(size, len(values)))}
    for at in range(size - 1, len(values)):
        if at >= size:
            value, old = values[at], seasons[at - size]
            before = level + phi * trend
            level = alpha * (value - old) + (1 - alpha) * before
            trend = beta * (level - (before - phi * trend)) + (1 - beta) * phi * trend
            keep = gamma * (value - before) + (1 - gamma) * old
            # Hyndman's form moves the season by what the level left over of the error.
            seasons[at] = keep - gamma * alpha * (value - before - old) if season else 0.0
        ahead = seasons[at + horizon - size * -(-horizon // size)]
        damped = sum(phi**step for step in range(1, horizon + 1))
        said.append(level + damped * trend + ahead)
    return said


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=12, max_size=60),
    horizon=st.integers(1, 15),
    season=st.none() | st.integers(2, 12),
)
def test_smoothing_against_its_twin(values, horizon, season):
    model = Smoothing(horizon, season)
    found = [model.step(place, value) for place, value in enumerate(values)]
    for own, expected in zip(found, twin(values, horizon, season), strict=True):
        assert (own is None) == (expected is None)
        if own is not None:
            assert own.expected == pytest.approx(expected, rel=1e-6, abs=1e-6)


class Oracle:
    """Says what it is told, by the value it is at."""

    def __init__(self, say):
        self._say = say

    def step(self, time, value):
        del time
        return Estimate(expected=float(self._say(value)))


def told(say, values, horizon=2, **settings):
    operator = Forecast("value", lambda *_: Oracle(say), horizon=horizon, **settings)
    out, _ = run(operator, [batch(values)])
    return operator, out, [row["forecast_withdrawn"] for row in out.rows()]


def test_a_forecast_stands_at_the_row_it_was_made_for():
    values = np.arange(100.0)
    operator, out, _ = told(lambda value: value + 3, values)
    assert np.isnan(out["forecast"][:2]).all()
    np.testing.assert_array_equal(out["forecast"][2:], values[2:] + 1)
    assert operator.scores["mae"] == 1
    assert operator.scores["mase"] == 0.5
    assert operator.scores["forecasts"] == 98


def test_missing_rows_are_no_steps():
    values = np.arange(60.0)
    values[[10, 20]] = NAN
    _, out, _ = told(lambda value: value, values, horizon=1)
    assert np.isnan(out["forecast"][[0, 10, 20]]).all()
    assert out["forecast"][11] == 9


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("draw", ["normal", "laplace", "exponential"])
def test_intervals_hold_what_they_promise_whatever_the_noise(coverage, draw):
    values = getattr(np.random.default_rng(8), draw)(size=4_000)
    values[2_000:] *= 4
    operator = Forecast("value", "ets", horizon=3, coverage=coverage)
    run(operator, [batch(values)])
    assert operator.scores["coverage"] == pytest.approx(coverage, abs=0.015)


def test_a_season_is_worth_more_than_nothing():
    at = np.arange(2_000)
    noise = np.random.default_rng(9).normal(0, 0.3, len(at))
    values = 10 * np.sin(at / 24 * 2 * np.pi) + noise
    for settings_ in ({"season": 24, "horizon": 6}, {"season": "24s", "horizon": "6s"}):
        operator = Forecast("value", **settings_)
        run(operator, [batch(values)])
        assert operator.scores["mase"] < 0.3
    arima = Forecast("value", "arima", horizon=6)
    run(arima, [batch(values[:1_000])])
    assert arima.scores["mase"] < 1


def test_what_is_not_finite_is_withdrawn_and_comes_back(caplog):
    values = np.random.default_rng(10).normal(0, 1, 300)
    values[100:110] = 7.5
    with caplog.at_level(logging.WARNING, "livewidget"):
        operator, out, reasons = told(lambda v: NAN if v == 7.5 else 0, values)
    assert set(reasons[102:112]) == {"not finite"}
    assert set(reasons[:102] + reasons[112:]) == {None}
    assert np.isnan(out["forecast"][102:112]).all()
    assert not np.isnan(out["forecast"][112:]).any()
    assert operator.counts["withdrawn: not finite"] == operator.scores["withdrawn"] == 10
    assert caplog.text.count("not finite") == 1


def test_what_is_beyond_all_that_was_seen_is_withdrawn():
    values = np.random.default_rng(11).normal(0, 1, 300)
    values[150] = 7.5
    _, _, reasons = told(lambda v: 1e6 if v == 7.5 else 0, values)
    assert [place for place, reason in enumerate(reasons) if reason] == [152]
    assert reasons[152] == "out of bounds"


def test_what_is_far_worse_than_naive_for_long_is_withdrawn_and_comes_back():
    steps = np.random.default_rng(12).normal(0, 0.1, 1_500)
    values = 100 + np.cumsum(steps)
    bad = values[500:600].copy()
    _, out, reasons = told(lambda v: v + (1.5 if v in bad else 0), values, horizon=1)
    assert reasons[500:510] == [None] * 10
    assert reasons[560] == "worse than naive"
    assert reasons[-1] is None
    assert np.isfinite(out["forecast"][-300:]).all()


def test_a_model_that_stays_bad_begins_anew():
    made = []

    class Broken:
        def __init__(self, *_):
            made.append(self)
            self._good = len(made) > 4  # those of a look and of the first key

        def step(self, time, value):
            del time
            return Estimate(expected=value if self._good else float("inf"))

    operator = Forecast("value", Broken, horizon=1)
    before = len(made)
    out, _ = run(operator, [batch(np.random.default_rng(13).normal(0, 1, 1_200))])
    assert len(made) > before
    assert np.isfinite(out["forecast"][-1])


def test_a_model_that_raises_keeps_its_forecasts_on_their_rows():
    values = np.arange(100.0)

    def say(value):
        if value == 50:
            raise ZeroDivisionError
        return value

    operator, out, _ = told(say, values)
    assert operator.counts["failed"] == 1
    assert np.flatnonzero(np.isnan(out["forecast"])).tolist() == [0, 1, 50, 52]
    np.testing.assert_array_equal(out["forecast"][53:], values[51:-2])


def test_a_horizon_of_too_many_steps_is_told(caplog):
    operator = Forecast("value", horizon="1d")
    with caplog.at_level(logging.WARNING, "livewidget"):
        out, _ = run(operator, [batch(np.ones(100), step=SECOND // 1_000)])
    assert np.isnan(out["forecast"]).all()
    assert operator.counts["failed"]
    assert "86,400,000 steps" in caplog.text
