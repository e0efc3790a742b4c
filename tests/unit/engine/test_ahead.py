"""Writing ahead: in order, bounded, through failures, and never in the way."""

import asyncio
import threading

import numpy as np
import pytest

from livewidget.data.batch import Batch
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.engine import ahead as writing
from livewidget.engine.ahead import WriteAhead
from livewidget.testing import ListStore, wait_until

SCHEMA = Schema.of({"time": "time", "n": "float"}, "time")


def rows(first, count):
    numbers = np.arange(first, first + count)
    return Batch.of({"time": numbers.astype("datetime64[ns]"), "n": numbers.astype(float)}, SCHEMA)


def held(store):
    return [row["n"] for batch in store.read(-EVER, EVER) for row in batch.rows()]


@pytest.fixture
def ahead():
    ahead = WriteAhead(ListStore(), most_rows=100)
    yield ahead
    ahead.store.down = ""
    ahead.close()


def put(ahead, first, count):
    ahead.put(rows(first, count), first)


def test_what_is_put_is_in_the_store_in_order(ahead):
    for first in range(0, 90, 3):
        put(ahead, first, 3)
    assert ahead.flush()
    assert held(ahead.store) == list(range(90))
    assert (ahead.waiting, ahead.lost, ahead.written) == (0, 0, 90)


def test_a_store_that_fails_is_tried_again_and_nothing_is_lost(ahead, caplog):
    ahead.store.down = "no room"
    put(ahead, 0, 10)
    wait_until(lambda: ahead.failures >= 3)
    assert (ahead.waiting, ahead.error) == (10, "list: no room")
    assert not ahead.flush(0.01)
    ahead.store.down = ""
    assert ahead.flush()
    assert held(ahead.store) == list(range(10))
    assert ahead.error == ""
    assert caplog.text.count("cannot be written to") == 1


def test_past_its_bound_the_oldest_are_given_up_and_counted(ahead):
    ahead.store.down = "no room"
    for first in range(0, 300, 10):
        put(ahead, first, 10)
    wait_until(lambda: (ahead.waiting, ahead.lost) == (100, 200))  # once none is under way
    ahead.store.down = ""
    assert ahead.flush()
    assert held(ahead.store) == list(range(200, 300))


def test_what_had_to_make_room_while_it_was_written_is_not_given_up(ahead, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    append = ahead.store.append

    def slowly(batch, first):
        begun.set()
        assert go_on.wait(10)
        append(batch, first)

    monkeypatch.setattr(ahead.store, "append", slowly)
    put(ahead, 0, 60)
    assert begun.wait(10)
    for first in range(60, 300, 10):
        put(ahead, first, 10)
    assert (ahead.waiting, ahead.lost, ahead.written) == (160, 140, 0)
    go_on.set()
    assert ahead.flush()
    assert held(ahead.store) == [*range(60), *range(200, 300)]
    assert (ahead.waiting, ahead.lost) == (0, 140)


async def test_a_coroutine_waits_for_what_was_put_before(ahead):
    ahead.store.down = "no room"
    put(ahead, 0, 5)
    waiting = asyncio.ensure_future(ahead.settled())
    await asyncio.sleep(0)
    assert not waiting.done()
    ahead.store.down = ""
    await asyncio.wait_for(waiting, 5.0)
    assert ahead.store.rows == 5


def test_a_backup_writes_at_its_interval_and_when_asked():
    ahead = WriteAhead(ListStore(), every_s=3_600.0)
    put(ahead, 0, 5)
    put(ahead, 5, 5)
    assert ahead.store.rows == 0
    assert ahead.flush()
    assert ahead.store.rows == 10
    put(ahead, 10, 5)
    ahead.close()
    assert (ahead.store.rows, ahead.store.closed) == (15, True)


def test_closing_ends_the_thread_where_the_store_is_down():
    ahead = WriteAhead(ListStore("away"))
    ahead.store.down = "no room"
    put(ahead, 0, 5)
    ahead.close(timeout=0.05)
    wait_until(lambda: not any("away" in it.name for it in threading.enumerate()))


def test_a_store_that_hangs_is_left_alone_and_closed_once_it_answers(monkeypatch, caplog):
    monkeypatch.setattr(writing, "_HANG_S", 0.05)
    answers = threading.Event()
    store = ListStore()
    append = store.append
    store.append = lambda batch, first: (answers.wait(10), append(batch, first))
    ahead = WriteAhead(store)
    put(ahead, 0, 5)
    assert not ahead.finish()
    ahead.close(timeout=0.05)
    assert "hangs" in caplog.text
    assert not store.closed
    answers.set()
    wait_until(lambda: store.closed)
    assert store.rows == 5


def test_a_store_that_is_slow_is_waited_for(monkeypatch):
    monkeypatch.setattr(writing, "_GROUP_ROWS", 5)
    monkeypatch.setattr(writing, "_HANG_S", 0.5)
    store = ListStore()
    pause, append = threading.Event(), store.append
    store.append = lambda batch, first: (pause.wait(0.1), append(batch, first))
    ahead = WriteAhead(store)
    for first in range(0, 50, 5):
        put(ahead, first, 5)
    assert ahead.finish()
    ahead.close()
    assert (store.rows, store.closed) == (50, True)
