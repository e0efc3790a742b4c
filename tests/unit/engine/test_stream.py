"""The fluent face, and several streamers on one time axis."""

import pytest

from livewidget import BufferManager, DataStreamer
from livewidget.data.errors import SettingError
from livewidget.data.events import State
from livewidget.engine.thread import Engine
from livewidget.engine.union import Union
from livewidget.sources.base import Source
from livewidget.testing import ListSource, wait_until


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def rows(start, stop, **more):
    numbers = list(range(start, stop))
    return {"time": [1e9 + n for n in numbers], "n": numbers, **more}


def test_each_method_gives_another_stream_and_nothing_runs_before_it_is_started(engine):
    source = ListSource([rows(0, 10), rows(10, 20)])
    base = DataStreamer(source, engine=engine)
    even = base.stream.where("n % 2 == 0")
    more = even.calculate(double="n * 2").rename(n="number").select("double", "number")
    assert repr(more).startswith("Stream(a list → filter")
    assert source.emitted == 0
    streamer = more.start(engine=engine)
    assert streamer.wait(10)
    frame = streamer.to_dataframe()
    assert frame.columns.tolist() == ["time", "double", "number"]
    assert frame["double"].tolist() == list(range(0, 40, 4))
    assert base.account().stored == 20
    assert (streamer.account().received, streamer.account().filtered) == (20, 10)


def test_several_streams_share_one_source(engine):
    source = ListSource([rows(0, 100)])
    base = DataStreamer(source, engine=engine)
    small = base.stream.where("n < 10").start(engine=engine)
    assert small.wait(10)
    assert small.account().stored == 10
    large = base.stream.where("n >= 10").start(engine=engine)
    assert large.wait(10)  # it has what the buffer held before
    assert (large.account().received, large.account().stored) == (100, 90)
    assert source.emitted == 1


def test_what_is_routed_can_be_worked_on_further(engine):
    base = DataStreamer(engine=engine)
    routed = base.stream.route({"alarms": "n >= 5"}).start(engine=engine)
    alarms = routed.output("alarms").calculate(over="n - 5").start(engine=engine)
    wait_until(lambda: base._line.feed.active)
    base.push(rows(0, 8))
    wait_until(lambda: alarms.account().stored == 3)
    assert alarms.to_dataframe()["over"].tolist() == [0, 1, 2]
    wait_until(lambda: routed.account().stored == 5)
    assert routed.account().filtered == 3
    for each in (alarms, routed, base):
        each.stop()


def test_gaps_and_states_come_along(engine):
    class Gappy(Source):
        name = "gappy"

        async def run(self, outlet):
            outlet.emit(rows(0, 3))
            outlet.gap(None, None, "cut")
            outlet.emit(rows(10, 12))
            raise OSError("gone for good")

    streamer = DataStreamer(Gappy(), engine=engine).stream.where("n >= 0").start(engine=engine)
    assert streamer.wait(10)
    assert streamer.state[0] is State.FAILED
    assert "gone for good" in streamer.state[1]
    assert [gap.reason for gap in streamer.gaps] == ["cut"]
    assert streamer.account().stored == 5


def test_who_begins_to_listen_in_the_middle_of_a_push_is_not_forgotten(engine, monkeypatch):
    """The push has just found that nobody listens, and has not said so yet."""
    base = DataStreamer(engine=engine)
    found = []

    def holds(_):
        if not found:
            found.append(base.subscribe())
        return False

    monkeypatch.setattr(BufferManager, "holds", property(holds))
    base.push(rows(0, 4))
    wait_until(lambda: not base._line._due)  # nothing is on its way any more
    base.push(rows(4, 12))
    wait_until(lambda: found[0].waiting == 12)
    found[0].close()


def test_stopping_a_stream_leaves_its_streamer_alone(engine):
    base = DataStreamer(engine=engine)
    child = base.stream.where("n >= 0").start(engine=engine)
    wait_until(lambda: base._line.feed.active)
    child.stop()
    assert not base._line.feed.active
    base.push(rows(0, 3))
    base.stop()
    assert base.account().stored == 3


async def test_a_stream_can_be_iterated(engine):
    base = DataStreamer(ListSource([rows(n, n + 5) for n in range(0, 50, 5)]), engine=engine)
    doubled = base.stream.calculate(double="n * 2")
    seen = [n async for batch in doubled for n in batch["double"].tolist()]
    assert seen == list(range(0, 100, 2))


def test_several_streamers_lie_on_one_time_axis(engine):
    first = DataStreamer(ListSource([rows(0, 50), rows(50, 100)]), engine=engine)
    second = DataStreamer(
        ListSource([{"time": [1e9 + n + 0.5 for n in range(100)], "m": [1.0] * 100}]),
        engine=engine,
    )
    both = DataStreamer(Union([first, second]), engine=engine, by="series", columns=("value",))
    both.start()
    assert both.wait(10)
    frame = both.to_dataframe()
    assert len(frame) == 200
    assert frame["time"].is_monotonic_increasing
    assert frame[frame["series"] == "n"]["value"].tolist() == list(range(100))
    assert frame[frame["series"] == "m"]["value"].tolist() == [1.0] * 100


def test_columns_of_one_name_are_told_apart_by_their_streamers(engine):
    streamers = [
        DataStreamer(ListSource([rows(0, 5)], name=name), engine=engine) for name in ("a", "b")
    ]
    schema = streamers[0].start().wait(10) and streamers[0].schema
    streamers[0] = DataStreamer(ListSource([rows(0, 5)], name="a"), schema=schema, engine=engine)
    streamers[1] = DataStreamer(ListSource([rows(0, 5)], name="b"), schema=schema, engine=engine)
    both = DataStreamer(Union(streamers, ["n"]), engine=engine).start()
    assert both.wait(10)
    assert set(both.to_dataframe()["series"]) == {"a: n", "b: n"}


def test_bad_input(engine):
    base = DataStreamer(engine=engine)
    with pytest.raises(SettingError, match="a pipeline is made of operators, got 'n > 0'"):
        base.stream.pipe("n > 0")
    with pytest.raises(SettingError, match="time is the stream's own already"):
        base.stream.open(time="at")
    with pytest.raises(SettingError, match="expected DataStreamers to put together"):
        Union([base, "ws://host"])
    base.stop()
