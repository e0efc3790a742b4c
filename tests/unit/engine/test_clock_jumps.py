"""Clocks that jump back by an hour in the middle: every read stays right, new rows stay."""

import numpy as np
import pytest

from livewidget.data.batch import Batch
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.storage.embedded import EmbeddedStore
from livewidget.testing import ListStore, ManualClock, wait_until

SCHEMA = Schema.of({"time": "time", "n": "int"}, "time")
S = 1_000_000_000
HOUR = 3_600 * S
NOW = 1_700_000_000 * S


def batch_of(first, times):
    numbers = np.arange(first, first + len(times))
    return Batch(SCHEMA, (np.asarray(times, dtype=np.int64), numbers))


def jumping(count=600, at=300):
    """Times a second apart, that jump back by an hour in the middle."""
    times = NOW + np.arange(count) * S
    times[at:] -= HOUR
    return times


def numbers(batches):
    return sorted(n for batch in batches for n in batch["n"].tolist())


@pytest.mark.parametrize("store", [None, ListStore])
@pytest.mark.parametrize("options", [{}, {"history": "12h", "max_rows": 128}])
def test_every_row_is_found_by_its_time(store, options):
    times = jumping()
    with BufferManager(SCHEMA, store=store and store(), **options) as buffer:
        for first in range(0, 600, 20):
            buffer.append(batch_of(first, times[first : first + 20]))
        assert buffer.flush(5.0)
        for start, stop in [(-EVER, EVER), (NOW, NOW + HOUR), (NOW - HOUR, NOW), (NOW, NOW + S)]:
            answer = buffer.ask(start, stop)
            found = numbers(answer.batches)
            assert answer.missing == []
            assert found == np.flatnonzero((times >= start) & (times < stop)).tolist()
        coarse = buffer.query(points=50)
        seen = np.concatenate([batch.times for batch in coarse.batches])
        assert (seen.min(), seen.max()) == (times.min(), times.max())


@pytest.mark.parametrize("options", [{}, {"max_rows": 100}, {"retention": "10m"}])
def test_the_retention_leaves_new_rows_of_an_earlier_time(options):
    times = jumping()
    buffer = BufferManager(SCHEMA, **{"retention": "60s"} | options)
    for first in range(0, 600, 20):
        buffer.append(batch_of(first, times[first : first + 20]))
        assert buffer.ring.snapshot()["n"].tolist()[-20:] == [*range(first, first + 20)]
    if "max_rows" in options:
        assert buffer.ring.snapshot()["n"].tolist() == [*range(539, 600)]


def test_the_history_leaves_them_too():
    times = jumping(6_000, 3_000)
    buffer = BufferManager(SCHEMA, max_rows=128, history="20m", history_bytes=2**17)
    for first in range(0, 6_000, 20):
        buffer.append(batch_of(first, times[first : first + 20]))
        recent = range(max(0, first - 1_000), first + 20)
        assert set(recent) <= set(numbers(buffer.read(-EVER, EVER)))


def test_the_store_leaves_them_too(tmp_path):
    times = jumping(6_000, 3_000)
    with EmbeddedStore(tmp_path / "kept", partition_rows=500, retention=1_200.0) as store:
        for first in range(0, 6_000, 100):
            store.append(batch_of(first, times[first : first + 100]), first)
        wait_until(lambda: [*tmp_path.rglob("*5500-500-*.parquet")])
    with EmbeddedStore(tmp_path / "kept", readonly=True) as store:
        assert set(range(4_800, 6_000)) <= set(numbers(store.read(-EVER, EVER)))


def test_a_clock_that_jumps_back_takes_nothing_from_what_comes_after_it():
    clock = ManualClock(NOW)
    with DataStreamer(clock=clock) as streamer:
        for n in range(100):
            streamer.push({"n": [n]})
            clock.advance(1.0)
            if n == 49:
                clock.set_wall(clock.now() - HOUR)
        streamer.drain()
        assert streamer.account().stored == 100
        assert sorted(streamer.to_dataframe()["n"]) == list(range(100))
        assert streamer.buffer.stats()["late"] == 50
