"""Files of Parquet: turned over by rows and by time, whole or not there, a disk that is full."""

import sys

import numpy as np
import pytest

from livewidget import DataStreamer, Schema
from livewidget.data.batch import Batch
from livewidget.data.errors import MissingExtraError, SettingError, SinkError
from livewidget.sinks.parquet import COMPRESSIONS, ParquetSink
from livewidget.testing import wait_for, wait_until

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
TICKS = Schema.of({"time": "time", "n": "int", "price": "float", "symbol": "text"}, "time")


def ticks(first, stop):
    numbers = range(first, stop)
    return {
        "time": [1.7e9 + n for n in numbers],
        "n": list(numbers),
        "price": [None if n == 1 else n / 4 for n in numbers],
        "symbol": [None if n == 2 else f"S{n % 3}" for n in numbers],
    }


def batch(first, stop):
    return Batch.of(ticks(first, stop), TICKS)


def files(folder):
    return {each.name: parquet.read_table(each)["n"].to_pylist() for each in folder.iterdir()}


async def test_rows_are_there_as_they_were(tmp_path):
    async with ParquetSink(tmp_path / "t.parquet", run="a") as sink:
        await sink.write(batch(0, 4))
    table = parquet.read_table(tmp_path / "t-a-000000000000.parquet")
    assert str(table.schema.field("time").type) == "timestamp[ns, tz=UTC]"
    got = Batch.of(table, TICKS)
    assert got.times.tolist() == batch(0, 4).times.tolist()
    assert got["symbol"].decode().tolist() == ["S0", "S1", None, "S0"]
    np.testing.assert_array_equal(got["price"], [0, np.nan, 0.5, 0.75])


@pytest.mark.parametrize("compression", COMPRESSIONS)
async def test_compression(tmp_path, compression):
    async with ParquetSink(tmp_path, compression=compression) as sink:
        await sink.write(batch(0, 4))
    (path,) = tmp_path.iterdir()
    column = parquet.ParquetFile(path).metadata.row_group(0).column(1)
    assert column.compression == {"none": "UNCOMPRESSED"}.get(compression, compression.upper())


async def test_a_file_is_turned_over_by_rows(tmp_path):
    async with ParquetSink(tmp_path / "new" / "t_*.parquet", rows=10, run="a") as sink:
        for first in range(0, 24, 4):
            await sink.write_from(batch(first, first + 4), first)
            assert sink.counts["in_memory"] < 10
    assert files(tmp_path / "new") == {
        "t_a-000000000000.parquet": [*range(12)],
        "t_a-000000000012.parquet": [*range(12, 24)],
    }


async def test_a_file_is_turned_over_by_time(tmp_path):
    async with ParquetSink(tmp_path, seconds=0.05) as sink:
        await sink.write(batch(0, 4))
        await wait_for(lambda: sink.files == 1)
        await sink.write(batch(4, 8))
        await wait_for(lambda: sink.files == 2)
        assert sorted(files(tmp_path).values()) == [[0, 1, 2, 3], [4, 5, 6, 7]]


async def test_what_comes_again_is_not_doubled(tmp_path):
    async with ParquetSink(tmp_path, rows=8) as sink:
        await sink.write_from(batch(0, 10), 0)
        await sink.write_from(batch(5, 15), 5)
        await sink.write_from(batch(5, 15), 5)
    assert sorted(n for each in files(tmp_path).values() for n in each) == [*range(15)]


async def test_what_cannot_be_written_is_kept_and_tried_again(tmp_path, monkeypatch):
    sink = ParquetSink(tmp_path, rows=4)
    await sink.open()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(SinkError, match="cannot be written: No space left"):
            await sink.write_from(batch(0, 6), 0)
        assert list(tmp_path.iterdir()) == [], "a file is whole, or not there"
        await sink.close()
    await sink.open()
    await sink.write_from(batch(0, 6), 0)
    await sink.close()
    assert [*files(tmp_path).values()] == [[*range(6)]]


def test_through_a_streamer(tmp_path):
    streamer = DataStreamer(schema=TICKS)
    try:
        output = streamer.send_to(ParquetSink(tmp_path, rows=3_000), batch_rows=700)
        for part in range(10):
            streamer.push(ticks(part * 1_000, part * 1_000 + 1_000))
        wait_until(lambda: output.written == 10_000)
    finally:
        streamer.stop()
    wait_until(lambda: sum(map(len, files(tmp_path).values())) == 10_000)
    names = sorted(files(tmp_path))
    assert [n for name in names for n in files(tmp_path)[name]] == [*range(10_000)]
    assert len(names) in (3, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "a*/b.parquet"}, "one star"),
        ({"path": "a*b"}, "a pattern ends in .parquet"),
        ({"path": ""}, "path is a folder"),
        ({"rows": 0}, "rows is a whole number from 1 up"),
        ({"seconds": 0}, "seconds is a number of seconds above 0"),
        ({"compression": "zip"}, "compression is 'zstd', 'snappy', .* or 'none', got 'zip'"),
        ({"run": "a/b"}, "run is a name"),
    ],
)
def test_what_cannot_be_is_an_error_at_the_door(options, message):
    with pytest.raises(SettingError, match=message):
        ParquetSink(**{"path": "x.parquet"} | options)


async def test_a_missing_package_names_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"livewidget\[arrow\]"):
        await ParquetSink(tmp_path).open()
