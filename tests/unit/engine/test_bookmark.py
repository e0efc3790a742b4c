"""How far a source has read is kept behind what is stored, and gone on from."""

import asyncio
import json
import time

import pytest

from livewidget.data.events import State
from livewidget.engine import bookmark
from livewidget.engine.archive import Archive
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.sources.base import Source
from livewidget.sources.poll import PollSource
from livewidget.testing import LastingStore, wait_until


class Numbered(Source):
    """Counts, and goes on behind any number; `most` are to come."""

    def __init__(self, most, name="numbers"):
        self.name = name
        self.at = 0
        self.most = most

    @property
    def reached(self):
        return str(self.at)

    def go_on(self, position):
        self.at = int(position)

    async def run(self, outlet):
        outlet.state(State.LIVE)
        while True:
            if self.at < self.most:
                outlet.emit({"time": [1.0 + self.at], "n": [self.at]})
                self.at += 1
            await asyncio.sleep(0)


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(bookmark, "EVERY_S", 0.005)
    return LastingStore()


def kept(store):
    return json.loads(store.load("sources") or b"{}")


def run(store, most, **options):
    """A stream of its own process, that ended well."""
    with BufferManager(store=store) as buffer:
        with DataStreamer(Numbered(most), time="time", buffer=buffer, **options) as streamer:
            wait_until(lambda: store.rows >= most)
        return streamer.account()


def held(store):
    return [n for batch in store.read(-(10**18), 10**18) for n in batch["n"].tolist()]


def test_a_source_goes_on_where_the_store_ends(store):
    run(store, 20)
    assert kept(store) == {"numbers": "20"}
    account = run(store, 50)
    assert (account.received, held(store)) == (30, [*range(50)])


def test_what_is_kept_never_lies_ahead_of_what_is_stored(store):
    with (
        BufferManager(store=store) as buffer,
        DataStreamer(Numbered(20), time="time", buffer=buffer) as streamer,
    ):
        source = streamer._runner.source
        wait_until(lambda: kept(store) == {"numbers": "20"})
        store.down = "no room"
        source.most = 40
        wait_until(lambda: streamer.account().in_flight == 20)
        wait_until(lambda: buffer.archive.ahead.failures >= 2)
        store.down = ""
        wait_until(lambda: kept(store) == {"numbers": "40"})
        assert store.rows == 40


def test_once_a_stream_has_stopped_nothing_of_it_is_kept_any_more(store, monkeypatch):
    """A thread that is to keep a position may get its turn late."""
    under_way, keep = [], Archive.keep

    def late(archive, name, position):
        under_way.append(position)
        time.sleep(0.05)
        keep(archive, name, position)
        under_way.remove(position)

    monkeypatch.setattr(Archive, "keep", late)
    with BufferManager(store=store) as buffer:
        with DataStreamer(Numbered(10**9), time="time", buffer=buffer) as streamer:
            source = streamer._runner.source
            wait_until(lambda: under_way and kept(store))
        assert not under_way
    assert kept(store) == {"numbers": source.reached}


def test_what_comes_again_is_filtered_by_its_id_though_its_time_is_of_long_ago(store):
    run(store, 20)
    store.save("sources", b'{"numbers": "15"}')
    account = run(store, 30, unique="n")
    assert (account.received, account.filtered) == (15, 5)
    assert held(store) == [*range(30)]


@pytest.mark.parametrize("data", [b'{"numbers": "no number"}', b'{"another": "7"}'])
def test_a_source_that_is_not_told_begins_anew(store, data):
    store.save("sources", data)
    assert run(store, 5).received == 5


def test_two_sources_of_one_store_have_a_place_each(store):
    with BufferManager(store=store) as buffer:
        options = {"time": "time", "buffer": buffer}
        with (
            DataStreamer(Numbered(5, "a"), **options),
            DataStreamer(Numbered(7, "b"), **options),
        ):
            wait_until(lambda: store.rows >= 12)
    assert kept(store) == {"a": "5", "b": "7"}


def test_without_a_promise_nothing_is_kept(store):
    with (
        BufferManager(store=store, backup="1h") as buffer,
        DataStreamer(Numbered(5), time="time", buffer=buffer) as streamer,
    ):
        wait_until(lambda: streamer.account().received == 5)
    assert kept(store) == {}


def test_a_poll_goes_on_behind_its_cursor():
    source = PollSource("http://127.0.0.1/log", cursor=("after", "n"))
    assert source.reached is None
    source.go_on("17")
    assert source.reached == "17"
