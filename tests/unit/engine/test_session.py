"""One chart from rows to frames: what it draws, and what it says where it cannot."""

import threading

import numpy as np
import pytest

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError
from livewidget.data.events import State
from livewidget.data.schema import Schema
from livewidget.data.viewport import Viewport
from livewidget.engine.buffer import BufferManager
from livewidget.engine.session import ChartSession
from livewidget.engine.streamer import DataStreamer
from livewidget.testing import ManualClock

from .rig import NO_ENGINE

S = 1_000_000_000
SCHEMA = Schema.of({"time": "time", "y": "float"}, "time")


def batch_of(first, size):
    rows = np.arange(first, first + size)
    return Batch(SCHEMA, (rows * 1_000_000, rows.astype(float)))


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def streamer(clock):
    return DataStreamer(engine=NO_ENGINE, clock=clock)


def names(frame):
    return [each["name"] for each in frame.meta["series"]]


def test_there_is_no_frame_before_the_first_row(streamer):
    session = ChartSession(1, streamer)
    assert session.advance() is None
    assert session.state() == (State.WAITING, "")


def test_all_columns_of_numbers_are_drawn_up_to_ten(streamer):
    session = ChartSession(1, streamer)
    streamer.push({"time": [1], "s": ["a"], **{f"y{i}": [i] for i in range(15)}})
    assert names(session.advance()) == [f"y{i}" for i in range(10)]


def test_the_columns_named_are_drawn_in_their_order(streamer):
    session = ChartSession(1, streamer, y=("b", "a"))
    streamer.push({"time": [1], "a": [1], "x": [0], "b": [2]})
    frame = session.advance()
    assert names(frame) == ["b", "a"]
    assert [diff.y.tolist() for diff in frame.series] == [[2.0], [1.0]]


def test_a_stream_without_numbers_says_so(streamer):
    session = ChartSession(1, streamer)
    streamer.push({"time": [1], "s": ["a"]})
    with pytest.raises(SchemaError, match="no column holds numbers"):
        session.advance()


def test_keys_are_named_and_the_rest_is_grouped_and_said_so(streamer):
    session = ChartSession(1, streamer, y=("y",), by="s", max_series=2)
    streamer.push({"time": [1, 2, 3, 4], "y": [1, 2, 3, 4], "s": ["a", "b", "c", "d"]})
    frame = session.advance()
    assert names(frame) == ["a", "b", "others"]
    assert frame.meta["notes"] == ["2 more keys share the line 'others' (max_series=2)"]


def keyed(seconds, keys):
    times = np.array(seconds, dtype="datetime64[s]")
    return {"time": times, "y": np.arange(len(keys)), "s": list(keys)}


def lines(frame):
    """The names of all lines in their places, and which of them have points."""
    drawn = {diff.series for diff in frame.series}
    return [(name, place in drawn) for place, name in enumerate(names(frame))]


@pytest.mark.parametrize("missing", [False, True])
def test_a_key_out_of_sight_keeps_its_line_until_another_needs_it(streamer, missing):
    session = ChartSession(1, streamer, y=("y",), by="s", max_series=3)
    nobody = [("others", True)] if missing else []
    streamer.push(keyed([0, 3, 5], "abc"))
    assert lines(session.advance()) == [("a", True), ("b", True), ("c", True)]
    streamer.push(keyed([8], [None]) if missing else keyed([8], "c"))
    session.look(Viewport(800, (4 * S, 9 * S), 1))
    frame = session.advance()
    assert lines(frame) == [("a", False), ("b", True), ("c", True), *nobody]
    session.look(Viewport(800, (4 * S, 10 * S), 2))
    streamer.push(keyed([6, 7], "db"))
    frame = session.advance()
    assert lines(frame) == [("d", True), ("b", True), ("c", True), *nobody]
    streamer.push(keyed([8], "e"))
    session.look(Viewport(800, (4 * S, 11 * S), 3))
    assert lines(session.advance()) == [("d", True), ("b", True), ("c", True), ("others", True)]
    session.look(Viewport(800, (0, 2 * S), 4))
    assert lines(session.advance()) == [("a", True), ("b", True), ("c", True)]


