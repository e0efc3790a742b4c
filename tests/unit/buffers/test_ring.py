"""The ring against a deque, and what it promises of retention, growth and late rows."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.buffers.ring import FIRST_CAPACITY, LEAP, RingBuffer
from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema

SCHEMA = Schema.of({"time": "time", "y": "float", "n": "int", "s": "text"}, "time")
ROW = Storage.row_bytes(SCHEMA)


def batch_of(first, size, times=None):
    """Rows numbered from `first` on; each value tells its row."""
    rows = np.arange(first, first + size)
    data = {
        "time": (rows if times is None else np.array(times)).astype("datetime64[ns]"),
        "y": rows / 2,
        "n": rows,
        "s": [f"k{row % 7}" for row in rows.tolist()],
    }
    return Batch.of(data, SCHEMA)


def rows_of(batch):
    return [tuple(row.values()) for row in batch.rows()]


def fill(ring, sizes):
    for size in sizes:
        ring.append(batch_of(ring.head, size))


SIZES = st.lists(st.integers(0, 30), max_size=25)


@settings(max_examples=100, deadline=None)
@given(SIZES, st.integers(1, 20), st.integers(1, 40), st.data())
def test_mirrored_reads_equal_a_deque(sizes, capacity, most, data):
    ring = RingBuffer(SCHEMA, capacity=capacity, max_bytes=most * ROW)
    twin = deque(maxlen=most)
    for size in sizes:
        batch = batch_of(ring.head, size)
        ring.append(batch)
        twin.extend(rows_of(batch))
        assert len(ring) == len(twin)
        assert ring.fill == len(twin) / most
        assert rows_of(ring.snapshot()) == list(twin)
        low = data.draw(st.integers(0, ring.head))
        high = data.draw(st.integers(low, ring.head))
        kept = [row for row in twin if low <= row[2] < high]
        with ring.lease(low, high) as lease:
            assert lease.column("n").tolist() == [row[2] for row in kept]
            assert lease.times.tolist() == [row[0] for row in kept]
            assert lease.matrix(["y", "n"]).tolist() == [
                [row[1] for row in kept],
                [float(row[2]) for row in kept],
            ]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 200), min_size=1, max_size=12), min_size=1, max_size=12),
    st.integers(0, 120),
)
def test_nothing_within_the_retention_is_let_go(batches, retention):
    ring = RingBuffer(SCHEMA, capacity=4, retention=retention)
    times = []
    for each in batches:
        ring.append(batch_of(ring.head, len(each), each))
        times += each
    kept = ring.snapshot().times.tolist()
    gone = times[: len(times) - len(kept)]
    horizon = max(times) - retention
    assert kept == times[len(gone) :]
    assert all(time < horizon for time in gone)
    assert kept[0] >= horizon


def test_retention_and_max_rows_may_change_while_it_runs():
    ring = RingBuffer(SCHEMA, retention=100)
    fill(ring, [500])
    assert len(ring) == 101
    ring.retention, ring.max_rows = None, 30
    ring.trim()
    assert len(ring) == 30
    fill(ring, [200])
    assert (len(ring), ring.tail) == (30, 670)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=9), min_size=1, max_size=9))
def test_late_rows_are_counted_and_disorder_is_known(batches):
    ring = RingBuffer(SCHEMA)
    times = []
    for each in batches:
        ring.append(batch_of(ring.head, len(each), each))
        times += each
    late = [time < max(times[: i + 1]) for i, time in enumerate(times)]
    assert ring.late == sum(late)
    assert ring.newest == max(times)
    for start in range(len(times)):
        wanted = all(time >= max(times[: start + i + 1]) for i, time in enumerate(times[start:]))
        assert ring.is_sorted(start) == wanted


@pytest.mark.parametrize("hz", [1, 20, 100, 2_000])
def test_memory_that_a_steady_stream_comes_to_use_is_about_what_it_keeps(hz):
    """A ring writes all its rows in turn: one that is far too large grows for that long."""
    second = 1_000_000_000
    ring = RingBuffer(SCHEMA, retention=60 * second)
    for turn in range(90):
        ring.append(batch_of(ring.head, hz, (turn * hz + np.arange(hz)) * (second // hz)))
    assert len(ring) == 60 * hz + 1
    assert ring.capacity <= max(5_000, 1.5 * len(ring))


def test_a_burst_is_not_taken_for_a_pace():
    second = 1_000_000_000
    ring = RingBuffer(SCHEMA, retention=600 * second)
    ring.append(batch_of(0, FIRST_CAPACITY, np.arange(FIRST_CAPACITY)))  # within 4 us
    for turn in range(1, 700):
        ring.append(batch_of(ring.head, 10, np.full(10, turn * second)))
    assert ring.capacity <= LEAP * FIRST_CAPACITY


def test_it_grows_to_max_bytes_and_no_further():
    ring = RingBuffer(SCHEMA, capacity=10, max_bytes=1000 * ROW + 5)
    sizes = set()
    for _ in range(300):
        fill(ring, [7])
        assert ring.nbytes <= ring.max_bytes
        sizes.add(ring.capacity)
    assert ring.capacity == len(ring) == 1000
    assert len(sizes) < 12
    assert rows_of(ring.snapshot()) == rows_of(batch_of(1100, 1000))


def test_a_batch_of_more_rows_than_it_ever_holds_leaves_the_newest():
    ring = RingBuffer(SCHEMA, capacity=4, max_bytes=16 * ROW)
    fill(ring, [3, 100])
    assert rows_of(ring.snapshot()) == rows_of(batch_of(87, 16))
    assert (ring.head, ring.tail) == (103, 87)


def test_a_kept_snapshot_is_unchanged_after_ten_wraps():
    ring = RingBuffer(SCHEMA, capacity=64, max_bytes=64 * ROW)
    fill(ring, [50, 30])
    kept, part = ring.snapshot(), ring.snapshot(40, 60)
    before = rows_of(kept), rows_of(part)
    fill(ring, [13] * (11 * 64 // 13))
    assert (rows_of(kept), rows_of(part)) == before
    assert before[0] == rows_of(batch_of(16, 64))


def test_text_is_readable_after_its_rows_have_gone():
    ring = RingBuffer(SCHEMA, capacity=4, max_bytes=4 * ROW)
    early = ring.lease()
    fill(ring, [9])
    assert ring.lease().categories("s") == tuple(f"k{i}" for i in range(7))
    assert early.categories("s")[0] == "k0"


@pytest.mark.parametrize("bad", [{"capacity": 0}, {"max_bytes": ROW - 1}])
def test_a_ring_of_no_rows_is_refused(bad):
    with pytest.raises(SettingError, match="at least one row"):
        RingBuffer(SCHEMA, **bad)
