"""Every model: the same to the last bit under any split, and with a restart in the middle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import concat
from livewidget.data.errors import StateError
from livewidget.pipeline.models import Detect, Drift, Forecast, HalfSpaceTrees, Residual, Trend
from livewidget.testing import ManualClock

from .feeds import batch, pieces, resumed, run, same, wave

OPERATORS = {
    "auto": lambda: Detect("value", by="key", score_every="30s"),
    "seasonal": lambda: Detect("value", Residual("season"), label="label"),
    "robust z": lambda: Detect("value", "robust_z", by="key", threshold=3),
    "trees": lambda: Detect("value", lambda: HalfSpaceTrees(20, 2), by="key"),
    "adwin": lambda: Drift("value", "adwin", by="key"),
    "page-hinkley": lambda: Drift("value", "page_hinkley", by=["key", "n"], most_keys=5),
    "trend": lambda: Trend("value", rows=20, by="key"),
    "holt-winters": lambda: Forecast("value", horizon=5, season=25, by="key", score_every=10),
    "by time": lambda: Forecast("value", "ets", horizon="10s", season="1min", by="key"),
    "arima": lambda: Forecast("value", "arima", horizon=3, by="key"),
}
FEED = wave(480, keys=2, spikes=(400, 401, 440))
CUTS = st.sets(st.integers(1, len(FEED) - 1), max_size=12)


@pytest.mark.parametrize("name", OPERATORS)
@settings(max_examples=2, deadline=None)
@given(cuts=CUTS)
def test_any_split_gives_the_same(name, cuts):
    whole, sent = run(OPERATORS[name](), [FEED])
    parts, sent_too = run(OPERATORS[name](), pieces(FEED, cuts))
    same(whole, parts)
    assert [output for output, _ in sent][:1] == [output for output, _ in sent_too][:1]
    if sent:
        same(concat([rows for _, rows in sent]), concat([rows for _, rows in sent_too]))


@pytest.mark.parametrize("name", OPERATORS)
def test_a_row_at_a_time_gives_the_same(name):
    feed = FEED.take(slice(0, 90))
    whole, _ = run(OPERATORS[name](), [feed])
    same(whole, run(OPERATORS[name](), pieces(feed, range(1, 90)))[0])


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("at", [1, 2])
def test_a_restart_changes_nothing(name, at):
    batches = pieces(FEED, [10, 401])
    whole, sent = run(OPERATORS[name](), batches)
    again, sent_too = resumed(OPERATORS[name], batches, at)
    same(whole, again)
    for (_, rows), (_, rows_too) in zip(sent, sent_too, strict=True):
        same(rows, rows_too)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", OPERATORS)
def test_the_largest_numbers_do_no_harm_for_long(name):
    random = np.random.default_rng(1)
    values = random.normal(0, 1, 1_600)
    values[1_000:1_020] = random.choice([1.7e308, -1.7e308, 5e-324, 0.0], 20)
    operator = OPERATORS[name]()
    out, _ = run(operator, [batch(values)])
    assert not any(np.isinf(each) for each in operator.scores.values())
    names = ("anomaly_score", "slope", "forecast")
    said = [out[each] for each in names if each in out.schema.names]
    assert all(np.isfinite(each[-100:]).all() for each in said)


@pytest.mark.parametrize("name", OPERATORS)
def test_a_state_of_another_model_is_refused(name):
    kept = Detect("value", "robust_z") if name != "robust z" else Trend("value")
    first = kept.bind(FEED.schema, ManualClock())
    second = OPERATORS[name]().bind(FEED.schema, ManualClock())
    with pytest.raises(StateError, match="expected"):
        second.memory.load(first.memory.save())
    for state in ({}, {"models": {}, "scores": {}}, {"models": None, "scores": 1}):
        with pytest.raises(StateError):
            second.memory.load(state)
