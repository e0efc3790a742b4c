"""Memory comes back when nobody looks at it any more, and not before."""

import gc
import mmap
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.buffers import storage
from livewidget.buffers.pool import MemoryPool
from livewidget.buffers.ring import RingBuffer
from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema

PAGE = mmap.PAGESIZE
FLOAT = np.dtype(np.float64)
ITEMS = PAGE // 8
SCHEMA = Schema.of({"time": "time", "a": "float", "b": "float", "n": "int"}, "time")


def test_memory_is_handed_out_again_by_its_size():
    pool = MemoryPool()
    array = pool.array(FLOAT, 3 * ITEMS)
    array[:] = 7.0
    del array
    assert pool.held == 3 * PAGE
    assert pool.array(FLOAT, ITEMS)[0] == 0.0
    assert (pool.hits, pool.misses, pool.held) == (0, 2, 4 * PAGE)
    again = pool.array(FLOAT, 3 * ITEMS - 5)  # as many pages
    assert (pool.hits, pool.held) == (1, PAGE)
    assert again[0] == 7.0


VIEWS = {
    "slice": lambda array: array[3:5],
    "slice of a slice": lambda array: array.reshape(2, -1)[1][5:][::2],
    "other dtype": lambda array: array.view(np.int64)[:4],
    "memoryview": lambda array: array[2:9].data,
    "bytes": lambda array: memoryview(array).cast("B")[8:],
    "base": lambda array: array[1:].base,
    "flat": lambda array: array.reshape(2, -1).flat,
    "frombuffer": lambda array: np.frombuffer(array[1:], dtype=np.uint8),
    "the mapping's own view": lambda array: array.base,
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_what_is_looked_at_is_never_handed_out(view):
    pool = MemoryPool()
    array = pool.array(FLOAT, ITEMS)
    array[:] = 1.0
    seen = view(array)
    del array
    others = [pool.array(FLOAT, ITEMS) for _ in range(5)]
    for other in others:
        other[:] = 2.0
    assert pool.hits == 0
    assert set(bytes(np.asarray(seen[:]).data)) <= set(np.ones(1).tobytes())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(1, 4)), max_size=60))
def test_arrays_never_share_memory_and_the_bound_holds(acts):
    pool = MemoryPool(max_bytes=5 * PAGE)
    alive = []  # views and the number that fills each
    for number, (take, which, pages) in enumerate(acts):
        if take or not alive:
            array = pool.array(FLOAT, pages * ITEMS)
            array[:] = number
            alive.append((array[which:], number))
            del array
        else:
            alive.pop(which % len(alive))
        assert pool.held <= pool.max_bytes
        assert all((view == filled).all() for view, filled in alive)


def test_the_longest_held_goes_first_and_what_is_too_large_is_not_held():
    pool = MemoryPool(max_bytes=3 * PAGE)
    arrays = [pool.array(FLOAT, pages * ITEMS) for pages in (1, 2, 2, 4)]
    for _ in range(3):
        arrays.pop(0)
    assert pool.held == 2 * PAGE
    arrays.clear()
    assert pool.held == 0
    pool = MemoryPool()
    pool.array(FLOAT, ITEMS)
    assert pool.held == PAGE
    pool.clear()
    assert pool.held == 0


def test_what_nobody_wants_for_long_goes_back_to_the_system():
    now = [0.0]
    pool = MemoryPool(held_s=60.0, clock=lambda: now[0])
    pool.array(FLOAT, ITEMS)
    now[0] = 50.0
    pool.array(FLOAT, 2 * ITEMS)
    now[0] = 60.0
    pool.tend()
    assert pool.held == 3 * PAGE
    now[0] = 61.0
    pool.tend()
    assert pool.held == 2 * PAGE, "the one that has waited for longer"
    now[0] = 105.0
    pool.array(FLOAT, 2 * ITEMS)  # and is back at once: its time begins anew
    now[0] = 160.0
    pool.tend()
    assert pool.held == 2 * PAGE
    now[0] = 166.0
    pool.tend()
    assert pool.held == 0
    assert (pool.hits, pool.misses) == (1, 2)