def test_a_frame_without_news_is_none_and_a_snapshot_on_demand_is_whole(streamer):
    session = ChartSession(1, streamer)
    streamer.push({"time": [1, 2], "y": [1, 2]})
    first = session.advance()
    assert session.advance() is None
    session.ask_snapshot()
    again = session.advance()
    assert (first.snapshot, again.snapshot, again.sequence) == (True, True, 2)
    assert again.series[0].y.tolist() == first.series[0].y.tolist()


def test_a_diff_carries_the_arrival_of_its_oldest_row(streamer, clock):
    session = ChartSession(1, streamer)
    streamer.push({"time": [1], "y": [1]})
    session.advance()
    oldest = clock.now()
    streamer.push({"time": [2], "y": [2]})
    clock.advance(0.02)
    streamer.push({"time": [3], "y": [3]})
    assert session.advance().arrival == oldest / 1e6


def test_pausing_keeps_the_capture_and_a_zoom_while_paused_shows_the_past(streamer, clock):
    session = ChartSession(1, streamer)
    streamer.push({"time": np.arange(10), "y": np.arange(10)})
    session.advance()
    session.pause(clock.now())
    streamer.push({"time": np.arange(10, 20), "y": np.arange(10, 20)})
    clock.advance(2.5)
    assert session.advance() is None
    assert session.state()[0] is State.PAUSED
    session.look(Viewport(800, (5 * S, 30 * S), 9))
    frame = session.advance()
    assert frame.series[0].y.max() == 9
    assert len(streamer.to_dataframe()) == 20
    session.resume(clock.now())
    assert session.notice(clock.now()) == "2.5 s and 10 events passed while paused"
    assert session.advance().series[0].y.max() == 19


def test_a_picture_that_the_ring_has_passed_stays_and_does_no_harm(clock):
    buffer = BufferManager(SCHEMA, max_rows=50)
    streamer = DataStreamer(schema=SCHEMA, buffer=buffer, engine=NO_ENGINE, clock=clock)
    session = ChartSession(1, streamer, window=0.02)
    streamer.push(batch_of(0, 50))
    session.advance()
    session.pause(clock.now())
    streamer.push(batch_of(50, 500))
    session.look(Viewport(100, (10_000_000, 20_000_000), 3))
    session.advance()
    session.resume(clock.now())
    session.look(Viewport(100, None, 4))
    frame = session.advance()
    assert frame.snapshot
    assert frame.series[0].y.max() == 549


def test_rows_that_went_by_unseen_leave_no_wrong_ones_behind(clock):
    buffer = BufferManager(SCHEMA, max_rows=100)
    streamer = DataStreamer(schema=SCHEMA, buffer=buffer, engine=NO_ENGINE, clock=clock)
    session = ChartSession(1, streamer, window=10.0)
    streamer.push(batch_of(0, 80))
    session.advance()
    streamer.push(batch_of(80, 5000))
    frame = session.advance()
    assert frame.series[0].y.max() == 5079


def test_it_draws_beside_a_writer_that_laps_it(clock):
    """A lease that was overtaken is read again; no frame shows a row that was never sent."""
    buffer = BufferManager(SCHEMA, max_rows=4096)
    streamer = DataStreamer(schema=SCHEMA, buffer=buffer, engine=NO_ENGINE, clock=clock)
    session = ChartSession(1, streamer, window=5.0)
    done = threading.Event()

    def write():
        first = 0
        while not done.is_set():
            buffer.append(batch_of(first, 64))
            first += 64

    thread = threading.Thread(target=write)
    thread.start()
    frames = 0
    try:
        while frames < 100:
            frame = session.advance()
            for diff in () if frame is None else frame.series:
                frames += 1
                known = ~np.isnan(diff.y)
                assert np.allclose(diff.x[known] + frame.origin, diff.y[known] * 1e6, rtol=0)
    finally:
        done.set()
        thread.join()


def test_a_failure_is_final_and_told(streamer):
    session = ChartSession(1, streamer)
    streamer.push({"time": [1], "y": [1]})
    session.fail("cannot be drawn")
    assert session.advance() is None
    assert session.state() == (State.FAILED, "cannot be drawn")
    assert session.at_rest


def test_why_nothing_fits_is_told_while_it_waits(streamer):
    session = ChartSession(1, streamer)
    streamer.reject("{", "the message is not JSON")
    assert session.state() == (State.WAITING, "the message is not JSON")
