"""DataStreamer on an engine of its own: states, ends, and what they leave."""

import threading

import pytest

from livewidget.data.errors import ClosedError, SchemaError, SettingError
from livewidget.data.events import State
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.testing import ListSource, ManualClock, wait_until

from .rig import NO_ENGINE

ROW = {"time": 1_704_067_200, "y": 1.0}


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def test_a_source_that_ends_leaves_all_it_gave_in_the_buffer(engine):
    streamer = DataStreamer(ListSource([ROW] * 50), engine=engine).start()
    assert streamer.wait(10)
    assert streamer.state[:2] == (State.ENDED, "the source has ended")
    assert (streamer.account().received, streamer.account().stored) == (50, 50)
    assert len(streamer.to_dataframe()) == 50


def test_a_source_that_raises_is_failed_with_the_reason_and_its_data_is_kept(engine):
    source = ListSource([ROW] * 3, error=ConnectionError("no route"))
    streamer = DataStreamer(source, engine=engine).start()
    assert streamer.wait(10)
    assert streamer.state[:2] == (State.FAILED, "ConnectionError: no route")
    assert streamer.account().stored == 3
    assert engine.alive


@pytest.mark.parametrize(
    "bad", [{"time": "soon", "y": 1}, {"time": 5, "y": "x"}, {"y": [[1], [2]]}, 5, None, [1], "{"]
)
def test_one_bad_message_becomes_a_dead_letter_and_stops_nothing(engine, bad):
    streamer = DataStreamer(ListSource([ROW, bad, ROW], hold=True), engine=engine).start()
    wait_until(lambda: streamer.account().received - streamer.account().rejected >= 2)
    streamer.drain()
    account = streamer.account()
    assert account.stored == 2
    assert account.rejected >= 1
    assert account.received == account.stored + account.rejected
    assert streamer.state[0] is State.LIVE
    assert streamer.dead_letters()["reason"][0]
    streamer.stop()


def test_stopping_ends_the_source_and_closes_the_door(engine):
    source = ListSource([ROW] * 5, hold=True)
    streamer = DataStreamer(source, engine=engine).start()
    wait_until(lambda: source.emitted == 5)
    streamer.stop()
    assert source.stopped
    assert streamer.state[0] is State.ENDED
    assert streamer.account().stored == 5
    with pytest.raises(ClosedError):
        streamer.push(ROW)
    streamer.stop()


def test_the_context_starts_and_stops_it(engine):
    source = ListSource([ROW], hold=True)
    with DataStreamer(source, engine=engine) as streamer:
        wait_until(lambda: source.emitted == 1)
    assert streamer.state[0] is State.ENDED
    assert streamer.wait(0)


def test_it_may_be_started_again_and_again_and_runs_once(engine):
    source = ListSource([ROW] * 5)
    streamer = DataStreamer(source, engine=engine).start().start()
    assert streamer.wait(10)
    streamer.start()
    assert source.emitted == streamer.account().received == 5


def test_a_watcher_hears_of_states_until_it_is_stopped(engine):
    seen = []
    streamer = DataStreamer(engine=engine)
    stop = streamer.watch(lambda: seen.append(streamer.state[0]))
    streamer.push(ROW)
    streamer.push(ROW)
    stop()
    stop()
    streamer.stop()
    assert seen == [State.LIVE]


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_bad_rate_is_refused_and_changes_nothing(engine, rate):
    streamer = DataStreamer(engine=engine, sampling_rate=5.0)
    with pytest.raises(SettingError, match="sampling_rate"):
        streamer.sampling_rate = rate
    assert streamer.sampling_rate == 5.0
    with pytest.raises(SettingError, match="sampling_rate"):
        DataStreamer(engine=engine, sampling_rate=rate)


def test_columns_and_keys_that_are_not_there_are_named(engine):
    streamer = DataStreamer(engine=engine, columns=("price",))
    with pytest.raises(SchemaError, match="no column 'price'; the columns are 'time', 'y'"):
        streamer.push(ROW)
    streamer = DataStreamer(engine=engine, columns=("y",))
    with pytest.raises(SchemaError, match="'y' must hold numbers, it holds text"):
        streamer.push({"time": 1, "y": "a"})
    streamer = DataStreamer(engine=engine, by="s")
    with pytest.raises(SchemaError, match="no column 's'"):
        streamer.push(ROW)
    streamer.push({"time": 1, "y": 1.0, "s": 5})
    assert streamer.to_dataframe()["s"].tolist() == ["5"]


def test_an_option_without_a_source_is_refused(engine):
    with pytest.raises(SettingError, match="'headers'"):
        DataStreamer(engine=engine, headers={})


def test_a_gap_without_an_end_reaches_to_the_next_row():
    streamer = DataStreamer(engine=NO_ENGINE, clock=ManualClock())
    streamer.push({"time": [1, 2], "y": [1, 2]})
    streamer.gap(None, None, "lost")
    assert streamer.gaps == []
    streamer.push({"time": [10], "y": [3]})
    (gap,) = streamer.gaps
    assert (gap.start, gap.stop, gap.reason) == (2 * 10**9, 10 * 10**9, "lost")
    assert streamer.stats()["gaps"] == 1


def test_pushes_of_many_threads_all_arrive(engine):
    streamer = DataStreamer(engine=engine)
    threads = [
        threading.Thread(
            target=lambda k=k: [streamer.push({"time": k, "y": float(i)}) for i in range(200)]
        )
        for k in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    frame = streamer.to_dataframe()
    assert len(frame) == 1000
    assert frame.groupby("time")["y"].apply(list).map(lambda ys: ys == sorted(ys)).all()
