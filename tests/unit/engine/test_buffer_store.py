"""A buffer with memory, history and stores behind it equals one list of all its rows."""

import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.buffers.budget import Budget
from livewidget.data.batch import Batch, concat
from livewidget.data.errors import ClosedError, SchemaError, SettingError
from livewidget.data.events import Gap
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.sketches.ladder import snap
from livewidget.sketches.outstanding import in_order, join
from livewidget.storage.tiered import TieredStore
from livewidget.testing import LastingStore, ListStore, ManualClock, wait_until

SCHEMA = Schema.of({"time": "time", "n": "int", "y": "float", "key": "text"}, "time")
KEYS = ("a", "b", "c")
S = 1_000_000_000


def batch_of(first, times):
    size = len(times)
    numbers = np.arange(first, first + size)
    values = np.where(numbers % 7 == 3, np.nan, np.sin(numbers * 1.7))
    codes = (numbers % 3).astype(np.int32)
    return Batch(SCHEMA, (np.asarray(times, dtype=np.int64), numbers, values, Text(codes, KEYS)))


def told(batches):
    return [tuple(map(str, row.values())) for batch in batches for row in batch.rows()]


def expected(batches, start, stop, width=0, by=None):
    batch = join([in_order(concat(batches))], start, stop, width, by) if batches else None
    return [] if batch is None else told([batch])


def buffer_of(store=None, **options):
    return BufferManager(**{"max_bytes": 20_000, "store": store} | options)


@st.composite
def streams(draw):
    """Batches of rows by mostly rising times."""
    sizes = draw(st.lists(st.integers(1, 60), min_size=1, max_size=12))
    steps = draw(st.lists(st.integers(-40, 60), min_size=sum(sizes), max_size=sum(sizes)))
    times = np.cumsum(steps)
    edges = np.cumsum([0, *sizes])
    pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return [batch_of(low, times[low:high]) for low, high in pairs]


@settings(deadline=None, max_examples=60)
@given(
    streams(),
    st.sampled_from(["none", "one", "tiers"]),
    st.booleans(),
    st.sampled_from([None, "key"]),
    st.lists(
        st.tuples(st.integers(-500, 500), st.integers(0, 700), st.integers(0, 60)), max_size=6
    ),
)
def test_every_query_equals_the_same_one_over_a_list(batches, kind, history, by, queries):
    stores = {
        "none": None,
        "one": LastingStore(by=by),
        "tiers": [ListStore("fast", by=by), ListStore("slow", by=by)],
    }
    options = {"max_rows": 40, "by": by}
    if history or kind == "none":
        options["history"] = "30000d"
    with buffer_of(stores[kind], **options) as buffer:
        for batch in batches:
            buffer.append(batch)
        assert buffer.flush(5.0)
        for start, length, wanted in [(-EVER, 2 * EVER, 0), *queries]:
            width = snap(wanted) if wanted else 0
            answer = buffer.ask(start, start + length, width)
            found = told(answer.batches)
            assert answer.missing == []
            assert found == expected(batches, start, start + length, width, by)


def test_rows_that_are_written_again_are_there_once_and_the_account_is_the_stores():
    store = LastingStore()
    store.open(SCHEMA)
    store.append(batch_of(0, range(10)), 0)
    with buffer_of(store) as buffer:
        buffer.append(batch_of(10, range(10, 20)))
        assert buffer.flush(5.0)
        assert store.rows == 20
        assert told(buffer.read(-EVER, EVER)) == told([batch_of(0, range(20))])


