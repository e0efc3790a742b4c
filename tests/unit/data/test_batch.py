"""Batches from anything tabular, and what is refused."""

import math
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch, concat, infer_schema
from livewidget.data.errors import SchemaError
from livewidget.data.schema import Kind, Schema

DAY = 86_400_000_000_000
Y2024 = 1_704_067_200_000_000_000
RECORDS = [
    {"time": "2024-01-01T00:00:00Z", "bid": 1.5, "s": "a"},
    {"time": "2024-01-02T00:00:00Z", "bid": None, "s": None},
    {"time": "2024-01-03T00:00:00Z", "bid": 3},
]
COLUMNS = {
    "time": [each["time"] for each in RECORDS],
    "bid": [1.5, None, 3],
    "s": ["a", None, None],
}


def is_nan(value):
    return isinstance(value, float) and math.isnan(value)


def rows(batch):
    return [tuple(None if is_nan(each) else each for each in row.values()) for row in batch.rows()]


WANTED = [(Y2024, 1.5, "a"), (Y2024 + DAY, None, None), (Y2024 + 2 * DAY, 3.0, None)]


@pytest.mark.parametrize(
    "data",
    [
        RECORDS,
        tuple(RECORDS),
        COLUMNS,
        pd.DataFrame(COLUMNS),
        pd.DataFrame(COLUMNS).assign(time=lambda f: pd.to_datetime(f["time"])),
        pd.DataFrame(COLUMNS).astype({"s": "string", "bid": "Float64"}),
        pd.DataFrame(COLUMNS).astype({"s": "category"}),
        Batch.of(COLUMNS),
    ],
    ids=["records", "tuple", "columns", "frame", "times", "nullable", "category", "batch"],
)
def test_all_of_these_are_the_same_batch(data):
    batch = Batch.of(data)
    assert rows(batch) == WANTED
    assert [field.kind for field in batch.schema.fields] == [Kind.TIME, Kind.FLOAT, Kind.TEXT]


@pytest.mark.parametrize("name", ["time", "timestamp", "ts", "datetime", "date"])
def test_the_time_column_is_known_by_its_name(name):
    assert Batch.of({"y": [1], name: ["2024-01-01"]}).schema.time == name


def test_without_a_time_each_row_is_stamped_with_its_arrival():
    batch = Batch.of({"y": [1, 2]}, arrival=77)
    assert (batch.schema.time, batch.times.tolist()) == ("time", [77, 77])


def test_a_scalar_stands_for_each_row():
    batch = Batch.of({"time": [1, 2], "y": 5, "s": "a"})
    assert rows(batch) == [(10**9, 5.0, "a"), (2 * 10**9, 5.0, "a")]


TIMES = {
    "seconds": ([1_704_067_200], Y2024),
    "parts of a second": ([1_704_067_200.25], Y2024 + 250_000_000),
    "milliseconds": ([1_704_067_200_000], Y2024),
    "milliseconds, float": (np.array([1_704_067_200_000.5]), Y2024 + 500_000),
    "microseconds": ([1_704_067_200_000_000], Y2024),
    "nanoseconds": ([Y2024 + 1], Y2024 + 1),
    "ISO text": (["2024-01-01T00:00:00.000000001"], Y2024 + 1),
    "ISO text with a zone": (["2024-01-01T01:00:00+01:00"], Y2024),
    "a date": ([date(2024, 1, 1)], Y2024),
    "a naive datetime is UTC": ([datetime(2024, 1, 1)], Y2024),  # noqa: DTZ001
    "an aware datetime": ([datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))], Y2024),
    "datetime64": (np.array(["2024-01-01"], dtype="datetime64[D]"), Y2024),
    "pandas, a zone": (pd.Series(pd.to_datetime(["2024-01-01"])).dt.tz_localize("UTC"), Y2024),
    "pandas, another zone": (
        pd.DatetimeIndex(["2024-07-01 02:00"]).tz_localize("Europe/Zurich"),
        Y2024 + 182 * DAY,
    ),
    "a Timestamp": ([pd.Timestamp("2024-01-01", tz="UTC")], Y2024),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_in_any_dress(name):
    values, wanted = TIMES[name]
    assert Batch.of({"time": values, "y": [1]}).times.tolist() == [wanted]


@pytest.mark.parametrize(
    "values",
    [
        ["9999-12-31"],
        [datetime(9999, 12, 31, tzinfo=UTC)],
        np.array(["1600-01-01"], dtype="datetime64[s]"),
        [10_000_000_000],
        np.array([2**63], dtype=np.uint64),
    ],
)
def test_a_time_out_of_reach_is_refused_and_never_wraps(values):
    with pytest.raises(SchemaError, match=r"'time' expects times.*1678"):
        Batch.of({"time": values, "y": [1]})


@pytest.mark.parametrize(
    "times",
    [
        [1, None],
        [1.5, math.nan],
        ["2024-01-01", None],
        ["2024-01-01", math.nan],
        [pd.Timestamp("2024-01-01"), pd.NaT],
        np.array(["2024-01-01", "NaT"], dtype="datetime64[s]"),
    ],
)
def test_a_missing_time_is_refused_with_its_row(times):
    with pytest.raises(SchemaError, match=r"'time' has no time \(NaT\) in row 1"):
        Batch.of({"time": times, "y": [1, 2]}, SIMPLE)


