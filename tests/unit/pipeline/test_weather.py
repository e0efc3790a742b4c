"""Formulas of weather against the tables of those who publish them, and written out plainly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.pipeline.weather import dew_point, heat_index, wind_chill


def celsius(fahrenheit):
    return (fahrenheit - 32) / 1.8


def nws(t, r):
    """The heat index of the National Weather Service, °F, as its page writes it down."""
    simple = (0.5 * (t + 61.0 + (t - 68.0) * 1.2 + r * 0.094) + t) / 2
    if simple < 80:
        return simple
    full = (
        -42.379
        + 2.04901523 * t
        + 10.14333127 * r
        - 0.22475541 * t * r
        - 0.00683783 * t * t
        - 0.05481717 * r * r
        + 0.00122874 * t * t * r
        + 0.00085282 * t * r * r
        - 0.00000199 * t * t * r * r
    )
    if r < 13 and 80 <= t <= 112:
        full -= (13 - r) / 4 * math.sqrt((17 - abs(t - 95)) / 17)
    if r > 85 and 80 <= t <= 87:
        full += (r - 85) / 10 * ((87 - t) / 5)
    return full


@given(st.lists(st.tuples(st.floats(-20, 130), st.floats(0, 100)), min_size=1, max_size=20))
def test_the_heat_index_is_that_of_the_weather_service(pairs):
    t, r = (np.array(each) for each in zip(*pairs, strict=True))
    got = heat_index(celsius(t), r) * 1.8 + 32
    for felt, temperature, humidity in zip(got, t, r, strict=True):
        sides = {nws(temperature + step, humidity) for step in (-1e-9, 0, 1e-9)}  # it has jumps
        assert any(felt == pytest.approx(side, abs=1e-6) for side in sides)


def test_a_single_value_stands_for_all_rows():
    t = np.array([20.0, 27.0, 35.0])
    assert heat_index(t, 90.0).tolist() == heat_index(t, np.full(3, 90.0)).tolist()
    assert heat_index(35.0, np.full(3, 9.0)).tolist() == heat_index([35.0] * 3, [9.0] * 3).tolist()


@pytest.mark.parametrize(
    ("t", "r", "felt"), [(80, 40, 80), (90, 50, 95), (96, 65, 121), (100, 40, 109), (110, 40, 136)]
)
def test_the_heat_index_is_that_of_the_published_chart(t, r, felt):
    assert float(heat_index(celsius(t), r)) == pytest.approx(celsius(felt), abs=0.5)


@pytest.mark.parametrize(
    ("t", "v", "felt"), [(0, 20, -5), (-10, 30, -20), (-40, 80, -67), (10.1, 50, 10.1), (5, 4, 5)]
)
def test_the_wind_chill_is_that_of_the_published_chart(t, v, felt):
    assert float(wind_chill(t, v)) == pytest.approx(felt, abs=0.5)


@pytest.mark.parametrize(
    ("t", "r", "point"), [(20, 50, 9.3), (30, 70, 23.9), (25, 100, 25), (0, 100, 0)]
)
def test_the_dew_point_is_that_of_the_published_table(t, r, point):
    assert float(dew_point(t, r)) == pytest.approx(point, abs=0.1)


@pytest.mark.parametrize("function", [heat_index, dew_point, wind_chill])
def test_what_is_missing_stays_missing(function):
    with np.errstate(all="ignore"):
        assert np.isnan(function(np.array([np.nan, -5.0]), np.array([50.0, np.nan]))).all()
    assert math.isnan(float(dew_point(20, 0)))