def test_a_store_that_is_down_costs_nothing_but_what_is_named(caplog):
    store = LastingStore()
    store.open(SCHEMA)
    store.append(batch_of(0, range(100)), 0)
    with buffer_of(store, max_rows=20) as buffer:
        store.down = "no room"
        for first in range(100, 200, 10):
            buffer.append(batch_of(first, range(first, first + 10)))
        answer = buffer.ask(0, 300)
        assert [row["n"] for batch in answer.batches for row in batch.rows()] == [*range(180, 200)]
        (missing,) = answer.missing
        assert (missing.start, missing.stop) == (0, 180)
        assert "no room" in missing.reason
        wait_until(lambda: any("the store fails" in each for each in buffer.advice()))
        assert buffer.unwritten == (100, 0)
        assert buffer.stats()["store"] == "failing"
        store.down = ""
        assert buffer.flush(10.0)
        wait_until(lambda: not buffer.ask(0, 300).missing and len(list(buffer.read(0, 300))))
        assert told(buffer.read(0, 300)) == told([batch_of(0, range(200))])
    assert "cannot be written to" in caplog.text


def test_a_buffer_is_restored_with_its_consumers():
    store, clock = LastingStore(), ManualClock(1_000 * S)
    times = np.arange(900, 1_000) * S
    with buffer_of(store, clock=clock) as buffer:
        buffer.append(batch_of(0, times[:50]))
        assert buffer.flush(5.0)
        buffer.append(batch_of(50, times[50:]))
        reader = buffer.consumer("report")
        assert len(reader.take(70)) == 70
        assert buffer.flush(5.0)
    with buffer_of(store, clock=clock, max_bytes=2**20) as again:
        assert again.recover("50s") == 50
        assert again.ring.snapshot()["n"].tolist() == [*range(50, 100)]
        assert told(again.read(-EVER, EVER)) == told([batch_of(0, times)])
        assert again.consumer("report").take(1000)["n"].tolist() == [*range(70, 100)]
        again.append(batch_of(100, [1_000 * S]))
        assert again.flush(5.0)
        assert store.rows == 101
        with pytest.raises(SettingError, match="recover comes first"):
            again.recover()


def test_only_what_fits_is_read_back_and_the_rest_is_asked_of_the_store():
    store = LastingStore()
    store.open(SCHEMA)
    for first in range(0, 5_000, 50):
        store.append(batch_of(first, range(first, first + 50)), first)
    with buffer_of(store, max_rows=200) as buffer:
        assert 150 < buffer.recover(None) <= 200
        assert told(buffer.read(-EVER, EVER)) == told([batch_of(0, range(5_000))])


def test_a_store_that_tells_no_numbers_gives_its_rows_back_by_their_times():
    store = ListStore()
    store.open(SCHEMA)
    store.append(batch_of(0, [3, 1, 2, 9, 7]), 0)
    with buffer_of(store) as buffer:
        buffer.restore(2)
        assert buffer.ring.snapshot().times.tolist() == [2, 3, 7, 9]
        buffer.append(batch_of(5, [11]))
        assert buffer.flush(5.0)
        assert store.rows == 6
        assert [row["n"] for batch in buffer.read(0, 99) for row in batch.rows()] == [
            *[1, 2, 0, 4, 3, 5]
        ]


def test_positions_survive_numbers_that_were_given_up():
    store = LastingStore()
    store.open(SCHEMA)
    store.append(batch_of(0, range(10)), 0)
    store.append(batch_of(15, range(15, 20)), 15)
    store.save("consumers", b'{"a": 8, "b": 17, "c": 20, "d": 99}')
    with buffer_of(store, max_bytes=2**20) as buffer:
        assert buffer.recover(None) == 15
        names = {name: buffer.consumer(name).take(50) for name in "abcd"}
    numbers = {name: [] if it is None else it["n"].tolist() for name, it in names.items()}
    assert numbers == {
        "a": [8, 9, *range(15, 20)],
        "b": [17, 18, 19],
        "c": [],
        "d": [],
    }


async def test_what_is_durable_is_stored_once_it_is_written():
    store = LastingStore()
    with buffer_of(store) as buffer:
        store.down = "no room"
        buffer.append(batch_of(0, range(5)))
        waiting = asyncio.ensure_future(buffer.written())
        await asyncio.sleep(0)
        assert buffer.unwritten == (5, 0)
        assert not waiting.done()
        store.down = ""
        await asyncio.wait_for(waiting, 5.0)
        assert store.rows == 5


