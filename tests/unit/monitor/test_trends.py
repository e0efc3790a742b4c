"""Leaks and drifts are found, noise and what levels off are not; forecasts say what they know."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.monitor.forecast import forecast, span
from livewidget.monitor.trends import MOST, History, Past, distance, theil_sen

seeds = st.integers(0, 2**32 - 1)


def history(values, apart=1.0, **options):
    found = History(**options)
    for place, value in enumerate(values):
        found.add(place * apart, value)
    return found


@settings(deadline=None, max_examples=40)
@given(seeds, st.floats(0.5, 50.0), st.integers(60, 900))
def test_a_rise_is_sure_and_its_bounds_hold(seed, per_s, seconds):
    rng = np.random.default_rng(seed)
    values = per_s * np.arange(seconds) + rng.normal(size=seconds) * per_s * 3
    values[rng.random(seconds) < 0.1] += per_s * 500  # one in ten is far off
    slope = history(values).slope()
    assert slope.sure
    assert slope.per_s == pytest.approx(per_s, rel=0.2)
    assert slope.low <= slope.per_s <= slope.high


def test_noise_is_no_trend_in_ninety_of_a_hundred_tries_or_more():
    rng = np.random.default_rng(7)
    sure = [history(rng.normal(100, 5, 300)).slope().sure for _ in range(100)]
    assert sum(sure) <= 3


@pytest.mark.parametrize(
    "curve",
    [
        lambda t: np.minimum(t, 60.0),  # fills up, then holds
        lambda t: np.where(t > 150, 50.0, 0.0),  # one step
        lambda t: 10 * np.sin(t / 5),
        lambda t: np.full(len(t), 7.0),
    ],
    ids=["levels off", "a step", "waves", "flat"],
)
def test_what_does_not_go_on_is_no_trend(curve):
    times = np.arange(300.0)
    rng = np.random.default_rng(1)
    slope = history(curve(times) + rng.normal(size=300) * 0.5).slope()
    assert not slope.sure


def test_the_slope_is_that_of_the_definition():
    rng = np.random.default_rng(3)
    times = np.sort(rng.uniform(0, 100, 30))
    values = rng.normal(size=30)
    pairs = [
        (values[j] - values[i]) / (times[j] - times[i]) for i in range(30) for j in range(i + 1, 30)
    ]
    middle, low, high = theil_sen(times, values)
    assert middle == pytest.approx(np.median(pairs))
    assert min(pairs) <= low <= middle <= high <= max(pairs)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 5_000), st.floats(0.01, 30.0))
def test_a_history_is_bounded_and_spans_what_it_should(count, apart):
    found = history(np.zeros(count), apart)
    assert len(found) <= MOST + 1
    points = found._points
    assert points[-1][0] - points[0][0] <= 600.0
    if count * apart > 700:
        assert points[-1][0] - points[0][0] >= 300.0
    if len(points) > 2:
        assert found.slope() is None or math.isfinite(found.slope().per_s)


def test_few_points_say_nothing_and_what_is_no_number_is_passed_over():
    assert history([1.0, 2.0, 3.0]).slope() is None
    assert history([None, math.nan, math.inf]).last is None
    assert history(range(50), apart=0.1).slope() is None  # five seconds


@settings(deadline=None, max_examples=40)
@given(seeds, st.floats(1.0, 100.0), st.floats(60.0, 1200.0))
def test_a_limit_is_reached_about_when_it_was_said(seed, per_s, in_s):
    rng = np.random.default_rng(seed)
    values = per_s * (np.arange(180) + rng.normal(size=180))
    limit = per_s * (179 + in_s)
    found = forecast(history(values), limit)
    assert found.in_s == pytest.approx(in_s, rel=0.25)
    assert found.early_s <= found.in_s <= found.late_s


@pytest.mark.parametrize(
    ("values", "limit"),
    [
        (np.arange(10.0), 100),
        (-np.arange(100.0), 100),
        (np.arange(100.0), 50),
        (np.arange(100.0), 1e6),
        (np.random.default_rng(2).normal(0, 50, 100) + 0.3 * np.arange(100), 1000),
        ([None] * 100, 10),
    ],
    ids=["too few", "falls", "reached", "too far", "too rough", "unknown"],
)
def test_a_forecast_is_withheld(values, limit):
    assert forecast(history(values), limit) is None


def test_spans_for_people():
    assert [span(each) for each in (0.4, 59, 119, 840, 7_300, 200_000)] == [
        "0 s",
        "59 s",
        "119 s",
        "14 min",
        "2 h",
        "2 days",
    ]


def test_a_jump_is_strange_from_its_second_reading_on_and_then_usual():
    rng = np.random.default_rng(4)
    past = Past()
    assert not any(past.add(value) for value in rng.normal(100, 2, 200))
    assert [past.add(160.0) for _ in range(3)] == [False, True, True]
    assert past.usual == pytest.approx(100, abs=1)
    assert past.distance > 6
    assert not [past.add(160.0) for _ in range(120)][-1]


def test_one_spike_is_no_anomaly_and_a_flat_past_forgives_a_little():
    past = Past()
    for value in [5.0] * 100 + [900.0] + [5.0] * 50:
        assert not past.add(value)
    assert not past.add(5.3)
    assert not past.add(5.3)
    assert not past.add(None)
    assert not past.add(math.nan)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(-1e9, 1e9))
def test_a_distance_is_a_number(known, value):
    usual, far = distance(value, known)
    assert min(known) <= usual <= max(known)
    assert math.isfinite(far)
    assert far * (value - usual) >= 0
