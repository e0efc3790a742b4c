import asyncio
import json
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import livewidget
from livewidget import DataStreamer
from livewidget.app.background import produce_in_background
from livewidget.app.produce import produce, produce_async, producer_for
from livewidget.app.producer import Summary
from livewidget.codecs.json import JsonDecoder
from livewidget.data.errors import MissingExtraError, SettingError, SinkError, SourceError
from livewidget.testing import wait_until

TABLE = pd.DataFrame(
    {
        "time": pd.date_range("2024-05-01", periods=200, freq="s", tz="UTC"),
        "v": np.linspace(0, 1, 200),
        "s": ["a", "b"] * 100,
    }
)


def lines_of(path):
    return [json.loads(line) for line in Path(path).read_bytes().splitlines()]


def test_it_is_there_at_the_top():
    assert livewidget.produce is produce


@pytest.mark.parametrize("suffix", ["csv", "parquet", "ndjson", "jsonl"])
def test_a_file_is_replayed_whole_and_as_it_is(tmp_path, suffix):
    path, out = tmp_path / f"t.{suffix}", tmp_path / "out.ndjson"
    if suffix == "csv":
        TABLE.to_csv(path, index=False)
    elif suffix == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        TABLE.to_parquet(path)
    else:
        produce(TABLE, tmp_path / "t.ndjson", rate=1e6)
        (tmp_path / "t.ndjson").rename(path)
    summary = produce(str(path), out, rate=1e6)
    rows = lines_of(out)
    assert summary.events == len(rows) == 200
    assert [row["v"] for row in rows] == TABLE["v"].tolist()
    assert [row["s"] for row in rows] == TABLE["s"].tolist()
    assert [row["time"] for row in rows[:2]] == [
        "2024-05-01T00:00:00.000000000Z",
        "2024-05-01T00:00:01.000000000Z",
    ]


def test_the_same_seed_makes_the_same_events_but_for_their_times(tmp_path):
    for name in ("a", "b"):
        produce("orders", tmp_path / f"{name}.ndjson", rate=1e6, count=500, seed=7, late=0.1)
    mine, other = (lines_of(tmp_path / f"{name}.ndjson") for name in ("a", "b"))

    def values(rows):
        rows = sorted(rows, key=lambda row: row["sequence"])
        return [{name: row[name] for name in row if name != "time"} for row in rows]

    assert values(mine) == values(other)
    assert len(mine) == 500


def test_malformed_events_are_among_whole_ones(tmp_path):
    out = tmp_path / "out.ndjson"
    produce("orders", out, rate=1e6, count=1_000, malformed=0.1)
    decoded = JsonDecoder().decode(out.read_bytes().splitlines())
    assert 50 < len(decoded.rejected) < 150
    assert decoded.rows == 1_000 - len(decoded.rejected)


async def test_it_runs_where_a_loop_runs_already_as_in_a_notebook(tmp_path):
    before = threading.enumerate()
    summary = produce(TABLE, tmp_path / "out.csv", rate=1e5)  # blocks the loop, as it says
    assert summary.events == 200
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 201
    assert (await produce_async(TABLE, tmp_path / "again.csv", rate=1e5)).events == 200
    assert threading.enumerate() == before
    with pytest.raises(SourceError, match="cannot be read"):
        produce(tmp_path / "none.csv", tmp_path / "out.csv")


async def test_an_interrupted_cell_ends_it(tmp_path, monkeypatch):
    begun = []
    join = threading.Thread.join

    def interrupted(thread, timeout=None):
        if thread.name == "livewidget-produce" and not begun:
            begun.append(thread)
            raise KeyboardInterrupt
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        produce("walk", tmp_path / "out.csv")
    assert not begun[0].is_alive()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, r"^none\.csv cannot be read: No such file"),
        ("empty.csv", b"", r"^empty\.csv cannot be read: No columns"),
        ("bare.csv", b"time,v\n", r"^bare\.csv has no rows"),
        ("bad.ndjson", b'{"v": 1}\n{"v"', r"^bad\.ndjson cannot be read: not JSON"),
        ("bad.parquet", b"PAR", r"^bad\.parquet cannot be read: "),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path, name, content, message):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        producer_for(tmp_path / name, "-")


def test_parquet_without_its_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"livewidget\[arrow\]"):
        producer_for(tmp_path / "t.parquet", "-")


@pytest.mark.parametrize("what", ["noise", "ticks.txt", "ws://host/x"])
def test_what_is_nothing_to_produce_is_named(what):
    with pytest.raises(SettingError, match="expected prices, sensors, orders, walk, a file"):
        producer_for(what, "-")


def test_a_summary_says_what_was_lost():
    summary = Summary(12_345, 12.34, 1_000.4, {"clients": 0, "missed": 3_000})
    assert str(summary) == "12,345 events in 12.3 s, 1,000.4 a second; missed 3,000"


async def test_cancelling_is_how_a_program_ends_it(tmp_path):
    task = asyncio.create_task(produce_async("walk", tmp_path / "out.ndjson", rate=1_000))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_in_the_background_it_tells_its_url_and_ends_when_told():
    with produce_in_background("walk", "ws://127.0.0.1:0", rate=500.0) as production:
        streamer = DataStreamer(production.url).start()
        wait_until(lambda: streamer.account().received > 50)
        assert "running" in repr(production)
        assert not production.url.endswith(":0")
        streamer.stop()
    summary = production.stop()
    assert summary.events == production.events >= 50
    assert "ended" in repr(production)


def test_in_the_background_too_what_cannot_be_is_an_error_at_once(tmp_path):
    with pytest.raises(SettingError, match="expected prices"):
        produce_in_background("noise", "-")
    with pytest.raises(SinkError):
        produce_in_background("walk", tmp_path / "none" / "x.ndjson")
