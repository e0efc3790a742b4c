"""A streamer that begins on rows of an earlier time: gaps, ids, and what it asks its source."""

import numpy as np
import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.events import Gap
from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.sources.kafka import KafkaSource
from livewidget.testing import LastingStore, ManualClock

from .rig import NO_ENGINE

S = 1_000_000_000
SCHEMA = Schema.of({"time": "time", "n": "int"}, "time")


def batch_of(first, size):
    numbers = np.arange(first, first + size)
    return Batch(SCHEMA, (numbers * S, numbers))


def lived(store, work, **options):
    """One life on a store: what `work` returns, and the gaps that it ends with."""
    options = {"clock": ManualClock(), "engine": NO_ENGINE} | options
    with BufferManager(store=store, max_bytes=2**20) as buffer:
        buffer.recover(None)
        streamer = DataStreamer(buffer=buffer, **options)
        done = work(streamer)
        streamer.drain()
        assert buffer.flush(5.0)
        return done, streamer.gaps


def test_gaps_are_kept_beside_the_rows_and_the_time_between_two_lives_is_one():
    store = LastingStore()

    def first(streamer):
        streamer.push(batch_of(0, 10))
        streamer.gap(None, None, "the network")
        streamer.push(batch_of(20, 10))

    network = Gap(9 * S, 20 * S, "the network")
    assert lived(store, first)[1] == [network]
    pause = Gap(29 * S, 100 * S, "nothing was running")
    assert lived(store, lambda it: it.push(batch_of(100, 10)))[1] == [network, pause]
    frame, gaps = lived(store, lambda it: it.to_dataframe(gaps=True))
    assert gaps == [network, pause]
    assert frame["gap"].notna().tolist() == [n in (10, 20) for n in range(30)]


def test_gaps_that_are_damaged_are_an_error_and_stay():
    store = LastingStore()
    store.save("gaps", b"[[1,")
    with pytest.raises(StoreError, match="the gaps cannot be read"):
        lived(store, lambda _: None)
    assert store.load("gaps") == b"[[1,"


def test_an_id_that_the_store_has_is_filtered():
    store, engine = LastingStore(), Engine()
    try:
        lived(store, lambda it: it.push(batch_of(0, 10)))

        def again(streamer):
            streamer.push(batch_of(5, 10))
            streamer.stop()
            assert streamer.buffer.flush(5.0)
            return streamer.account()

        account, _ = lived(store, again, unique="n", engine=engine)
        assert (account.filtered, account.stored, store.rows) == (5, 5, 15)
    finally:
        engine.close()


def test_a_second_streamer_on_a_buffer_and_a_source_that_goes_on_know_of_no_gap():
    store = LastingStore()
    lived(store, lambda it: it.push(batch_of(0, 10)))
    with BufferManager(store=store, max_bytes=2**20) as buffer:
        buffer.recover(None)
        group = KafkaSource("kafka://127.0.0.1:9/topic", group="desk")
        for source in (group, None, None):
            streamer = DataStreamer(
                source, buffer=buffer, clock=ManualClock(), engine=NO_ENGINE, time="time"
            )
            streamer.push(batch_of(20 + 10 * (source is None), 10))
            streamer.drain()
            assert streamer.gaps == []
