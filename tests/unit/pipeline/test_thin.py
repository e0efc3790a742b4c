"""Thinning against a twin that looks at one event after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline import thin as module
from livewidget.pipeline.thin import Thin

SCHEMA = Schema.of({"time": "time", "n": "int", "s": "text"}, "time")


def batch_of(rows):
    times, numbers, keys = zip(*rows, strict=True) if rows else ((), (), ())
    data = {
        "time": np.array(times, dtype="datetime64[ns]"),
        "n": np.array(numbers, dtype=np.int64),
        "s": np.array(keys, dtype=object),
    }
    return Batch.of(data, SCHEMA)


def thinned(rows, rate, *, by):
    """The first event of each slot of each key; one older than its key's newest slot is late."""
    slot, last, kept = max(1, round(1e9 / rate)), {}, []
    for time, number, key in rows:
        group = key if by else None
        if group not in last or time // slot > last[group]:
            kept.append(number)
            last[group] = time // slot
    return kept


EVENTS = st.lists(
    st.tuples(st.integers(-3 * 10**9, 3 * 10**9), st.sampled_from([None, "a", "b", "c"])),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.sampled_from([0.5, 1.0, 3.0, 10.0, 1e9, 1e12]), st.booleans(), st.data())
def test_it_lets_the_same_events_pass_however_they_were_cut(events, rate, by, data):
    rows = [(time, number, key) for number, (time, key) in enumerate(events)]
    if data.draw(st.booleans()):
        rows.sort()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=5)))
    thin = Thin(rate, "s" if by else None)
    kept = []
    for low, high in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        kept += thin(batch_of(rows[low:high]))["n"].tolist()
    assert kept == thinned(rows, rate, by=by)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=200), st.floats(0.1, 1000))
def test_no_second_holds_more_than_the_rate(times, rate):
    rows = [(time, i, None) for i, time in enumerate(sorted(times))]
    kept = Thin(rate)(batch_of(rows)).times
    for start in kept.tolist():
        assert ((kept >= start) & (kept < start + 10**9)).sum() <= np.ceil(rate * 1.001) + 1


def test_the_keys_it_remembers_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "_MOST_KEYS", 10)
    thin = Thin(1.0, "s")
    for number in range(100):
        assert len(thin(batch_of([(number, number, f"key {number}")]))) == 1
    assert len(thin._last) <= 10


@pytest.mark.parametrize("rate", [0, -1.0, float("nan")])
def test_a_rate_that_is_not_positive_is_refused(rate):
    with pytest.raises(SettingError, match="sampling_rate is a positive number in Hz"):
        Thin(rate)
