"""The aged buffer: what it keeps, within which memory and which error, and beside a writer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from livewidget.buffers import aged, parcel
from livewidget.buffers.aged import AgedBuffer
from livewidget.buffers.ring import RingBuffer
from livewidget.buffers.segment import MINUTE, SECOND
from livewidget.codecs.numeric.packed import unpack
from livewidget.data.batch import Batch, concat
from livewidget.data.errors import SchemaError, SettingError
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.sketches.outstanding import stand_for
from livewidget.storage.planner import Planner
from livewidget.testing import ListStore, wait_until

SCHEMA = Schema.of({"time": "time", "y": "float"}, "time")
KEYED = Schema.of({"time": "time", "key": "text", "y": "float"}, "time")
BASE = 1_700_000_000_000_000_000 // MINUTE * MINUTE
MS = 1_000_000


def batch_of(first, size, step=10 * MS):
    rows = np.arange(first, first + size)
    return Batch(SCHEMA, (BASE + rows * step, np.round(np.sin(rows / 500) * 20, 2)))


def filled(size, *, step=10 * MS, **settings):
    buffer = AgedBuffer(SCHEMA, **settings)
    for first in range(0, size, 10_000):
        buffer.append(batch_of(first, min(10_000, size - first), step))
    return buffer


def whole(batches):
    return concat(list(batches))


def test_three_hours_of_a_hundred_a_second_age_into_a_quarter_megabyte():
    buffer = filled(1_080_000, max_bytes=2**18)
    rows = batch_of(0, 1_080_000)
    assert buffer.nbytes <= 2**18
    low, high = BASE, BASE + 1_080_000 * 10 * MS
    assert buffer.span() == (low, high - 10 * MS)
    assert buffer.since(MINUTE) == -EVER
    assert BASE < buffer.since() < high
    read = whole(buffer.read(low, high, width=5 * MINUTE))
    assert read.times.tolist() == stand_for(rows, 5 * MINUTE).times.tolist()
    told = buffer.summaries(low, high, MINUTE)
    assert told["y_count"].tolist() == [6_000] * 180
    assert set(buffer.stats()["segments"]) == {"raw", "1 s", "1 min"}


def test_raw_rows_go_after_their_time_where_seconds_save_something():
    buffer = filled(600_000, raw=10 * MINUTE)
    kept = buffer.taken * 10 * MS - (buffer.since() - BASE)
    assert 10 * MINUTE <= kept <= 10 * MINUTE + 2 * 65_536 * 10 * MS
    assert buffer.since(SECOND) == -EVER
    slow = filled(100_000, step=SECOND, raw=MINUTE)
    assert slow.since() == -EVER  # one row a second stands for itself


def test_retention_lets_segments_go_whole():
    buffer = filled(600_000, retention=20 * MINUTE)
    stats = buffer.stats()
    assert stats["let_go"] == buffer.taken - stats["rows"] > 0
    assert buffer.span()[0] - 10 * MS < buffer.since() <= buffer.span()[0]
    assert buffer.since() == buffer.since(MINUTE)


def test_errors_stay_below_what_is_tolerated():
    chance = np.random.default_rng(2)
    ys = chance.normal(size=200_000)
    ys[::1_000] = np.nan
    times = BASE + np.arange(len(ys)) * 10 * MS
    exact = AgedBuffer(SCHEMA)
    lossy = AgedBuffer(SCHEMA, tolerance={"y": 0.01})
    for buffer in (exact, lossy):
        buffer.append(Batch(SCHEMA, (times, ys)))
    assert lossy.nbytes < exact.nbytes / 2
    read = whole(lossy.read(BASE, EVER))
    assert (read.times == times).all()
    assert np.nanmax(np.abs(read["y"] - ys)) <= 0.01
    assert (np.isnan(read["y"]) == np.isnan(ys)).all()
    assert "quantised" in lossy.stats()["codecs"]
    lossy.fit(100_000)
    aged_rows = whole(lossy.read(BASE, EVER))
    places = np.searchsorted(times, aged_rows.times)
    assert len(places) < len(ys) / 4
    assert np.nanmax(np.abs(aged_rows["y"] - ys[places])) <= 0.01


def test_alarms_outlive_the_ordinary():
    buffer = AgedBuffer(SCHEMA, max_bytes=2**16, keep=lambda batch: batch["y"] == 7.001)
    step = 100 * MS
    for first in range(0, 200_000, 20_000):
        batch = batch_of(first, 20_000, step)
        batch["y"][5_000] = 7.001  # neither the least nor the greatest of its second or minute
        buffer.append(batch)
    assert buffer.nbytes <= 2**16
    assert buffer.stats()["let_go"] > 0
    assert buffer.kept_let_go == 0
    told = whole(buffer.read(BASE, EVER))
    alarms = told.times[told["y"] == 7.001]
    assert (alarms - BASE).tolist() == [(each * 20_000 + 5_000) * step for each in range(10)]
    assert told.schema == SCHEMA
    summed = buffer.summaries(-EVER, EVER, MINUTE)  # of what is stood for, never of alarms alone
    assert buffer.since(MINUTE) - MINUTE <= summed.times[0]
    assert set(summed["y_count"][1:-1].tolist()) == {600}


def test_alarms_have_a_bound_too():
    buffer = AgedBuffer(
        SCHEMA, max_bytes=2**16, keep=lambda batch: np.ones(len(batch), bool), compress=False
    )
    for first in range(0, 50_000, 500):
        buffer.append(batch_of(first, 500))
        assert buffer.nbytes <= 2**16
    assert buffer.kept_let_go > 0


def test_less_memory_ages_at_once_and_figures_tell_it():
    buffer = filled(1_000_000)
    before = buffer.stats()
    assert before["aged_rows"] == 0
    assert before["ratio"] > 4
    assert before["raw_nbytes"] > 16 * 1_000_000
    buffer.max_bytes = 300_000
    after = buffer.stats()
    assert after["nbytes"] <= 300_000
    assert after["aged_rows"] > 500_000
    assert after["raw_rows"] + after["aged_rows"] + after["let_go"] == buffer.taken
    assert before["codecs"].keys() - {"plain"}
    assert filled(100_000, compress=False).stats()["codecs"].keys() == {"plain"}


def test_a_view_stays_what_it_was():
    buffer = filled(500_000)
    view = buffer.view()
    rows = whole(view.read(BASE, EVER))
    buffer.append(batch_of(500_000, 10_000))
    buffer.fit(200_000)
    assert buffer.since() > view.since() == -EVER
    assert view.taken == 500_000
    assert (whole(view.read(BASE, EVER)).times == rows.times).all()
    assert len(rows) == 500_000


def test_text_is_told_by_name():
    buffer = AgedBuffer(KEYED, by="key")
    keys = [f"k{each % 7}" for each in range(70_000)]
    times = (BASE + np.arange(70_000) * MS).view("datetime64[ns]")
    for part in (slice(0, 40_000), slice(40_000, None)):
        data = {"time": times[part], "key": keys[part], "y": np.arange(70_000.0)[part]}
        buffer.append(Batch.of(data, KEYED))
    read = whole(buffer.read(BASE, EVER))
    assert read["key"].decode().tolist() == keys
    told = buffer.summaries(BASE, EVER, MINUTE)
    assert sorted(told["key"].decode()[:7]) == [f"k{each}" for each in range(7)]
    assert int(told["y_count"].sum()) == 70_000


def test_rows_of_one_time_stay_in_order_when_segments_are_merged(monkeypatch):
    monkeypatch.setattr(aged, "SEGMENT_ROWS", 1_024)
    buffer = AgedBuffer(SCHEMA, raw=0)
    rows = np.arange(20_480)
    times = BASE + rows // 10_000 * SECOND
    buffer.append(Batch(SCHEMA, (times, np.cos(rows))))
    assert buffer.stats()["segments"]["1 s"] < 10
    told = whole(buffer.read(BASE, BASE + SECOND, width=SECOND))
    assert told["y"][[0, -1]].tolist() == [1.0, np.cos(9_999)]


def test_one_very_late_row_does_not_unpack_what_it_came_with(monkeypatch):
    monkeypatch.setattr(aged, "SEGMENT_ROWS", 4_096)
    buffer = AgedBuffer(SCHEMA)
    for first in range(4_096, 100_000, 4_096):
        buffer.append(batch_of(first, 4_095))
        buffer.append(batch_of(first % 1_000, 1))
    unpacked = []
    monkeypatch.setattr(parcel, "unpack", lambda packed: unpacked.append(packed) or unpack(packed))
    assert len(whole(buffer.read(BASE, BASE + 20_000 * MS))) == 24
    assert len(unpacked) <= 2  # the columns of the first segment, which has nothing before it


def test_it_is_a_tier_behind_a_ring():
    """No seams and no doubles between the ring, what has aged, and a store with all."""
    buffer = AgedBuffer(SCHEMA, max_bytes=2**17)
    store = ListStore()
    store.open(SCHEMA)
    ring = RingBuffer(SCHEMA, max_rows=50_000, on_evict=buffer.append)
    for first in range(0, 400_000, 20_000):
        batch = batch_of(first, 20_000)
        store.append(batch, first)
        ring.append(batch)
    ring.hand_on(ring.head - ring.handed)
    assert buffer.taken == 400_000
    assert buffer.since() > BASE
    answer = Planner([buffer, store]).query(BASE, EVER)
    assert whole(answer.batches).times.tolist() == batch_of(0, 400_000).times.tolist()
    assert not answer.missing


def test_mistakes_are_told():
    with pytest.raises(SchemaError, match="'z'"):
        AgedBuffer(SCHEMA, tolerance={"z": 1.0})
    with pytest.raises(SettingError, match="tolerance of 'time'"):
        AgedBuffer(SCHEMA, tolerance={"time": 1.0})
    with pytest.raises(SettingError, match="by: 'y'"):
        AgedBuffer(SCHEMA, by="y")
    with pytest.raises(SettingError, match="max_bytes is at least 65,536, got 5"):
        AgedBuffer(SCHEMA, max_bytes=5)
    buffer = AgedBuffer(SCHEMA)
    with pytest.raises(SettingError, match="every: 5 ns"):
        buffer.summaries(0, 1, 5)
    with pytest.raises(SettingError, match="a range ends after it starts"):
        buffer.read(1, 0)
    with pytest.raises(SchemaError, match="the buffer holds"):
        buffer.append(Batch.empty(KEYED))
    assert buffer.span() is None
    assert list(buffer.read(-EVER, EVER)) == []
    assert len(buffer.summaries(-EVER, EVER, SECOND)) == 0


def test_another_thread_packs(monkeypatch):
    monkeypatch.setattr(aged, "SEGMENT_ROWS", 4_096)
    with ThreadPoolExecutor(1) as pool:
        buffer = filled(200_000, submit=pool.submit)
        wait_until(lambda: not buffer.view()._state.closed)
    assert whole(buffer.read(BASE, EVER)).times.tolist() == batch_of(0, 200_000).times.tolist()
    jobs = []
    buffer = filled(200_000, submit=jobs.append)  # nobody takes them up: the writer does it
    assert len(buffer.view()._state.closed) <= aged.WAITING
    assert buffer.view()._state.segments
    for job in jobs:
        job()
    assert whole(buffer.read(BASE, EVER)).times.tolist() == batch_of(0, 200_000).times.tolist()


@pytest.mark.parametrize("pooled", [False, True])
def test_readers_beside_a_writer(monkeypatch, pooled):
    """Each view holds all rows up to its `taken`, from its `since` on: none twice, none lacking."""
    monkeypatch.setattr(aged, "SEGMENT_ROWS", 2_048)
    pool = ThreadPoolExecutor(1)
    buffer = AgedBuffer(SCHEMA, max_bytes=2**18, submit=pool.submit if pooled else None)
    errors, reads, done = [], [], threading.Event()

    def read():
        try:
            while not done.is_set():
                view = buffer.view()
                since = max(BASE, view.since())
                times = [batch.times for batch in view.read(since, EVER)]
                told = np.concatenate(times) if times else np.empty(0, np.int64)
                first = -((BASE - since) // MS)
                assert ((told - BASE) // MS == np.arange(first, view.taken)).all()
                view.summaries(since, EVER, SECOND)
                reads.append(len(told))
        except BaseException as error:  # noqa: BLE001  (it is raised again below)
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for first in range(0, 200_000, 700):
        buffer.append(batch_of(first, 700, MS))
        assert buffer.nbytes <= 2**18
    wait_until(lambda: len(reads) > 3 or errors)
    done.set()
    for reader in readers:
        reader.join()
    pool.shutdown()
    assert not errors
    assert buffer.since() > BASE
