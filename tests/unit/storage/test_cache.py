"""Tiles: the answer is that of one list, whatever the cache holds, and stale tiles never get in."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import SettingError
from livewidget.sketches.outstanding import in_order, join
from livewidget.storage.cache import TILE, TileCache
from livewidget.storage.planner import Planner
from livewidget.testing import ListStore, ManualClock

SECOND = 1_000_000_000


def batch_of(times, seed=0):
    times = np.asarray(times, dtype=np.int64)
    values = np.random.default_rng(seed).random(len(times))
    return Batch.of({"time": times.astype("datetime64[ns]"), "value": values})


def told(batches):
    return [str(row) for batch in batches for row in batch.rows()]


def rig(times, **options):
    store, cache = ListStore(), TileCache(**options)
    store.append(batch_of(times), 0)
    return store, cache, Planner([store], cache=cache, clock=ManualClock())


STEP = st.one_of(
    st.tuples(st.just("query"), st.integers(-100, 9_000), st.integers(1, 6_000)),
    st.tuples(st.just("prefetch"), st.integers(-100, 9_000), st.integers(1, 3_000)),
    st.tuples(st.just("append"), st.integers(-50, 9_000), st.integers(1, 5)),
    st.tuples(st.just("fail"), st.booleans(), st.none()),
    st.tuples(st.just("prune"), st.integers(0, 5_000), st.none()),
)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.integers(0, 8_000), min_size=1, max_size=200),
    st.lists(STEP, max_size=14),
    st.sampled_from([1, 5, 10]),
    st.sampled_from([3_000, 100_000]),
)
def test_it_answers_as_one_list_does(times, steps, width, max_bytes):
    clock = ManualClock()
    memory, store, cache, planner = two_tiers(times, max_bytes, clock)
    whole = [batch_of(times)]
    for what, at, size in steps:
        if what == "query":
            answer = planner.query(at, at + size, width=width)
            found = told(answer.batches)
            if not answer.missing:
                assert found == told(filter(None, [join([sorted_(whole)], at, at + size, width)]))
            else:
                assert store.down
        elif what == "prefetch":
            planner.prefetch(at, at + size, width)
        elif what == "append":
            fresh = batch_of([at] * size, seed=len(whole))
            whole.append(fresh)
            store.down = ""
            clock.advance(6.0)
            memory.append(fresh, memory.rows)
            store.append(fresh, store.rows)
            cache.touched_by(np.full(size, at))
        elif what == "fail":
            store.down = "away" if at else ""
            clock.advance(6.0)  # it is left alone no longer
        else:
            memory.prune(at)
        assert cache.stats().nbytes <= max_bytes


def sorted_(batches):
    return in_order(concat(batches))


def two_tiers(times, max_bytes, clock):
    memory, store, cache = ListStore("memory"), ListStore("store"), TileCache(max_bytes, margin=50)
    for low in range(0, len(times), 20):
        part = batch_of(times).take(slice(low, low + 20))
        memory.append(part, low)
        store.append(part, low)
    return memory, store, cache, Planner([memory, store], cache=cache, clock=clock)


def test_a_reader_that_scrolls_finds_nearly_all_of_it_there():
    _store, cache, planner = rig(np.arange(36_000) * SECOND // 10)
    window, width = 300 * SECOND, SECOND // 10
    starts = range(0, 3_300 * SECOND, window // 10)
    for way in (starts, reversed(starts)):
        for start in way:
            list(planner.query(start, start + window, width=width).batches)
            planner.prefetch(start, start + window, width)
    stats = cache.stats()
    assert stats.hits / (stats.hits + stats.misses) >= 0.95


@pytest.mark.parametrize("late", [0, 100, TILE * 10 - 1])
def test_a_row_that_comes_while_its_tile_is_fetched_keeps_the_tile_out(late):
    store, cache, planner = rig(np.arange(1_000) * 10, margin=0)
    plain = store.read

    def read(start, stop, *, width=0):
        yield from list(plain(start, stop, width=width))
        store.append(batch_of([late], seed=9), store.rows)
        cache.touched(late, late + 1)

    store.read = read
    list(planner.query(0, TILE * 10, width=10).batches)
    store.read = plain
    assert cache.stats().tiles == 0
    expected = told(plain(0, TILE * 10, width=10))
    assert told(planner.query(0, TILE * 10, width=10).batches) == expected
    assert told(planner.query(0, TILE * 10, width=10).batches) == expected
    assert cache.stats().hits == 1


def test_what_lies_between_rows_that_came_together_stays():
    size = TILE * 10
    _store, cache, planner = rig(np.arange(5_000) * 10, margin=0)
    list(planner.query(0, 10 * size, width=10).batches)
    assert [place for place in range(20) if cache.has(10, place)] == list(range(10))
    fetch = cache.begin(4 * size, 5 * size)
    cache.touched_by(np.array([50_000, 2 * size, 7 * size - 1]))
    assert [place for place in range(20) if cache.has(10, place)] == [0, 1, 3, 4, 5, 7, 8, 9]
    assert (cache.newest, fetch.stale) == (50_000, False)
    cache.touched_by(np.array([4 * size]))
    cache.touched_by(np.empty(0, dtype=np.int64))
    assert fetch.stale
    assert cache.stats().touched == 3


def test_only_closed_times_are_kept():
    _store, cache, planner = rig(np.arange(1_000) * 10, margin=5_000)
    list(planner.query(0, 10_000, width=10).batches)
    assert cache.stats().tiles == 1  # of 2560 ns; the next would end within the margin
    cache.touched(12_000, 12_001)
    list(planner.query(0, 10_000, width=10).batches)
    assert cache.stats().tiles == 2


def test_the_least_recently_used_goes_first_and_the_bytes_are_those_of_its_own_arrays():
    _store, cache, planner = rig(np.arange(5_000) * 10, max_bytes=20_000, margin=0)
    for start in range(0, 40_000, 2_560):
        list(planner.query(start, start + 2_560, width=10).batches)
    stats = cache.stats()
    assert stats.nbytes <= 20_000
    assert stats.evicted > 0
    assert stats.tiles * 256 * 16 < stats.nbytes


def test_what_is_missing_is_not_kept():
    store, cache, planner = rig(np.arange(1_000) * 10, margin=0)
    store.prune(10**9)
    store.append(batch_of(np.arange(2_000, 3_000) * 10), store.rows)
    store._since = 22_000
    answer = planner.query(20_480, 25_600, width=10)
    assert told(answer.batches)
    assert [(each.start, each.stop) for each in answer.missing] == [(20_480, 22_000)]
    assert cache.stats().tiles == 1


def test_readers_and_a_late_writer_in_threads_never_see_a_stale_tile():
    store, cache, planner = rig(np.arange(2_000) * 10, margin=0)
    done, wrong = threading.Event(), []

    def scroll(seed):
        rng = np.random.default_rng(seed)
        while not done.is_set():
            start = int(rng.integers(0, 15)) * 1_000
            before = store.rows
            rows = sum(map(len, planner.query(start, start + 2_560, width=10).batches))
            if rows < min(256, (20_000 - start) // 10):
                wrong.append((before, start, rows))

    readers = [threading.Thread(target=scroll, args=(seed,)) for seed in range(3)]
    for reader in readers:
        reader.start()
    for late in range(300):
        at = late * 50 % 19_000
        store.append(batch_of([at], seed=late), store.rows)
        cache.touched(at, at + 1)
    done.set()
    for reader in readers:
        reader.join(10)
    assert not wrong
    for start in range(0, 15_000, 1_000):
        found = told(planner.query(start, start + 2_560, width=10).batches)
        assert found == told(store.read(start, start + 2_560, width=10))


@pytest.mark.parametrize(("name", "value"), [("max_bytes", 0), ("margin", -1)])
def test_a_cache_that_cannot_be_is_refused(name, value):
    with pytest.raises(SettingError, match=name):
        TileCache(**{name: value})
