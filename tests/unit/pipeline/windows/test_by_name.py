"""Metrics by their names in windows of every kind, against pandas over each window's values."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.pipeline.windows.operator import Window

from . import twin
from .test_twin import cuts, given_by, streams

HOWS = ("count", "sum", "mean", "min", "max", "first", "last", "var", "std", "median", "nunique")
AGGREGATE = {**{how: ("value", how) for how in HOWS}, "p90": ("value", "p90")}


def in_pandas(values):
    series = pd.Series([np.nan if value is None else value for value in values], dtype=float)
    known = series.dropna()
    ends = {"first": known.iloc[0], "last": known.iloc[-1]} if len(known) else {}
    plain = {how: series.agg(how) for how in HOWS if how not in ("first", "last")}
    return {"first": np.nan, "last": np.nan, **plain, **ends, "p90": series.quantile(0.9)}


@settings(max_examples=15, deadline=None)
@given(
    streams(),
    st.sampled_from(
        [
            (twin.Timed, {"size": 5}),
            (twin.Timed, {"size": 12, "slide": 5, "wait": 3}),
            (twin.Timed, {"size": 8, "slide": 4, "lateness": 6}),
            (twin.Sessions, {"gap": 4, "wait": 2}),
            (twin.Counted, {"rows": 6, "slide": 4}),
        ]
    ),
    st.data(),
)
def test_each_says_of_a_window_what_pandas_says(rows, kind, data):
    slow, span = kind
    edges = data.draw(cuts(rows))
    restart = data.draw(st.none() | st.integers(0, len(edges) - 2))
    window = Window(by="key", aggregate=AGGREGATE, **span)
    out, _ = given_by(window, rows, edges, restart=restart)
    its = slow(twin.Settings(**{"slide": span.get("size", 0), **span})).run(rows)
    assert [row["key"] for row in out] == [key for _, _, _, _, key, _ in its]
    for row, (*_, values) in zip(out, its, strict=True):
        expected = in_pandas(values)
        got = {name: row[name] for name in expected}
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)