def test_one_kind_of_time_a_column_and_missing_ones_cost_no_precision():
    with pytest.raises(SchemaError, match="mixes"):
        Batch.of({"time": ["2024-01-01", 5], "y": [1, 2]}, SIMPLE)
    exact = {"time": [1, 2], "t": [None, Y2024 + 1]}
    assert Batch.of(exact, TWO)["t"].tolist()[1] == Y2024 + 1


def test_the_kind_of_a_column_is_that_of_its_first_value():
    frame = pd.DataFrame({"time": [1, 2], "s": pd.Series([math.nan, "a"], dtype=object)})
    assert Batch.of(frame)["s"].decode().tolist() == [None, "a"]
    assert Batch.of({"time": [1], "y": [None]}).schema.kind("y") is Kind.FLOAT


TWO = Schema.of({"time": "time", "t": "time"}, "time")
SIMPLE = Schema.of({"time": "time", "y": "float"}, "time")
REFUSED = {
    "unequal lengths": ({"time": [1, 2], "y": [1]}, "one length, got {'time': 2, 'y': 1}"),
    "an unknown column": ({"time": [1], "z": [1]}, "no column 'z'; the columns are 'time', 'y'"),
    "text for numbers": ({"time": [1], "y": ["x"]}, "'y' expects numbers, got \\['x'\\]"),
    "times for numbers": ({"time": [1], "y": [date(2024, 1, 1)]}, "'y' expects numbers"),
    "complex numbers": ({"time": [1], "y": [1j]}, "'y' expects numbers.*complex"),
    "a table in a column": ({"time": [1], "y": [[1, 2]]}, "'y' must have one dimension"),
    "ragged rows": ({"time": [1, 2], "y": [[1], 2]}, "'y' expects numbers"),
    "rounded beside a fraction": ({"time": [1, 2], "y": [0.5, 2**53 + 1]}, "not exact beyond"),
    "text for a time": ({"time": ["soon"], "y": [1]}, "'time' expects times, got \\['soon'\\]"),
    "truth for a time": ({"time": [True], "y": [1]}, "a truth value is not a time"),
    "no time": ({"y": [1]}, "time column 'time' is absent"),
    "whole numbers past 2**53": ({"time": [1], "y": [2**53 + 1]}, "declare the column as 'int'"),
    "a number": (5, "expected a mapping of columns"),
    "text": ("time,y", "expected a mapping of columns"),
    "None": (None, "expected a mapping of columns"),
    "nothing": ([], "at least one column"),
    "a list of numbers": ([1, 2], "a record is a mapping"),
    "a nameless column": ({"time": [1], 5: [1]}, "a column's name is text, got 5"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_name_value_and_expectation(name):
    data, message = REFUSED[name]
    with pytest.raises(SchemaError, match=message):
        Batch.of(data, SIMPLE)


def test_whole_numbers_are_exact_where_they_are_declared():
    schema = Schema.of({"time": "time", "n": "int"}, "time")
    numbers = [2**53 + 1, -(2**63), 2**63 - 1]
    assert Batch.of({"time": [1, 2, 3], "n": numbers}, schema)["n"].tolist() == numbers
    for bad in ([2**63], [2**70], [1.5], [None], [float("inf")], [1e300], ["1"]):
        with pytest.raises(SchemaError, match="'n' expects whole numbers"):
            Batch.of({"time": [1], "n": bad}, schema)
    with pytest.raises(SchemaError, match="kind 'int' and is absent"):
        Batch.of({"time": [1]}, schema)


def test_absent_columns_are_missing_values():
    schema = Schema.of({"time": "time", "y": "float", "s": "text"}, "time")
    assert rows(Batch.of({"time": [1]}, schema)) == [(10**9, None, None)]


def test_what_was_handed_in_may_change_afterwards():
    times, values = np.array([1, 2]), np.array([1.0, 2.0])
    stamps = times.astype("datetime64[ns]")
    for data in ({"time": times, "y": values}, {"time": stamps, "y": values}):
        batch = Batch.of(data, SIMPLE)
        before = rows(batch)
        times[:], values[:], stamps[:] = 9, 9.0, np.datetime64(9, "ns")
        assert rows(batch) == before


def test_a_column_named_as_text_is_text_though_it_holds_numbers():
    schema = infer_schema({"time": [1], "id": [7]}, text=("id",))
    assert Batch.of({"time": [1], "id": [7]}, schema)["id"].decode().tolist() == ["7"]


@pytest.mark.parametrize("bad", [{"y": "float"}, {"time": "float"}, {"time": "clock"}])
def test_a_schema_needs_a_time_and_known_kinds(bad):
    with pytest.raises(SchemaError):
        Schema.of(bad, "time")


TEXTS = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "", "ü", "nan"])), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_joined_batches_hold_all_rows_in_order(parts):
    schema = Schema.of({"time": "time", "s": "text"}, "time")
    batches = [
        Batch.of({"time": np.arange(len(part)), "s": np.array(part, dtype=object)}, schema)
        for part in parts
    ]
    joined = concat(batches)
    assert joined["s"].decode().tolist() == [each for part in parts for each in part]
    assert rows(joined) == [row for each in batches for row in rows(each)]
