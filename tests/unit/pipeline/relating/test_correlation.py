import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError, SettingError, StateError
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.pipeline.operator import Tally
from livewidget.pipeline.relating.comoments import matrix
from livewidget.pipeline.relating.correlation import Correlation
from livewidget.testing import ManualClock

from .series import ROWS, SCHEMA, SECOND, batch_of, cuts, frame_of, run, same


def close(ours, theirs, scale):
    """Equal as far as float64 goes, where pandas' own running sums are exact enough."""
    theirs = np.where(np.isfinite(theirs), theirs, np.nan)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7 * scale)


@settings(deadline=None, max_examples=25)
@given(st.data(), ROWS, st.sampled_from(["500ms", "2s", "100s"]))
def test_each_row_has_what_numpy_finds_in_its_window(data, rows, window):
    ours = run(Correlation(["a", "b", "n"], window), data.draw(cuts(rows)))
    frame = frame_of(rows).reset_index()
    for row in range(len(frame)):
        near = frame[: row + 1]
        near = near[near["time"] > near["time"].iloc[-1] - pd.Timedelta(window)]
        for one, two in (("a", "b"), ("a", "n"), ("b", "n")):
            pair = near[[one, two]].dropna().to_numpy(dtype=float)
            correlation, covariance = slow(pair)
            scale = np.abs(pair).max(initial=1.0) ** 2
            close(ours[f"cov_{one}_{two}"][row], covariance, scale)
            close(ours[f"corr_{one}_{two}"][row], correlation, 1.0)


def slow(pair):
    if len(pair) < 2:
        return np.nan, np.nan
    covariance = np.cov(pair, rowvar=False)[0, 1]
    if (pair == pair[0]).all(axis=0).any():
        return np.nan, covariance
    with np.errstate(all="ignore"):
        return np.corrcoef(pair, rowvar=False)[0, 1], covariance


def test_it_is_pandas_rolling_on_a_long_series():
    rng = np.random.default_rng(3)
    size = 20_000
    a = rng.normal(size=size).cumsum() + 1_000
    b = 0.5 * a + rng.normal(size=size)
    times = np.cumsum(rng.integers(1, 10**8, size))
    schema = Schema.of({"time": "time", "a": "float", "b": "float"}, "time")
    whole = Batch(schema, (times, a, b))
    ours = run(
        Correlation(["a", "b"], "30s"), [whole.take(slice(n, n + 997)) for n in range(0, size, 997)]
    )
    frame = whole.to_dataframe(tz=None).set_index("time")
    rolled = frame["a"].rolling("30s")
    np.testing.assert_allclose(ours["corr_a_b"][2:], rolled.corr(frame["b"])[2:], atol=1e-6)
    np.testing.assert_allclose(
        ours["cov_a_b"][2:], rolled.cov(frame["b"])[2:], rtol=1e-6, atol=1e-6
    )


def test_small_changes_of_great_values_are_not_lost():
    rng = np.random.default_rng(3)
    a = rng.normal(size=500)
    b = a + rng.normal(size=500)
    schema = Schema.of({"time": "time", "a": "float", "b": "float"}, "time")
    batch = Batch(schema, (np.arange(500) * SECOND, a + 1e9, b - 1e9))
    exact = np.corrcoef(a, b)[0, 1]
    ours = run(Correlation(["a", "b"], "1h"), [batch])
    assert ours["corr_a_b"][-1] == pytest.approx(exact, abs=1e-6)
    table = run(Correlation(["a", "b"], "1h", every="10min"), [batch])
    assert table["correlation"][-2] == pytest.approx(exact, abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.data(), ROWS, st.sampled_from([("2s", "1s"), ("10s", "10s"), ("3s", "500ms")]))
def test_the_matrix_is_that_of_pandas_in_every_window(data, rows, how):
    operator = Correlation(["a", "b", "n"], how[0], every=how[1])
    ours = run(operator, data.draw(cuts(rows)))
    same(ours, run(operator, [batch_of(rows)]))
    frame = frame_of(rows)
    step = pd.Timedelta(how[1])
    last = frame.index[-1].ceil(step)
    at = frame.index[0].ceil(step)
    place = 0
    while at <= last:
        near = frame[(frame.index > at - pd.Timedelta(how[0])) & (frame.index <= at)]
        if len(near):
            part = ours.take(slice(place, place + 9))
            assert (part.times == at.value).all()
            values = near[["a", "b", "n"]].astype(float)
            covariance = values.cov(min_periods=2).to_numpy()
            np.testing.assert_allclose(
                part["covariance"].reshape(3, 3), covariance, rtol=1e-6, atol=1e-6
            )
            place += 9
        at += step
    assert place == len(ours)


def test_a_matrix_is_that_of_numpy_and_has_no_value_where_nothing_changes():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4))
    values[:, 3] = 0.1
    related = matrix(values)
    np.testing.assert_allclose(related.correlation[:3, :3], np.corrcoef(values[:, :3].T))
    assert np.isnan(related.correlation[3]).all()
    np.testing.assert_array_equal(related.size, 200)


