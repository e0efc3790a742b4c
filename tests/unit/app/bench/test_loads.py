import random
import sys
import threading
from pathlib import Path

import pytest

from livewidget.app.bench import live_loads as live
from livewidget.app.bench.live_loads import live_loads
from livewidget.app.bench.loads import Kind, Load, loads, ranges, scaled
from livewidget.app.bench.measure import Bench
from livewidget.data.errors import SourceError
from livewidget.engine.streamer import DataStreamer

SIZE = 0.01


@pytest.fixture(scope="module")
def measured():
    told = []
    bench = Bench(loads(SIZE) | live_loads(SIZE), 2, SIZE, on_job=lambda *at: told.append(at))
    return bench.run(), told


def test_every_figure_has_a_sample_a_round(measured):
    run, told = measured
    kinds = [kind for each in (loads(SIZE) | live_loads(SIZE)).values() for kind in each.kinds]
    assert list(run.figures) == [kind.key for kind in kinds]
    assert len(kinds) == len({kind.key for kind in kinds}) == 15
    assert all(len(each.samples) == 2 and min(each.samples) > 0 for each in run.figures.values())
    assert [turn for turn, name in told if name == "push"] == [-1, 0, 1]


def test_latency_lies_within_what_a_frame_rate_of_30_allows(measured):
    figures = measured[0].figures
    assert 1 < figures["latency-p50"].samples[0] <= figures["latency-p99"].samples[0] < 5_000


def test_nothing_is_left_behind(measured, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    Bench({name: live_loads(SIZE)[name] for name in ("store", "websocket")}, 1, SIZE).run()
    assert list(Path(tmp_path).iterdir()) == []
    assert not [each for each in threading.enumerate() if each.name == "bench-blaster"]


def test_a_load_whose_package_lacks_is_left_out_and_named(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)
    one = Load([Kind("one", "one", "ms")], lambda _: lambda: (1.0,))
    bench = Bench({"store": live_loads(SIZE)["store"], "one": one}, 1, SIZE)
    assert list(bench.run().figures) == ["one"]
    assert "livewidget[store]" in bench.lacking["store"]


def test_ranges_lie_in_their_span_and_are_as_long_in_each_round():
    span = (1_000, 1_000_000_000)
    first, second = (ranges(span, 20, random.Random(seed)) for seed in (1, 2))
    for start, stop, width in first:
        assert span[0] <= start < stop <= span[1]
        assert width >= 1
    assert [stop - start for start, stop, _ in first] == [b - a for a, b, _ in second]


def test_a_size_scales_down_to_the_least_and_never_up():
    assert scaled(100_000, 0.5) == 50_000
    assert scaled(100_000, 1e-9) == 1_000
    assert scaled(20, 1.0, 1_000) == 20


def test_a_chart_that_is_never_drawn_is_told(monkeypatch):
    monkeypatch.setattr(live, "_MOST_LIVE_S", 0.03)
    streamer = DataStreamer()
    try:
        with pytest.raises(SourceError, match="no frame was drawn in"):
            live._feed(streamer, live.Feed(2, 1e5), 0.0, live.Page())
    finally:
        streamer.stop()
