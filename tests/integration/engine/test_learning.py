"""Operators that learn in a running stream: on the line or on workers, the same to the last bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from livewidget import DataStreamer
from livewidget.pipeline import Detect, Drift, Forecast, Trend
from livewidget.testing import wait_until

ROWS = 1_500


def table():
    values = np.random.default_rng(1).normal(20, 1, ROWS)
    values[1_000:] += 8
    values[1_400] = 90
    times = pd.date_range("2026-01-01", periods=ROWS, freq="s", tz="UTC")
    return pd.DataFrame({"time": times, "pump": ["a", "b", "c"] * (ROWS // 3), "heat": values})


def through(workers, size):
    """The rows as stored, pushed so many at a time; and the scores of the forecast."""
    forecast = Forecast("heat", "ets", horizon="5s", by="pump")
    pipeline = [Detect("heat", by="pump"), Drift("heat"), Trend("heat"), forecast]
    rows = table()
    with DataStreamer(pipeline=pipeline, workers=workers, max_ahead=None) as streamer:
        for begin in range(0, ROWS, size):
            streamer.push(rows.iloc[begin : begin + size])
        wait_until(lambda: streamer.account().stored == ROWS)
        return streamer.to_dataframe(), dict(forecast.scores)


@pytest.fixture(scope="module")
def expected():
    return through(0, ROWS)


@pytest.mark.parametrize(("workers", "size"), [(0, 100), (1, 250)])
def test_a_stream_learns_the_same(expected, workers, size):
    frame, scores = through(workers, size)
    pd.testing.assert_frame_equal(frame, expected[0], check_exact=True)
    assert scores == expected[1]


def test_what_it_finds(expected):
    frame, scores = expected
    assert frame["anomaly"][1_400] == 90
    assert frame["drift"].first_valid_index() in range(1_000, 1_100)
    assert frame["trend"][1_030] == "rising"
    assert 0.9 < scores["coverage"] < 1
