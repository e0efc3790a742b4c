"""Calculate and Filter: the columns they give, and an account of every row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.convert import NAT
from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline.calculate import Calculate, Filter
from livewidget.pipeline.chain import Pipeline
from livewidget.pipeline.operator import Tally
from livewidget.testing import ManualClock

NOW = 1_700_000_000_000_000_000
SCHEMA = Schema.of({"time": "time", "n": "int", "bid": "float", "s": "text"}, "time")


def batch_of(bids, words=None):
    size = len(bids)
    data = {
        "time": (NOW + np.arange(size)).view("datetime64[ns]"),
        "n": np.arange(size),
        "bid": np.array(bids, dtype=float),
        "s": words or ["a"] * size,
    }
    return Batch.of(data, SCHEMA)


def run(operator, batch):
    bound = operator.bind(SCHEMA, ManualClock(NOW))
    tally = Tally()
    result = bound.step(batch, tally)
    assert result.schema == bound.schema
    assert len(result) + tally.filtered + tally.rejected == len(batch)
    assert all(len(column) == len(result) for column in result.columns)
    return result, tally


def test_later_columns_use_earlier_ones_and_replaced_ones_stay_in_their_place():
    operator = Calculate(
        {"half %": "bid / 2"}, n="n + 0.5", s="upper(s)", more="column('half %') + n"
    )
    result, _ = run(operator, batch_of([2.0, 4.0]))
    assert result.schema.names == ("time", "n", "bid", "s", "half %", "more")
    assert [str(field.kind) for field in result.schema.fields] == [
        *("time", "float", "float", "text", "float", "float")
    ]
    assert list(result.take(slice(1, 2)).rows()) == [
        {"time": NOW + 1, "n": 1.5, "bid": 4.0, "s": "A", "half %": 2.0, "more": 3.5}
    ]


def test_what_stands_for_all_rows_becomes_a_column_of_all_rows():
    operator = Calculate(one="1", yes="True", word="'w'", at="now()", flag="bid > 1")
    result, _ = run(operator, batch_of([1.0, 2.0]))
    plain = {name: result[name] for name in ("one", "yes", "at", "flag")}
    assert {name: each.tolist() for name, each in plain.items()} == {
        "one": [1.0, 1.0],
        "yes": [1.0, 1.0],
        "at": [NOW, NOW],
        "flag": [0.0, 1.0],
    }
    assert result["flag"].dtype == np.float64
    assert result["word"].decode().tolist() == ["w", "w"]


def test_a_time_of_the_event_may_be_calculated_and_rows_without_one_are_rejected():
    result, tally = run(Calculate(time="time + bid"), batch_of([1.0, np.nan, -1.0]))
    assert result.times.tolist() == [NOW + 10**9, NOW + 2 - 10**9]
    assert [letter.payload["n"] for letter in tally.letters] == [1]
    assert tally.letters[0].reason == "no time in 'time' was calculated"
    assert NAT not in result.times


def test_the_input_of_an_operator_stays_as_it_was():
    batch = batch_of([1.0, 2.0], ["a", "b"])
    before = list(batch.rows())
    run(Calculate(bid="bid * 2", s="upper(s)", n="-n"), batch)
    assert list(batch.rows()) == before


@pytest.mark.parametrize(
    "operator",
    [
        Calculate(x="own(bid)", functions={"own": lambda _bid: 1 / 0}),
        Filter("own(bid) > 1", functions={"own": lambda _bid: 1 / 0}),
    ],
)
def test_a_function_of_ones_own_that_fails_rejects_the_rows_and_stops_nothing(operator):
    result, tally = run(operator, batch_of([1.0, 2.0]))
    assert (len(result), tally.rejected) == (0, 2)
    assert tally.letters[0].reason.startswith("the function own failed: ZeroDivisionError")
    assert tally.letters[0].operator == operator.name


BIDS = st.lists(st.sampled_from([0.0, 1.0, 2.0, np.nan, np.inf]), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(BIDS, st.sampled_from([-1.0, 0.5, 1.0, 9.0]))
def test_a_filter_keeps_what_holds_in_its_order_and_counts_the_others(bids, limit):
    result, tally = run(Filter(f"bid > {limit}"), batch_of(bids))
    assert result["n"].tolist() == [row for row, bid in enumerate(bids) if bid > limit]
    assert tally.rejected == 0


def test_a_filter_that_all_pass_hands_on_the_batch_itself():
    batch = batch_of([1.0, 2.0])
    assert run(Filter("bid > 0"), batch)[0] is batch


@settings(max_examples=60, deadline=None)
@given(BIDS)
def test_operators_in_a_row_account_for_every_row(bids):
    operator = Pipeline(
        [Filter("bid != 2"), Calculate(time="time + bid"), Calculate(k="n * 2"), Filter("k >= 4")]
    )
    result, tally = run(operator, batch_of(bids))
    kept = [row for row, bid in enumerate(bids) if bid in (0.0, 1.0) and row >= 2]
    assert result["n"].tolist() == kept
    assert tally.rejected == sum(bid == np.inf for bid in bids)


@pytest.mark.parametrize(
    ("make", "error", "what"),
    [
        (Calculate, SettingError, "at least one field"),
        (lambda: Calculate(x="1 +"), SettingError, "Calculate 'x': the expression cannot"),
        (lambda: Calculate(x=3), SettingError, "Calculate 'x': an expression is text, got 3"),
        (lambda: Filter(None), SettingError, "Filter: an expression is text, got None"),
        (lambda: Calculate(x="y"), SchemaError, "Calculate 'x': there is no column 'y'"),
        (lambda: Calculate(a="b", b="1"), SchemaError, "Calculate 'a': there is no column 'b'"),
        (lambda: Calculate(time="n"), SchemaError, "'time': it is the time of the event"),
        (lambda: Filter("bid"), SchemaError, "Filter expects a condition.*'bid' is a number"),
    ],
)  # fmt: skip
def test_what_is_wrong_names_the_field(make, error, what):
    with pytest.raises(error, match=what):
        make().bind(SCHEMA, ManualClock(NOW))