def quotes(keys, size, seed=0):
    rng = np.random.default_rng(seed)
    market = rng.normal(size=size)
    schema = Schema.of({"time": "time", "key": "text", "price": "float"}, "time")
    places = rng.integers(0, len(keys), size).astype(np.int32)
    price = np.zeros(size)
    for place in range(len(keys)):
        own = (market + place * rng.normal(size=size)).cumsum()
        price[places == place] = own[places == place]
    times = np.arange(size, dtype=np.int64) * SECOND // 10
    return Batch(schema, (times, Text(places, keys), price))


def test_keys_are_correlated_as_they_were_last_known():
    batch = quotes(("c", "a", "b"), 3_000)
    ours = run(
        Correlation("price", "60s", every="60s", by="key", sample="1s", changes=True), [batch]
    )
    frame = batch.to_dataframe(tz=None).astype({"key": str})
    wide = frame.pivot_table(index="time", columns="key", values="price", aggfunc="last")
    near = wide[
        (wide.index > pd.Timestamp(180 * SECOND)) & (wide.index <= pd.Timestamp(240 * SECOND))
    ]
    grid = near.resample("1s", closed="right", label="right").last().ffill()
    theirs = grid.diff().corr().to_numpy()
    part = ours.take(ours.times == 240 * SECOND)
    assert part["left"].decode().tolist() == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert part["right"].decode().tolist() == ["a", "b", "c"] * 3
    np.testing.assert_allclose(part["correlation"].reshape(3, 3), theirs)


def test_the_keys_with_the_most_rows_are_taken():
    rows = [(n, key, 1.0 * n, 0.0, 0) for n in range(9) for key in "xyz" if key != "y" or n % 2]
    operator = Correlation("a", "10s", every="10s", by="key", sample="250ms", most_keys=2)
    ours = run(operator, [batch_of(rows)])
    assert ours["left"].decode().tolist()[-4:] == ["x", "x", "z", "z"]
    assert operator.counts["keys left out"] > 0


def test_rows_remembered_are_bounded():
    rows = [(n, "x", float(n % 7), float(n % 5), 0) for n in range(100)]
    operator = Correlation(["a", "b"], "1h", rows=10)
    ours = run(operator, [batch_of(rows[:50]), batch_of(rows[50:])])
    a, b = np.array([row[2:4] for row in rows[-10:]]).T
    assert ours["corr_a_b"][-1] == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert operator.counts["rows forgotten"] == 90


@pytest.mark.parametrize("every", [None, "1s"])
def test_it_goes_on_from_what_was_saved(every):
    rows = [(n, "x", float(n % 7), float(n % 5), n % 3) for n in range(60)]
    operator = Correlation(["a", "b"], "4s", every=every)
    whole = run(operator, [batch_of(rows)], final=False)
    first = operator.bind(SCHEMA, ManualClock())
    head = len(first.step(batch_of(rows[:35]), Tally()))
    second = operator.bind(SCHEMA, ManualClock())
    second.memory.load(first.memory.save())
    same(second.step(batch_of(rows[35:]), Tally()), whole.take(slice(head, None)))
    with pytest.raises(StateError, match="cannot be gone on from"):
        second.memory.load({"stands": np.zeros(3)})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"columns": ["a"]}, "columns are 2 to 50 names"),
        ({"columns": ["a", "a"]}, "columns names a column twice"),
        ({"columns": ["a", "b"], "window": 0}, "window is a positive duration"),
        (
            {"columns": ["a", "b"], "every": "2min"},
            "every is at most the window, '60s'; got '2min'",
        ),
        ({"columns": ["a", "b"], "every": "1us"}, "every is the window's 10,000th part at least"),
        ({"columns": "a", "by": "key", "every": 1, "sample": 90}, "sample is at most the window"),
        ({"columns": ["a", "b"], "by": "key", "every": 1}, "by goes with one column, and every"),
        ({"columns": "a", "by": "key"}, "by goes with one column, and every"),
        ({"columns": ["a", "b"], "changes": True}, "changes goes with every"),
        ({"columns": "a", "by": "key", "every": 1, "most_keys": 99}, "most_keys is 50 at most"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(SettingError, match=words):
        Correlation(**settings)


def test_columns_that_do_not_fit():
    with pytest.raises(SchemaError, match="there is no column 'c'"):
        Correlation(["a", "c"]).bind(SCHEMA, ManualClock())
    with pytest.raises(
        SchemaError, match="takes a column of kind 'float' or 'int'; 'key' is 'text'"
    ):
        Correlation(["a", "key"]).bind(SCHEMA, ManualClock())
    with pytest.raises(SchemaError, match="takes a column of kind 'text'; 'n' is 'int'"):
        Correlation("a", every=1, by="n").bind(SCHEMA, ManualClock())


@settings(deadline=None, max_examples=25)
@given(st.data(), ROWS, st.sampled_from(["500ms", "3s"]))
def test_not_a_bit_depends_on_how_the_rows_are_cut(data, rows, window):
    operator = Correlation(["a", "b", "n"], window)
    same(run(operator, data.draw(cuts(rows))), run(operator, [batch_of(rows)]))