async def test_a_backup_is_no_promise_and_nobody_waits_for_it():
    store = LastingStore()
    with buffer_of(store, backup="1h") as buffer:
        buffer.append(batch_of(0, range(5)))
        await asyncio.wait_for(buffer.written(), 5.0)
        assert (buffer.unwritten, store.rows) == ((0, 0), 0)
    assert store.rows == 5


def test_a_source_waits_where_rows_would_be_refused():
    buffer = buffer_of(max_rows=10, overflow="block")
    room = []
    buffer.on_room(lambda: room.append(buffer.full))
    assert len(buffer.append(batch_of(0, range(8)))) == 8
    reader = buffer.consumer("slow", policy="hold")
    assert not buffer.full
    assert len(buffer.append(batch_of(8, range(8, 20)))) == 2
    assert buffer.full
    assert buffer.stats()["drops"] == {"refused": 10}
    assert len(reader.take(4)) == 4
    assert (room, buffer.full) == ([False], False)
    assert len(buffer.append(batch_of(20, range(20, 30)))) == 4


def test_late_rows_beyond_the_horizon_are_counted_and_advice_says_what_to_do():
    buffer = buffer_of(horizon="5s")
    buffer.append(batch_of(0, [100 * S, 97 * S, 80 * S]))
    assert (buffer.stats()["rows"], buffer.stats()["too_late"]) == (2, 1)
    (advice,) = buffer.advice()
    assert "beyond the horizon of 5 s, by 20 s at most: set horizon to 20 s" in advice


def test_advice_on_a_window_that_does_not_fit():
    clock = ManualClock()
    buffer = BufferManager(max_rows=1_000, clock=clock)
    buffer.window_s = 60.0
    for second in range(10):
        clock.advance(1.0)
        buffer.append(batch_of(100 * second, np.arange(100) + 100 * second))
    (advice,) = buffer.advice()
    assert "today's rate; the window asks for 60 s: set capacity to 6," in advice


def test_marked_rows_outlive_the_others():
    buffer = buffer_of(max_rows=64, overflow="thin", keep="n")
    flags = np.where(np.arange(640) % 160 == 0, 1, 0)
    for first in range(0, 640, 16):
        times = np.arange(first, first + 16)
        part = batch_of(first, times)
        buffer.append(Batch(SCHEMA, (part.times, flags[first : first + 16], *part.columns[2:])))
    kept = buffer.snapshot()
    assert kept.times[kept["n"] == 1].tolist() == [0, 160, 320, 480]


def test_two_buffers_share_a_budget():
    budget = Budget(400_000)
    one, other = (BufferManager(SCHEMA, budget=budget, max_bytes=400_000) for _ in range(2))
    for first in range(0, 20_000, 500):
        for buffer in (one, other):
            buffer.append(batch_of(first, range(first, first + 500)))
            assert one.stats()["memory"] + other.stats()["memory"] <= 1.05 * budget.max_bytes
    assert min(len(one.ring), len(other.ring)) > 2_000
    assert any("raise LIVEWIDGET_MEMORY" in each for each in one.advice())
    other.close()
    for first in range(20_000, 40_000, 500):
        one.append(batch_of(first, range(first, first + 500)))
    assert len(one.ring) > 5_000


def test_a_closed_buffer_says_so_and_its_memory_can_be_read():
    buffer = buffer_of(LastingStore())
    buffer.append(batch_of(0, range(5)))
    buffer.close()
    buffer.close()
    with pytest.raises(ClosedError):
        buffer.append(batch_of(5, range(5, 6)))
    assert len(buffer.snapshot()) == 5


