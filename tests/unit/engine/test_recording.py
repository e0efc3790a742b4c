"""Record and replay: the same rows, the same gaps, the same spacing."""

import math

import pandas as pd
import pytest

from livewidget import DataStreamer
from livewidget.data.errors import SettingError
from livewidget.engine.recording import Recorder, Recording
from livewidget.engine.thread import Engine
from livewidget.testing import ListStore, ManualClock, RecordingOutlet, SourceRunner, wait_for

T = 1_600_000_000


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def stores():
    known = {}
    return lambda path: known.setdefault(path, ListStore())


def rows(start, stop):
    numbers = list(range(start, stop))
    times = pd.to_datetime([T + 10 * n for n in numbers], unit="s", utc=True)
    return {"time": times, "n": [float(n) for n in numbers], "s": [f"k{n % 3}" for n in numbers]}


@pytest.fixture
def recorded(engine, stores, tmp_path):
    with DataStreamer(engine=engine) as streamer:
        streamer.push(rows(0, 3))
        with Recorder(streamer, tmp_path / "run", engine=engine, store_factory=stores) as recorder:
            streamer.push(rows(3, 5))
            streamer.gap(None, None, "offline")
            streamer.push(rows(5, 8))
        assert (recorder.rows, recorder.error) == (8, "")
        streamer.push(rows(8, 9))  # after it has ended
        frame, gaps = streamer.to_dataframe(stop=pd.Timestamp(T + 75, unit="s")), streamer.gaps
    return Recording(tmp_path / "run", store_factory=stores), frame, gaps


def test_through_a_streamer_the_rows_and_the_gaps_are_the_same(recorded, engine):
    recording, frame, gaps = recorded
    assert recording.rows == 8
    assert recording.gaps == gaps
    pd.testing.assert_frame_equal(recording.to_dataframe(), frame)
    with DataStreamer(recording.replay(math.inf), engine=engine) as streamer:
        assert streamer.wait(10)
        pd.testing.assert_frame_equal(streamer.to_dataframe(), frame)
        assert streamer.gaps == gaps


async def test_speed_divides_the_original_spacing(recorded):
    recording, clock, outlet = recorded[0], ManualClock(), RecordingOutlet()
    async with SourceRunner() as runner:
        task = runner.start(recording.replay(10, clock=clock), outlet)
        for count in range(1, 8):
            await wait_for(lambda: len(outlet.rows) == count and clock.sleepers)  # noqa: B023
            assert len(outlet.gaps) == (count >= 5)
            clock.advance(1.0)
        await task
    assert outlet.column("n") == list(range(8))
    assert clock.monotonic() == 7.0


def test_a_folder_that_holds_something_is_left_alone(recorded, engine, stores, tmp_path):
    def record(path, **options):
        return Recorder(streamer, path, engine=engine, store_factory=stores, **options)

    (tmp_path / "file").write_text("")
    with DataStreamer(engine=engine) as streamer:
        for message, path in [("overwrite=True", "run"), ("not empty", ""), ("a file", "file")]:
            with pytest.raises(SettingError, match=message):
                record(tmp_path / path)
        streamer.push(rows(8, 10))
        record(tmp_path / "run", append=True).stop()
    assert recorded[0].to_dataframe()["n"].tolist() == list(range(10))
    with pytest.raises(SettingError, match="holds no recording"):
        Recording(tmp_path)


def test_a_line_of_gaps_that_was_cut_off_is_left_out(recorded):
    recording, _, gaps = recorded
    with (recording.path / "gaps.jsonl").open("a") as file:
        file.write('{"start": 1, "st')
    assert recording.gaps == gaps
