"""BufferManager: ranges, order, files."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager

SCHEMA = Schema.of({"time": "time", "n": "int"}, "time")


def batch_of(times):
    return Batch(SCHEMA, (np.array(times, dtype=np.int64), np.arange(len(times))))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.integers(0, 50), st.data())
def test_a_range_holds_its_rows_by_rising_time(times, start, data):
    stop = data.draw(st.integers(start, 60))
    buffer = BufferManager()
    buffer.append(batch_of(times))
    rows = sorted(enumerate(times), key=lambda each: each[1])
    found = buffer.snapshot(pd.Timestamp(start), pd.Timestamp(stop))
    wanted = [(n, time) for n, time in rows if start <= time < stop]
    assert list(zip(found["n"].tolist(), found.times.tolist(), strict=True)) == wanted
    assert buffer.snapshot()["n"].tolist() == [n for n, _ in rows]


def test_bounds_are_times_of_any_kind():
    buffer = BufferManager()
    day = 86_400_000_000_000
    buffer.append(batch_of([0, day, 2 * day]))
    assert len(buffer.to_dataframe("1970-01-02")) == 2
    assert len(buffer.to_dataframe(None, pd.Timestamp("1970-01-02", tz="Asia/Tokyo"))) == 1
    with pytest.raises(SettingError, match="a bound is a time, got 'soon'"):
        buffer.to_dataframe("soon")


def test_before_the_first_batch_there_is_nothing_and_no_error():
    buffer = BufferManager()
    assert (buffer.schema, buffer.ring, buffer.snapshot(), buffer.lease()) == (None,) * 4
    assert buffer.to_dataframe().empty
    assert buffer.stats()["rows"] == 0


def test_there_and_back_through_files(tmp_path):
    buffer = BufferManager()
    buffer.append(batch_of([1, 2, 3]))
    buffer.to_csv(tmp_path / "rows.csv", stop=pd.Timestamp(3))
    assert pd.read_csv(tmp_path / "rows.csv")["n"].tolist() == [0, 1]
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    buffer.to_parquet(tmp_path / "rows.parquet")
    assert list(Batch.of(pd.read_parquet(tmp_path / "rows.parquet"), SCHEMA).rows()) == list(
        buffer.snapshot().rows()
    )
    with pytest.raises(SchemaError, match="nothing has arrived"):
        BufferManager().to_parquet(tmp_path / "none.parquet")


@pytest.mark.parametrize("bad", [{"retention": 0}, {"retention": -1.0}, {"max_rows": 0}])
def test_limits_that_keep_nothing_are_refused(bad):
    with pytest.raises(SettingError, match=next(iter(bad))):
        BufferManager(**bad)


def test_what_is_kept_may_change_while_it_runs():
    buffer = BufferManager(retention=1.0)
    buffer.append(batch_of(np.arange(0, 5 * 10**9, 10**8)))
    assert buffer.stats()["rows"] == 11
    buffer.keep(max_rows=4)
    assert buffer.stats()["rows"] == 4