def test_a_buffer_that_nobody_holds_is_freed_and_its_store_closed():
    store = LastingStore()
    buffer = buffer_of(store)
    buffer.append(batch_of(0, range(5)))
    gone = weakref.ref(buffer)
    del buffer
    gc.collect()
    assert gone() is None
    assert (store.closed, store.rows) == (True, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retention": 0}, "retention"),
        ({"retention": "-5s"}, "retention"),
        ({"max_rows": 0}, "max_rows is at least 1"),
        ({"overflow": "explode"}, "overflow is one of"),
        ({"horizon": "soon"}, "horizon"),
        ({"backup": "60s"}, "name one"),
        ({"tolerance": {"y": 0.1}}, "history"),
        ({"store": 3}, "a store is"),
        ({"store": "gopher://x"}, "a store is"),
    ],
)
def test_settings_that_cannot_be(options, message):
    with pytest.raises(SettingError, match=message):
        BufferManager(SCHEMA, **options)


def test_a_store_of_other_columns_is_refused_and_stays_as_it_is():
    store = LastingStore()
    store.open(SCHEMA)
    store.append(batch_of(0, range(3)), 0)
    with pytest.raises(SchemaError, match="the store holds"):
        BufferManager(Schema.of({"time": "time", "z": "float"}, "time"), store=store)
    assert store.rows == 3


def test_bounds_of_a_query():
    buffer = buffer_of()
    buffer.append(batch_of(0, np.arange(100) * S))
    with pytest.raises(SettingError, match="ends after it starts"):
        buffer.query("1970-01-01 00:01", "1970-01-01 00:00")
    with pytest.raises(SettingError, match="points"):
        buffer.query(points=0)
    zone = "1970-01-01 01:00:10+01:00", "1970-01-01 01:00:20+01:00"
    found = concat(list(buffer.query(*zone).batches))
    assert found["n"].tolist() == [*range(10, 20)]
    assert sum(map(len, buffer.query(points=20).batches)) < 100


def test_figures_of_tiers():
    tiers = TieredStore([ListStore("fast"), ListStore("slow")])
    with buffer_of(tiers, history="1h") as buffer:
        buffer.append(batch_of(0, range(500)))
        assert buffer.flush(5.0)
        stats = buffer.stats()
        assert (stats["store"], stats["store_rows"], stats["store_waiting"]) == ("open", 500, 0)
        assert stats["history_rows"] + stats["rows"] >= 500


def test_who_pushes_does_not_wait_for_a_store_that_fails():
    store = ListStore()
    with buffer_of(store) as buffer, DataStreamer(buffer=buffer, max_ahead=None) as streamer:
        store.down = "no room"
        buffer.archive.ahead._spool.max_rows = 500
        for first in range(0, 2_000, 100):
            streamer.push(batch_of(first, range(first, first + 100)))
            streamer.drain()
            wait_until(lambda: buffer.fails)
        account = streamer.account()
        assert (account.stored, account.dropped, account.in_flight) == (0, 1_500, 500)
        store.down = ""
        assert buffer.flush(5.0)
        assert (streamer.account().stored, store.rows) == (500, 2_000)


class CountingStore(LastingStore):
    """Knows how many threads were in `save` at once."""

    def __init__(self):
        super().__init__()
        self.inside = self.most = 0
        self.second = threading.Event()

    def save(self, key, data):
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside > 1:
            self.second.set()
        self.second.wait(0.1)
        super().save(key, data)
        self.inside -= 1


def test_gaps_are_kept_by_one_thread_at_a_time():
    """Both wrote the same half of a file: whoever was second found it moved away."""
    store, gaps = CountingStore(), []
    buffer = buffer_of(store)
    archive = buffer.archive
    archive.watch_gaps(lambda: list(gaps))
    gaps.append(Gap(0, S, "nothing was running"))
    threads = [threading.Thread(target=archive._save) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.most == 1
    assert archive.gaps() == gaps
    buffer.close()
