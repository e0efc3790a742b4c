"""There and back: DataFrame, Arrow by the PyCapsule interface."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.schema import Schema

SCHEMA = Schema.of({"time": "time", "y": "float", "n": "int", "s": "text"}, "time")
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**62), 2**62),
        st.floats(),
        st.integers(-(2**63), 2**63 - 1),
        st.one_of(st.none(), st.text(max_size=3)),
    ),
    max_size=20,
)


def batch_of(rows):
    times, ys, ns, texts = zip(*rows, strict=True) if rows else ((), (), (), ())
    data = {
        "time": np.array(times, dtype="datetime64[ns]"),
        "y": np.array(ys, dtype=float),
        "n": np.array(ns, dtype=np.int64),
        "s": np.array(texts, dtype=object),
    }
    return Batch.of(data, SCHEMA)


def plain(batch):
    return [
        tuple("nan" if isinstance(each, float) and math.isnan(each) else each for each in row)
        for row in (row.values() for row in batch.rows())
    ]


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_through_a_dataframe(rows):
    batch = batch_of(rows)
    for tz in ("UTC", None, "Asia/Kolkata"):
        assert plain(Batch.of(batch.to_dataframe(tz), SCHEMA)) == plain(batch)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_through_arrow(rows):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    batch = batch_of(rows)
    table = pa.table(batch)
    assert plain(Batch.of(table, SCHEMA)) == plain(batch)
    assert table.schema.field("time").type == pa.timestamp("ns", tz="UTC")
    assert pa.schema(batch) == table.schema


def test_numbers_and_times_go_to_arrow_without_a_copy():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    batch = batch_of([(1, 2.0, 3, "a")] * 4)
    table = pa.table(batch)
    for name in ("time", "y", "n"):
        buffer = table[name].chunk(0).buffers()[1]
        assert buffer.address == batch[name].__array_interface__["data"][0]


def test_from_arrow_with_nulls_and_dictionaries_and_chunks():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pa.table(
        {
            "time": pa.chunked_array([[1], [2]], pa.timestamp("us", tz="Europe/Zurich")),
            "y": pa.array([1.5, None]),
            "s": pa.array(["a", None]).dictionary_encode(),
            "large": pa.array(["b", "c"], pa.large_string()),
        }
    )
    assert plain(Batch.of(table)) == [(1000, 1.5, "a", "b"), (2000, "nan", None, "c")]
    record_batch = pa.record_batch({"time": pa.array([5], pa.timestamp("ns")), "y": [1]})
    assert plain(Batch.of(record_batch)) == [(5, 1.0)]


def test_pandas_reads_the_capsules():
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    if not hasattr(pd.DataFrame, "from_arrow"):
        pytest.skip("this pandas has no DataFrame.from_arrow")
    frame = pd.DataFrame.from_arrow(batch_of([(5, 2.0, 3, "a"), (6, 3.0, 4, None)]))
    assert frame["y"].tolist() == [2.0, 3.0]
    assert frame["time"][0] == pd.Timestamp(5, tz="UTC")


def test_polars_reads_the_capsules():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.DataFrame(batch_of([(5, 2.0, 3, "a"), (6, 3.0, 4, None)]))
    assert frame["y"].to_list() == [2.0, 3.0]
    assert frame["s"].to_list() == ["a", None]


def test_duckdb_reads_the_capsules():
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    with duckdb.connect() as base:
        base.register("batch", batch_of([(5, 2.0, 3, "a"), (6, 3.0, 4, None)]))
        assert base.sql("select sum(y), count(s) from batch").fetchall() == [(5.0, 1)]


@pytest.mark.parametrize("tz", ["UTC", None, "America/New_York"])
def test_the_zone_of_the_dataframe_is_as_asked(tz):
    frame = batch_of([(5, 2.0, 3, "a")]).to_dataframe(tz)
    assert str(frame["time"].dt.tz) == str(tz)
