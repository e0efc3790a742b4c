"""Rolling statistics against pandas, and against a twin that keeps every row."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.pipeline import keys as keys_module
from livewidget.pipeline.rolling import STATISTICS, Rolling
from livewidget.testing import ManualClock

from .streams import ROWS, SCHEMA, SECOND, batch_of, column, cut, plain, run

SLOW = {
    "sum": np.sum,
    "min": np.min,
    "max": np.max,
    "mean": np.mean,
    "std": lambda values: np.std(values, ddof=1) if len(values) > 1 else np.nan,
}


def rolled(rows, statistic, by, *, span=None, size=None):
    """The statistic of each row's window; a late row stands at its key's newest time."""
    history, results = {}, []
    for row in rows:
        past = history.setdefault(row["key"] if by else None, [])
        now = max([row["time"], *(time for time, _ in past)])
        past.append((now, row["value"]))
        window = past[-size:] if size else [each for each in past if each[0] > now - span]
        values = [value for _, value in window if value is not None]
        if statistic == "count":
            results.append(len(values))
        else:
            with np.errstate(invalid="ignore"):  # of infinities
                results.append(SLOW[statistic](values) if values else np.nan)
    return results


def numbers(rows, name):
    return [np.nan if value is None else value for value in column(rows, name)]


@settings(max_examples=250, deadline=None)
@given(
    ROWS,
    st.sampled_from(sorted(STATISTICS)),
    st.booleans(),
    st.sampled_from([{"window": 0.25}, {"window": "3s"}, {"rows": 1}, {"rows": 5}, {"rows": 99}]),
    st.booleans(),
    st.data(),
)
def test_it_is_the_statistic_of_the_window_however_rows_were_cut(
    rows, statistic, by, size, in_order, data
):
    if in_order:
        rows = sorted(rows, key=lambda row: row[0])
    rolling = Rolling("value", statistic, by="key" if by else None, into="r", **size)
    out, _ = run(rolling, data.draw(cut(rows)))
    span = {0.25: SECOND // 4, "3s": 3 * SECOND}.get(size.get("window"))
    slow = list(map(plain, batch_of(rows).rows()))
    expected = rolled(slow, statistic, by, span=span, size=size.get("rows"))
    assert numbers(out, "r") == pytest.approx(expected, rel=1e-9, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("statistic", sorted(STATISTICS))
@pytest.mark.parametrize("size", [{"window": "60s"}, {"rows": 100}])
def test_it_is_what_pandas_says_over_many_batches(statistic, size):
    random = np.random.default_rng(5)
    times = np.cumsum(random.integers(1, 2 * SECOND, 5_000))
    values = np.where(random.random(5_000) < 0.1, np.nan, 1e6 + random.normal(0, 1, 5_000))
    rows = [
        (int(time), key, None if np.isnan(value) else float(value), 0, None, None)
        for time, key, value in zip(times, random.choice(list("abc"), 5_000), values, strict=True)
    ]
    batches = [batch_of(rows[low : low + 617]) for low in range(0, 5_000, 617)]
    out, _ = run(Rolling("value", statistic, by="key", into="r", **size), batches)
    frame = pd.DataFrame({"key": [row[1] for row in rows], "value": values})
    frame.index = pd.DatetimeIndex(times.view("datetime64[ns]"))
    window = size.get("window", size.get("rows"))
    least = 0 if statistic == "count" else 1
    for key, group in frame.groupby("key"):
        expected = getattr(group["value"].rolling(window, min_periods=least), statistic)()
        own = np.array(numbers(out, "r"))[(frame["key"] == key).to_numpy()]
        # pandas adds and takes away, and rounds at 1e6 each time
        assert own == pytest.approx(expected.to_numpy(), rel=1e-6, nan_ok=True)


def test_nothing_stays_behind_of_what_has_left_the_window():
    values = [1e300, float("inf"), 1.0, 2.0, 3.0, 1e16, 4.0, 5.0, 6.0]
    rows = [(n * SECOND, "a", value, 0, None, None) for n, value in enumerate(values)]
    large = [batch_of([(n, "a", 1e200, 0, None, None) for n in range(3)])]
    assert column(run(Rolling("value", "std", rows=3, into="r"), large)[0], "r") == [None, 0, 0]
    for statistic, last in [("sum", 15.0), ("mean", 5.0), ("std", 1.0), ("max", 6.0)]:
        out, _ = run(Rolling("value", statistic, rows=3, into="r"), [batch_of(rows)])
        assert out[-1]["r"] == last
        assert out[4]["r"] == {"sum": 6.0, "mean": 2.0, "std": 1.0, "max": 3.0}[statistic]


def test_its_memory_is_bounded_and_the_oldest_rows_go():
    rolling = Rolling("value", "count", window=1e6, memory=10, into="r")
    batches = [
        batch_of([(n * SECOND, "a", 1.0, 0, None, None) for n in range(low, low + 4)])
        for low in range(0, 40, 4)
    ]
    out, _ = run(rolling, batches)
    assert max(column(out, "r")) == 14
    assert column(out, "r")[-4:] == [11, 12, 13, 14]
    assert rolling.counts["rows forgotten"] == 30


def test_a_forgotten_key_begins_anew(monkeypatch):
    monkeypatch.setattr(keys_module.Keys.__init__, "__defaults__", (2,))
    batches = [batch_of([(5 * SECOND, key, 1.0, 0, None, None)]) for key in "abcba"]
    out, _ = run(Rolling("value", "count", rows=9, by="key", into="r"), batches)
    assert column(out, "r") == [1, 1, 1, 2, 1]


def test_times_at_the_ends_of_int64_do_not_wrap():
    rows = [(-(2**63) + 1, "a", 1.0, 0, None, None), (2**63 - 1, "a", 2.0, 0, None, None)]
    out, _ = run(Rolling("value", "sum", window="60s", into="r"), [batch_of(rows)])
    assert column(out, "r") == [1.0, 2.0]


@pytest.mark.parametrize(
    ("size", "name"),
    [({"window": "60s"}, "value_mean_60s"), ({"window": 5}, "value_mean_5s"), ({"rows": 9}, None)],
)
def test_its_column_has_a_name_by_itself(size, name):
    bound = Rolling("value", "mean", **size).bind(SCHEMA, ManualClock())
    assert bound.schema.names[-1] == (name or "value_mean_9")


@pytest.mark.parametrize(
    ("settings_", "told"),
    [
        ({"statistic": "median", "rows": 1}, "statistic is one of sum, min, max, mean, std, count"),
        ({"statistic": "mean"}, "one of them"),
        ({"statistic": "mean", "rows": 2, "window": "1s"}, "one of them"),
        ({"statistic": "mean", "rows": 0}, "rows is a whole number, 1 or more; got 0"),
        ({"statistic": "mean", "window": 0}, "window is a positive duration"),
        ({"statistic": "mean", "rows": 2, "memory": 0.5}, "memory is a whole number"),
    ],
)
def test_a_setting_that_cannot_be_is_told_at_once(settings_, told):
    with pytest.raises(SettingError, match=re.escape(told)):
        Rolling("value", **settings_)


@pytest.mark.parametrize(
    ("operator", "told"),
    [
        (Rolling("price", "mean", rows=2), "no column 'price'"),
        (Rolling("word", "mean", rows=2), "'word' is 'text'"),
        (Rolling("value", "mean", rows=2, by="symbol"), "no column 'symbol'"),
        (Rolling("value", "mean", rows=2, into="n"), "adds a column 'n'"),
    ],
)
def test_a_column_that_does_not_fit_is_told_when_it_is_bound(operator, told):
    with pytest.raises(SchemaError, match=re.escape(told)):
        operator.bind(SCHEMA, ManualClock())
