"""Every metric against pandas or numpy on random cells; however the rows came and were merged."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.codecs.state import pack, unpack
from livewidget.data.errors import SettingError
from livewidget.data.text import Text
from livewidget.pipeline.windows.metric import Rows
from livewidget.pipeline.windows.resolve import METRICS, metric_for

CELLS = 4
S = 1_000_000_000
START = 1_700_000_000 * S


def ewm(frame):
    """The exponential moving average as pandas has it, of rows by time."""
    ordered = frame.sort_values("time", kind="stable")
    return ordered["x"].ewm(halflife="3s", times=pd.to_datetime(ordered["time"])).mean().iloc[-1]


def rate(frame):
    ordered = frame.sort_values("time", kind="stable")
    span = (ordered["time"].iloc[-1] - ordered["time"].iloc[0]) / S
    return (ordered["x"].iloc[-1] - ordered["x"].iloc[0]) / span if span else np.nan


def slope(frame):
    t = (frame["time"] - START) / S
    if t.nunique() < 2:
        return np.nan
    return np.polyfit(t - t.mean(), frame["x"], 1)[0]


def volatility(frame):
    prices = frame["x"][frame["x"] > 0]
    return np.sqrt((np.log(prices).diff() ** 2).sum()) if len(prices) > 1 else np.nan


def vwap(frame):
    volume = frame["v"].where(frame["x"].notna())
    return (frame["x"] * volume).sum() / volume.sum() if volume.sum() else np.nan


def first(frame):
    return frame.sort_values("time", kind="stable")["x"].iloc[0]


def last(frame):
    return frame.sort_values("time", kind="stable")["x"].iloc[-1]


TWINS = {
    "count": lambda f: f["x"].count(),
    "sum": lambda f: f["x"].sum(),
    "mean": lambda f: f["x"].mean(),
    "sma": lambda f: f["x"].mean(),
    "min": lambda f: f["x"].min(),
    "max": lambda f: f["x"].max(),
    "first": first,
    "last": last,
    "var": lambda f: f["x"].var(),
    "std": lambda f: f["x"].std(),
    "median": lambda f: f["x"].median(),
    "p95": lambda f: f["x"].quantile(0.95),
    "p99.9": lambda f: f["x"].quantile(0.999),
    "nunique": lambda f: f["x"].nunique(),
    "rate": rate,
    "slope": slope,
    "ema_3s": ewm,
    "volatility": volatility,
    "vwap:v": vwap,
}
NOTHING = {"count": 0, "sum": 0, "nunique": 0}
VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e9]), st.floats(-1e6, 1e6, width=32), st.just(np.nan)
)


@st.composite
def streams(draw):
    """Rows with cells, times (ties, out of order), values and volumes, cut into batches."""
    size = draw(st.integers(1, 40))
    rows = pd.DataFrame(
        {
            "cell": draw(st.lists(st.integers(0, CELLS - 1), min_size=size, max_size=size)),
            "time": draw(st.lists(st.integers(0, 8), min_size=size, max_size=size)),
            "x": draw(st.lists(VALUES, min_size=size, max_size=size)),
            "v": draw(st.lists(st.integers(1, 5), min_size=size, max_size=size)),
        }
    )
    rows["time"] = START + rows["time"] * S
    rows["v"] = rows["v"].astype(float)
    cuts = sorted(draw(st.lists(st.integers(0, size), max_size=4)))
    return rows, cuts, draw(st.booleans())


def batches(rows, cuts):
    edges = [0, *cuts, len(rows)]
    parts = [rows.iloc[a:b] for a, b in pairwise(edges)]
    return [part for part in parts if len(part)]


def rows_of(part):
    return Rows(
        part["cell"].to_numpy(np.intp),
        part["time"].to_numpy(np.int64),
        {"x": part["x"].to_numpy(np.float64), "v": part["v"].to_numpy(np.float64)},
    )


def worked_out(metric, parts, *, merged):
    """Return the result of each cell, updated part by part, or each part merged into the first."""
    cells = np.arange(CELLS)
    state = metric.new(CELLS)
    for part in parts:
        if merged:
            own = metric.new(CELLS)
            metric.update(own, rows_of(part))
            metric.merge(state, cells, own, cells)
        else:
            metric.update(state, rows_of(part))
    kept = unpack(pack({"state": state}))["state"]
    return metric.result(kept, cells)


@pytest.mark.parametrize("name", TWINS)
@settings(deadline=None, max_examples=40)
@given(stream=streams())
def test_it_is_what_pandas_says(name, stream):
    rows, cuts, merged = stream
    metric = metric_for("x", name)
    if metric.ordered:
        rows = rows.sort_values("time", kind="stable", ignore_index=True)
    found = worked_out(metric, batches(rows, cuts), merged=merged)[0]
    for cell in range(CELLS):
        own = rows[(rows["cell"] == cell) & rows["x"].notna()]
        expected = TWINS[name](own) if len(own) else NOTHING.get(name, np.nan)
        scale = max(1.0, float(own["x"].abs().max()) if len(own) else 1.0)
        close = 1e-6 if name in ("var", "std", "slope") else 1e-9
        bound = scale**2 if name == "var" else scale
        np.testing.assert_allclose(found[cell], expected, rtol=1e-7, atol=close * bound)


@pytest.mark.parametrize("name", [*TWINS, "ohlc"])
def test_cells_grow_and_are_cleared_without_touching_others(name):
    metric, rng = metric_for("x", name), np.random.default_rng(3)
    times = START + np.arange(60) * S
    columns = {"x": rng.normal(10, 1, 60), "v": np.ones(60)}
    state = metric.new(2)
    metric.update(state, Rows(np.arange(60) % 2, times, columns))
    before = metric.result(state, np.arange(2))
    state = metric.grown(state, 5)
    metric.update(state, Rows(2 + np.arange(60) % 3, times, columns))
    metric.clear(state, np.array([2, 4]))
    after = metric.result(state, np.arange(5))
    empty = metric.result(metric.new(1), np.array([0]))
    for old, new, none in zip(before, after, empty, strict=True):
        np.testing.assert_array_equal(old, new[:2])
        np.testing.assert_array_equal(new[[2, 4]], none[[0, 0]])


def test_a_spread_keeps_its_digits_at_a_high_level():
    values = 1e9 + np.random.default_rng(1).normal(size=5_000)
    metric = metric_for("x", "var")
    state = metric.new(1)
    for part in np.split(values, 50):
        zeros = np.zeros(len(part), dtype=np.int64)
        metric.update(state, Rows(zeros, zeros, {"x": part}))
    assert metric.result(state, np.array([0]))[0][0] == pytest.approx(values.var(ddof=1), rel=1e-6)


def test_the_interval_of_a_slope_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(5)
    trials, size = 2_000, 12
    t = np.tile(np.arange(size) * S, trials)
    cells = np.repeat(np.arange(trials), size)
    x = 0.3 * t / S + rng.normal(size=trials * size)
    metric = metric_for("x", "slope")
    state = metric.new(trials)
    metric.update(state, Rows(cells, START + t, {"x": x}))
    found, low, high = metric.result(state, np.arange(trials))
    assert abs(found.mean() - 0.3) < 0.01
    assert 0.93 < np.mean((low < 0.3) & (high > 0.3)) < 0.97


def test_a_candle_has_four_corners():
    metric = metric_for("x", "ohlc")
    state = metric.new(1)
    times = START + np.array([2, 0, 1, 3]) * S
    columns = {"x": np.array([5.0, 3.0, 9.0, 4.0])}
    metric.update(state, Rows(np.zeros(4, dtype=np.intp), times, columns))
    corners = [column[0] for column in metric.result(state, np.array([0]))]
    assert dict(zip(metric.outputs, corners, strict=True)) == {
        "open": 3.0,
        "high": 9.0,
        "low": 3.0,
        "close": 4.0,
    }


def test_a_year_of_volatility_is_scaled_from_the_span():
    prices = np.exp(np.cumsum(np.random.default_rng(2).normal(scale=0.01, size=366)))
    times = START + np.arange(366) * 86_400 * S
    for name, expected in (("volatility", 0.01 * np.sqrt(365)), ("volatility_annual", 0.01 * 19.1)):
        metric = metric_for("x", name)
        state = metric.new(1)
        metric.update(state, Rows(np.zeros(366, dtype=np.intp), times, {"x": prices}))
        assert metric.result(state, np.array([0]))[0][0] == pytest.approx(expected, rel=0.1)


def test_text_is_counted_whatever_codes_a_batch_has():
    metric, counts = metric_for("x", "nunique"), metric_for("x", "count")
    state, count = metric.new(1), counts.new(1)
    for categories, codes in ((("a", "b"), [0, 1, -1]), (("b", "c", "a"), [0, 1, 1])):
        text = Text(np.array(codes, dtype=np.int32), categories)
        zeros = np.zeros(3, dtype=np.intp)
        rows = Rows(zeros, zeros.astype(np.int64), {"x": text})
        metric.update(state, rows)
        counts.update(count, rows)
    assert metric.result(state, np.array([0]))[0][0] == 3
    assert counts.result(count, np.array([0]))[0][0] == 5


def test_a_function_of_the_user_has_the_values_of_each_window():
    metric = metric_for("x", lambda values: float(np.ptp(values)))
    assert worked_out(metric, [frame([1, 5, 2]), frame([9])], merged=True)[0][0] == 8
    assert np.isnan(worked_out(metric, [frame([np.nan])], merged=False)[0][0])


def frame(values):
    size = len(values)
    return pd.DataFrame(
        {"cell": [0] * size, "time": [START] * size, "x": values, "v": [1.0] * size}, dtype=float
    ).astype({"cell": int, "time": "int64"})


class Longest:
    """The longest run of rising values."""

    def __init__(self):
        self.all = []

    def update(self, values, times):
        self.all += values.tolist()

    def merge(self, other):
        self.all += other.all

    def result(self):
        best = run = 1
        for before, after in pairwise(self.all):
            run = run + 1 if after > before else 1
            best = max(best, run)
        return best


def test_a_class_of_the_user_is_an_object_for_each_window():
    metric, cells = metric_for("x", Longest), np.arange(CELLS)
    state = metric.new(CELLS)
    for part in (frame([1, 2, 3]), frame([4, 1])):
        own = metric.new(CELLS)
        metric.update(own, rows_of(part))
        metric.merge(state, cells, own, cells)
    found = metric.result(state, cells)[0]
    assert found[0] == 4
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("meen", "there is no metric 'meen'; did you mean 'mean'?"),
        ("p101", "there is no metric 'p101'"),
        ("ema_soon", "half_life is a positive duration"),
        (3, "a name, a function of an array, or a class"),
        (None, "a name, a function of an array"),
    ],
)
def test_what_is_no_metric_is_named(how, message):
    with pytest.raises(SettingError, match=message.replace("?", r"\?")):
        metric_for("x", how)


def test_every_name_gives_as_many_columns_as_it_says():
    columns = {"x": np.array([1.0, 2.0]), "v": np.ones(2)}
    for name in METRICS:
        metric = metric_for("x", name)
        state = metric.new(1)
        rows = Rows(np.zeros(2, dtype=np.intp), START + np.array([0, S]), columns)
        metric.update(state, rows)
        assert len(metric.result(state, np.array([0]))) == len(metric.outputs)
