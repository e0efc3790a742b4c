"""Columns picked and renamed, and what a user's function may return."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Kind, Schema
from livewidget.pipeline.shape import Apply, Columns, Drop, Rename, Select
from livewidget.testing import ManualClock

from .streams import ROWS, SCHEMA, SECOND, batch_of, column, cut, plain, run

ROW = (SECOND, "a", 2.0, 1, "x", 5)


def bind(operator):
    return operator.bind(SCHEMA, ManualClock())


@settings(max_examples=50, deadline=None)
@given(ROWS, st.data())
def test_columns_are_picked_dropped_and_renamed(rows, data):
    batches = data.draw(cut(rows))
    slow = list(map(plain, batch_of(rows).rows()))
    out, _ = run(Select("n", "key"), batches)
    assert [list(row.items()) for row in out] == [
        [("time", row["time"]), ("n", row["n"]), ("key", row["key"])] for row in slow
    ]
    out, _ = run(Drop("n", "key"), batches)
    assert out == [
        {name: value for name, value in row.items() if name not in {"n", "key"}} for row in slow
    ]
    out, _ = run(Rename(time="when", n="key", key="n"), batches)
    assert [list(row)[:2] for row in out] == [["when", "n"]] * len(rows)
    assert column(out, "key") == column(slow, "n")
    assert column(out, "when") == column(slow, "time")


def test_the_time_may_be_picked_elsewhere_and_renamed():
    assert bind(Select("n", "time")).schema.names == ("n", "time")
    assert bind(Rename({"time": "when"})).schema.time == "when"


def test_a_function_sees_arrays_that_it_cannot_write_to():
    seen = {}

    def look(columns):
        seen.update(columns)
        with pytest.raises(ValueError, match="read-only"):
            columns["value"][0] = 1
        with pytest.raises(KeyError, match="no column 'price'"):
            columns["price"]
        return columns["value"] > 0

    batch = batch_of([ROW])
    assert bind(Apply(look)).step(batch, _tally()) is not None
    assert len(seen) == len(SCHEMA.names) == len(Columns(batch))
    assert seen["time"].dtype == np.dtype("datetime64[ns]")
    assert seen["key"].tolist() == ["a"]
    assert batch["value"].flags.writeable


def _tally():
    from livewidget.pipeline.operator import Tally

    return Tally()


@settings(max_examples=100, deadline=None)
@given(ROWS, st.data())
def test_a_mask_filters_and_a_mapping_adds(rows, data):
    batches = data.draw(cut(rows))
    slow = list(map(plain, batch_of(rows).rows()))
    out, tally = run(Apply(lambda columns: columns["n"] > 0), batches)
    assert out == [row for row in slow if row["n"] > 0]
    assert tally.filtered == len(slow) - len(out)
    both = Apply(
        lambda c: {"twice": c["n"] * 2, "n": c["n"] + 1, "word": c["key"]},
        schema={"twice": "float"},
    )
    out, _ = run(both, batches)
    assert out == [
        row | {"twice": 2 * row["n"], "n": row["n"] + 1, "word": row["key"]} for row in slow
    ]


def test_fewer_rows_are_filtered_and_bring_all_their_columns():
    batch = batch_of([ROW, ROW, ROW])
    first = Apply(lambda columns: {name: columns[name][:1] for name in columns})
    out, tally = run(first, [batch])
    assert len(out) == 1
    assert tally.filtered == 2
    none = Apply(lambda columns: {name: columns[name][:0] for name in columns})
    assert run(none, [batch])[0] == []


def test_a_whole_schema_may_come_out():
    after = Schema.of({"when": "time", "sum": "float"}, "when")
    total = Apply(
        lambda c: {"when": c["time"][-1:], "sum": [c["value"].sum()]}, "total", schema=after
    )
    assert repr(total) == "Apply('total')"
    out, tally = run(total, [batch_of([ROW, ROW])])
    assert out == [{"when": SECOND, "sum": 4.0}]
    assert tally.filtered == 1


def test_a_column_may_change_its_kind():
    bound = bind(Apply(lambda c: {"n": c["n"] / 2}, schema={"n": "float"}))
    assert bound.schema.kind("n") is Kind.FLOAT
    assert bound.step(batch_of([ROW]), _tally())["n"].tolist() == [0.5]


def test_it_is_named_after_its_function_and_heavy_where_it_is_told():
    def mid(columns):
        return columns

    assert Apply(mid).name == "mid"
    assert not Apply(mid).heavy
    assert Apply(mid, heavy=True).heavy


@pytest.mark.parametrize(
    ("function", "schema", "told"),
    [
        (lambda c: {"mid": c["n"]}, None, "f returns a column that is not declared"),
        (lambda c: {"n": [1, 2, 3]}, None, "f returns 3 rows of 2; it may return fewer only"),
        (lambda c: {"n": [1]}, None, "f returns 1 rows of 2 and not the column 'time'"),
        (lambda c: {"n": [1, 2], "value": [1]}, None, "f returns columns of different lengths"),
        (lambda c: {"n": ["a", "b"]}, None, "column 'n' expects whole numbers"),
        (lambda c: {}, {"mid": "float"}, "f does not return the column 'mid' that it declares"),
        (lambda c: c["n"] > 5, {"mid": "float"}, "f does not return the column 'mid'"),
        (lambda c: {}, {"n": "float"}, "f does not return the column 'n' that it declares"),
        (lambda c: {"time": [None, 1e9]}, None, "f returns a row without a time (NaT) in 'time'"),
        (lambda c: c["n"], None, "a truth value for each of 2 rows; got array"),
        (lambda c: np.array([True]), None, "a truth value for each of 2 rows"),
        (lambda c: None, None, "a truth value for each of 2 rows; got None"),
    ],
)
def test_what_a_function_may_not_return(function, schema, told):
    with pytest.raises(SchemaError, match=re.escape(told)):
        run(Apply(function, "f", schema=schema), [batch_of([ROW, ROW])])


def test_what_a_function_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        run(Apply(lambda c: 1 / 0), [batch_of([ROW])])


@pytest.mark.parametrize(
    ("operator", "told"),
    [
        (Select("price"), "no column 'price'"),
        (Drop("price"), "no column 'price'"),
        (Drop("time"), "the time column 'time' cannot be dropped"),
        (Rename(price="n"), "no column 'price'"),
        (Rename(value="n"), "different names"),
        (Apply(len, schema={"a": "number"}), "the kind of 'a' is one of"),
    ],
)
def test_a_column_that_does_not_fit_is_told_when_it_is_bound(operator, told):
    with pytest.raises(SchemaError, match=re.escape(told)):
        bind(operator)


def test_a_setting_that_cannot_be_is_told_at_once():
    with pytest.raises(SettingError, match="Apply takes a function of columns; got 5"):
        Apply(5)
    with pytest.raises(SettingError, match="names a column twice"):
        Rename(a="c", b="c")
    with pytest.raises(SettingError, match="Select is the name of a column or a list"):
        Select(["a", "b"])
