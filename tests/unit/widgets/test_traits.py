"""The chart's settings: what they take, what they refuse, and that refusing changes nothing."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import HasTraits, TraitError

from livewidget.data.duration import LONGEST_S
from livewidget.widgets.traits import Duration, Rate, Zone

BAD = {
    "window": [0, -1, "-5s", "abc", "", None, True, float("nan"), float("inf"), "NaT", [], 1e12],
    "sampling_rate": [0, -1, "fast", True, float("nan"), float("inf"), []],
    "max_fps": [0, -1, 61, 2.5, "30", None],
    "max_points": [0, -1, 2.5, "many"],
    "paused": ["yes", 2, None],
    "tz": ["Mars/Olympus", "", None, 3, "../etc/passwd"],
    "height": [0, 79, 4_001, "tall"],
    "colors": [3, [3], None],
    "title": [3, None],
    "y_label": [3],
    "monitor": ["no"],
}
CASES = [(name, value) for name, values in BAD.items() for value in values]


class Settings(HasTraits):
    window = Duration(60.0)
    rate = Rate()
    zone = Zone("local")


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (5, 5.0),
        (0.25, 0.25),
        ("60s", 60.0),
        ("5min", 300.0),
        ("1h 30min", 5400.0),
        (timedelta(minutes=2), 120.0),
        (pd.Timedelta("3s"), 3.0),
        (np.timedelta64(1500, "ms"), 1.5),
        (np.int64(7), 7.0),
        (np.float32(0.5), 0.5),
        (LONGEST_S, LONGEST_S),
    ],
)
def test_a_duration_is_seconds_or_what_pandas_reads(given, seconds):
    assert Settings(window=given).window == seconds


@given(st.floats(min_value=1e-9, max_value=LONGEST_S))
def test_any_positive_number_of_seconds_is_a_duration(seconds):
    assert Settings(window=seconds).window == seconds


@given(st.one_of(st.text(max_size=8), st.floats(), st.integers(), st.booleans(), st.none()))
def test_a_duration_is_positive_or_refused(value):
    settings = Settings()
    try:
        settings.window = value
    except TraitError as error:
        assert "window" in str(error)  # noqa: PT017  (either outcome is right; each is checked)
        assert settings.window == 60.0
    else:
        assert 0 < settings.window <= LONGEST_S


@pytest.mark.parametrize("rate", [None, 1, 0.1, 1e6, np.int64(50), np.float32(0.5)])
def test_a_rate_is_positive_or_none(rate):
    assert Settings(rate=rate).rate == rate


@pytest.mark.parametrize("zone", ["local", "UTC", "Europe/Berlin", "America/New_York"])
def test_a_zone_is_an_iana_name(zone):
    assert Settings(zone=zone).zone == zone


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_bad_value_is_a_trait_error_and_changes_nothing(make, name, value):
    chart = make(y="a")
    before = {each: getattr(chart, each) for each in BAD}
    with pytest.raises(TraitError, match=name):
        setattr(chart, name, value)
    assert {each: getattr(chart, each) for each in BAD} == before


@pytest.mark.parametrize("name", ["chart", "link", "figure", "kind"])
def test_what_binds_a_chart_to_its_kernel_cannot_be_set(make, name):
    with pytest.raises(TraitError):
        setattr(make(y="a"), name, None)