def test_tending_waits_for_no_lock():
    now = [0.0]
    pool = MemoryPool(held_s=60.0, clock=lambda: now[0])
    pool.array(FLOAT, ITEMS)
    now[0] = 100.0
    with pool._lock:
        pool.tend()
        assert pool.held == PAGE
    pool.tend()
    assert pool.held == 0


def test_it_comes_back_from_the_collector_while_the_pool_is_locked():
    """A cycle is found at any line, that of the pool's own included: nothing may wait there."""
    pool = MemoryPool()

    class Loop:
        pass

    loop = Loop()
    loop.me, loop.array = loop, pool.array(FLOAT, ITEMS)
    del loop
    with pool._lock:
        gc.collect()
        assert pool.held == 0
    assert pool.array(FLOAT, ITEMS) is not None
    assert pool.hits == 1


@pytest.fixture
def pool(monkeypatch):
    own = MemoryPool()
    monkeypatch.setattr(storage, "shared_pool", lambda: own)
    return own


def batch_of(first, size):
    rows = np.arange(first, first + size)
    return Batch(SCHEMA, (rows, rows.astype(float), -rows.astype(float), rows))


def test_a_ring_that_grows_or_goes_gives_its_memory_back(pool):
    small = Storage(SCHEMA, 256)
    sizes = small.floats.nbytes + sum(each.nbytes for each in small.others.values())
    del small
    assert pool.held == sizes
    ring = RingBuffer(SCHEMA, capacity=256, max_bytes=4096 * Storage.row_bytes(SCHEMA))
    assert (pool.hits, pool.held) == (3, 0)
    ring.append(batch_of(0, 1000))
    assert pool.held == sizes
    del ring
    assert pool.held > sizes


def test_a_stream_that_is_bound_again_finds_the_memory_of_the_one_before(pool):
    for pace in (1000, 1030, 985, 1045, 1010, 970, 1025):  # rows while the ring is filled first
        ring = RingBuffer(SCHEMA, capacity=256, retention=100_000)
        times = np.linspace(0, 50_000, pace).astype(np.int64)
        for part in np.array_split(times, 20):
            ring.append(Batch(SCHEMA, (part, part.astype(float), -part.astype(float), part)))
        del ring
    assert pool.misses <= 3 + 2 * 3  # of three columns, first small, then of one size or two
    assert pool.hits + pool.misses == 7 * 2 * 3


def test_a_stream_that_begins_with_its_past_finds_the_memory_of_the_one_before(pool):
    for first in (20_000, 19_973, 20_230, 19_811):  # rows that come at once
        ring = RingBuffer(SCHEMA, capacity=256, retention=100_000)
        times = np.linspace(0, 50_000, first).astype(np.int64)
        ring.append(Batch(SCHEMA, (times, times.astype(float), -times.astype(float), times)))
        del ring
    assert pool.misses == 2 * 3  # of three columns, first small, then of one size
    assert pool.hits == 3 * 2 * 3


def test_a_lease_keeps_its_memory_from_the_next_ring(pool):
    ring = RingBuffer(SCHEMA, capacity=256)
    ring.append(batch_of(0, 200))
    lease, view = ring.lease(), ring.lease(10, 20).matrix(["a", "b"])
    del ring
    other = RingBuffer(SCHEMA, capacity=256)
    other.append(batch_of(5000, 256))
    assert lease.valid
    assert lease.column("n").tolist() == list(range(200))
    del lease
    third = RingBuffer(SCHEMA, capacity=256)
    third.append(batch_of(9000, 256))
    assert view.tolist() == [list(range(10, 20)), [-n for n in range(10, 20)]]
    assert pool.hits == 2  # the two columns beside the matrix


def test_threads_that_take_and_drop_never_share():
    pool, failures = MemoryPool(max_bytes=40 * PAGE), []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def work(number):
        for turn in range(400):
            array = pool.array(FLOAT, (1 + turn % 3) * ITEMS)
            array[:] = number
            view = array[turn % ITEMS :]
            del array
            if not (view == number).all():
                failures.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)
    assert not failures
    assert pool.hits + pool.misses == 6 * 400
    assert pool.hits > 1000
    assert pool.held <= pool.max_bytes
