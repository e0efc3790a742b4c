import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.app.feeds import SYNTHETIC, Orders, TableFeed, synthetic
from livewidget.data.batch import concat
from livewidget.data.errors import SettingError

ORIGIN = 1_700_000_000_000_000_000
NUMBERS = ("order_id", "sequence")


def rows_of(batch):
    return list(batch.rows())


@pytest.mark.parametrize("what", SYNTHETIC)
@given(cuts=st.lists(st.integers(0, 60), max_size=5), seed=st.integers(0, 5))
def test_the_values_depend_on_the_seed_alone(what, cuts, seed):
    cuts = [0, *sorted(cuts), 60]
    feed, whole = synthetic(what, 250.0, seed, None), synthetic(what, 250.0, seed, None)
    parts = [feed.take(a, b, ORIGIN) for a, b in itertools.pairwise(cuts) if b > a]
    one, other = concat(parts), whole.take(0, 60, ORIGIN)
    for mine, its in zip(rows_of(one), rows_of(other), strict=True):
        assert mine == pytest.approx(its, abs=1e-9)
    assert np.array_equal(one.times, ORIGIN + np.arange(60) * 4_000_000)
    assert rows_of(synthetic(what, 250.0, seed + 1, None).take(0, 60, ORIGIN)) != rows_of(other)


def test_orders_are_numbered_and_look_like_orders():
    batch = synthetic("orders", 1000.0, 0, ["X", "Y"]).take(0, 5_000, ORIGIN)
    frame = batch.to_dataframe()
    assert batch.schema == Orders.SCHEMA
    assert frame["sequence"].tolist() == list(range(5_000))
    assert frame["order_id"].is_unique
    assert set(frame["symbol"]) == {"X", "Y"}
    assert 0.4 < (frame["side"] == "buy").mean() < 0.6
    assert (frame["quantity"] % 10 == 0).all()
    assert frame["quantity"].between(10, 500).all()
    assert np.allclose(frame["price"] * 100, (frame["price"] * 100).round())
    for _, of_one in frame.groupby("symbol", observed=True):
        bids, asks = (of_one[of_one["side"] == side]["price"].mean() for side in ("buy", "sell"))
        assert bids < asks


def test_a_table_goes_row_by_row_with_its_own_times_or_those_of_now():
    table = pd.DataFrame({"when": pd.to_datetime([30, 10, 20], unit="s", utc=True), "v": [1, 2, 3]})
    feed = TableFeed(table, 10.0, time="when", rebase=False)
    assert feed.size == 3
    assert rows_of(feed.take(0, 2, ORIGIN)) == [
        {"when": 30 * 10**9, "v": 1.0},
        {"when": 10 * 10**9, "v": 2.0},
    ]
    rebased = TableFeed(table, 10.0, time="when", rebase=True)
    assert rebased.take(1, 3, ORIGIN).times.tolist() == [ORIGIN + 10**8, ORIGIN + 2 * 10**8]
    indexed = TableFeed(table.set_index("when"), 10.0, time=None, rebase=False)
    assert rows_of(indexed.take(0, 1, ORIGIN)) == [{"when": 30 * 10**9, "v": 1.0}]
    without = TableFeed(table[["v"]], 10.0, time=None, rebase=False)
    assert without.take(2, 3, ORIGIN).times.tolist() == [ORIGIN + 2 * 10**8]


@pytest.mark.parametrize(
    ("what", "names", "message"),
    [
        ("walk", ["a"], "names are for"),
        ("prices", [], "names are for"),
        ("noise", None, "expected prices, sensors, orders, walk, got 'noise'"),
    ],
)
def test_what_there_is_not_is_an_error(what, names, message):
    with pytest.raises(SettingError, match=message):
        synthetic(what, 10.0, 0, names)
