"""Detectors, changes and trends against readable twins, and on what is hard for them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from livewidget.pipeline.models import (
    Change,
    Detect,
    Drift,
    HalfSpaceTrees,
    Residual,
    RobustZ,
    Trend,
)
from livewidget.pipeline.models.slope import _student
from livewidget.pipeline.models.tail import Tail

from .feeds import SECOND, batch, run

VALUES = st.lists(st.floats(-1e9, 1e9) | st.integers(-2, 2).map(float), min_size=1, max_size=80)


def feed(model, values, step=SECOND):
    return [model.step(place * step, value) for place, value in enumerate(values)]


@settings(max_examples=40, deadline=None)
@given(values=VALUES, rows=st.integers(20, 30))
def test_the_robust_score_against_the_plain_definition(values, rows):
    found = RobustZ(rows, 3.5).run(np.arange(len(values)), np.array(values))
    for place, value in enumerate(values):
        before = sorted(values[max(0, place - rows) : place])
        if len(before) < 20:
            assert math.isnan(found.score[place])
            continue
        middle = float(np.median(before))
        away = [abs(each - middle) for each in before]
        spread = 1.4826 * float(np.median(away)) or 1.2533 * float(np.mean(away))
        spread = max(spread, 1e-9 * abs(middle), np.finfo(float).tiny)
        assert found.expected[place] == middle
        expected = min(abs(value - middle) / spread, 1e6)
        assert found.score[place] == pytest.approx(expected, rel=1e-9)
        assert found.anomaly[place] == (found.score[place] > 3.5)


@settings(max_examples=25, deadline=None)
@given(values=VALUES)
def test_a_line_against_the_plain_definition(values):
    out, _ = run(Trend("value", rows=12), [batch(values)])
    for place in range(len(values)):
        window = np.array(values[max(0, place - 11) : place + 1])
        if len(window) < 8:
            assert math.isnan(out["slope"][place])
            continue
        line = stats.linregress(np.arange(len(window)), window)
        near = 1e-9 * np.abs(window).max()
        assert out["slope"][place] == pytest.approx(line.slope, rel=1e-6, abs=near)
        half = line.stderr * stats.t.ppf(0.975, len(window) - 2)
        wide = out["slope_high"][place] - out["slope"][place]
        assert wide >= half * 0.999 - near  # never surer than with independent errors


@pytest.mark.parametrize("degrees", [6, 10, 30, 300])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_students_t(degrees, confidence):
    exact = stats.t.ppf(0.5 + confidence / 2, degrees)
    assert _student(confidence, degrees) == pytest.approx(exact, rel=0.01)


def test_trends_are_named():
    noise = np.random.default_rng(1).normal(0, 1, 100)
    for slope, name in ((0.5, "rising"), (-0.5, "falling")):
        out, _ = run(Trend("value"), [batch(slope * np.arange(100) + noise)])
        words = [row["trend"] for row in out.rows()]
        assert words[:7] == [None] * 7
        assert set(words[60:]) == {name}
    out, _ = run(Trend("value"), [batch(np.full(100, 7.0))])
    assert {row["trend"] for row in out.rows()} == {None, "flat"}


def test_no_trend_is_seen_in_most_noise():
    noise = np.random.default_rng(2).normal(0, 1, 3_000)
    words = [row["trend"] for row in run(Trend("value", rows=40), [batch(noise)])[0].rows()]
    assert words.count("flat") > 0.93 * len(words)


def test_a_line_through_rows_of_one_time_is_none():
    out, _ = run(Trend("value"), [batch(np.arange(30.0), step=0)])
    assert np.isnan(out["slope"]).all()


@pytest.mark.parametrize("model", ["auto", "robust_z"])
def test_a_spike_stands_out_and_has_a_band(model):
    values = np.random.default_rng(3).normal(10, 1, 1_000)
    values[900] = 60
    out, _ = run(Detect("value", model), [batch(values)])
    assert np.flatnonzero(~np.isnan(out["anomaly"])).tolist()[0] == 900
    assert out["anomaly"][900] == 60
    assert np.isnan(out["anomaly"]).sum() >= 980
    inside = (out["low"] < out["expected"]) & (out["expected"] < out["high"])
    assert inside[400:].all()
    assert out["high"][900] < 60


def test_a_flat_line_that_moves_is_an_anomaly():
    values = np.full(700, 5.0)
    values[650] = 5.1
    for model in ("auto", "robust_z"):
        out, _ = run(Detect("value", model), [batch(values)])
        assert out["anomaly"][650] == 5.1
        assert np.isfinite(out["anomaly_score"][650:]).all()
        assert np.isnan(out["anomaly"][:650]).all()


def test_what_is_ordinary_at_night_is_an_anomaly_at_noon():
    step = 1_800 * SECOND
    at = np.arange(48 * 30)
    noise = np.random.default_rng(4).normal(0, 1, len(at))
    values = 100 * np.sin(at / 48 * 2 * np.pi) ** 2 + noise
    values[48 * 25 + 12] = 0  # the middle of the day's first hump
    start = 1_700_006_400 * SECOND  # midnight, UTC
    for model in ("auto", "seasonal"):
        out, _ = run(Detect("value", model), [batch(values, step=step, start=start)])
        assert 48 * 25 + 12 in np.flatnonzero(~np.isnan(out["anomaly"]))
    out, _ = run(Detect("value", "robust_z"), [batch(values, step=step, start=start)])
    assert np.isnan(out["anomaly"][48 * 25 + 12])


def test_few_ordinary_values_alarm():
    for seed, draw in enumerate(("normal", "laplace", "exponential")):
        values = getattr(np.random.default_rng(seed), draw)(size=20_000)
        marks = sum(
            bool(each and each.anomaly) for each in feed(Residual("level"), values.tolist())
        )
        assert marks < 25  # two thresholds, each passed twice in 20,000 rows, not independently


def test_a_tail_passes_as_seldom_as_it_is_told():
    scores = np.random.default_rng(5).exponential(size=50_000)
    tail = Tail(1e-3)
    passed = sum(tail(score) > 1 for score in scores.tolist())
    assert 25 < passed < 125


def test_half_space_trees_find_an_empty_place():
    random = np.random.default_rng(6)
    values = np.where(random.random(1_500) < 0.5, random.normal(0, 1, 1_500), 10)
    values[0], values[1_400:1_410] = 20, 17
    found = feed(HalfSpaceTrees(100, 5), values.tolist())
    scores = [0 if each is None else each.score for each in found]
    assert min(scores[1_400:1_410]) > np.median(scores[500:])
    assert scores == [0 if e is None else e.score for e in feed(HalfSpaceTrees(100, 5), values)]


@pytest.mark.parametrize("method", ["adwin", "page_hinkley"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_a_change_of_level_is_found_at_any_scale(method, scale):
    values = np.random.default_rng(7).normal(0, 1, 1_200)
    values[600:] += 6
    out, _ = run(Drift("value", method), [batch(scale * (values + 50))])
    changes = np.flatnonzero(~np.isnan(out["drift"]))
    assert len(changes) == 1
    assert 600 <= changes[0] < 700


@pytest.mark.parametrize("method", ["adwin", "page_hinkley"])
def test_a_level_that_was_flat_changes(method):
    found = feed(Change(method), [3.0] * 200 + [4.0] * 200)
    assert any(each and each.anomaly for each in found[200:300])
    assert not any(each and each.anomaly for each in found[:200])
