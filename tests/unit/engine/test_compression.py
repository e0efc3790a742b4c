"""A hub whose page is behind a slow link: frames are compressed before anything is given up."""

import numpy as np
import pytest

from livewidget.engine.compression import Compression, Trips
from livewidget.monitor.packing import TRY_S

from ...golden.browser import opened

NAMES = [f"s{place}" for place in range(8)]
NOISE = np.random.default_rng(1).normal(size=(len(NAMES), 4096))
PIECES = 10  # a second, of the same number of rows


def rows(rig, count, made):
    times = rig.clock.now() + np.arange(1 - count, 1) * 1_000_000
    values = NOISE.take(made + np.arange(count), 1, mode="wrap")
    return {"time": times, **dict(zip(NAMES, values, strict=True))}


def live(rig, seconds, *, trip_ms=20.0, age_ms=60.0, busy_ms=100.0, count=100):
    """Let time pass; a page says once a second how late it heard, and what drawing took."""
    for second in range(seconds):
        for piece in range(PIECES):
            rig.streamers[1].push(rows(rig, count, (second * PIECES + piece) * count))
            rig.engine.run(1 / PIECES)
        now = rig.clock.now() / 1e6
        drawn = {"sequence": 1, "drawn": 30, "draw_ms": busy_ms / 30, "age_ms": [age_ms] * 30}
        times = {"sent": now - trip_ms, "received": now, "now": now}
        rig.say("ack", tick=rig.hub.tick, charts={"1": drawn}, busy_ms=busy_ms, **times)
    rig.engine.run(0.2)


@pytest.fixture
def charted(rig):
    rig.chart(y=NAMES, window=2.0)
    rig.view()
    live(rig, 3)
    return rig


def told(rig):
    return rig.hub.quality(1)


def is_packed(packet):
    return opened(packet) != packet


def test_a_link_that_keeps_up_is_sent_plain_packets(charted):
    live(charted, 3)
    assert not any(map(is_packed, charted.packets()))
    assert told(charted)["compression"]["on"] is False
    assert 0 < told(charted)["compression"]["ratio"] < 1


def test_what_waits_for_the_link_is_compressed_before_quality_is_given_up(charted):
    charted.transport.clear()
    live(charted, 3, trip_ms=920, age_ms=950)
    found = told(charted)
    assert found["quality"]["level"] == 0
    (first,) = found["decisions"]
    ratio = found["compression"]["ratio"]
    assert first["text"].startswith("frames are compressed to ")
    assert first["text"].endswith(" %: the link holds 0.9 s of them back")
    assert 0.2 < ratio < 0.9
    assert found["compression"]["after"] < found["compression"]["before"]
    packed = [is_packed(each) for each in charted.packets()]
    assert sum(packed) > 0.5 * len(packed)
    charted.view(client="B", view=2, width=0)  # a dashboard, which is told of it
    charted.engine.run(0.1)
    *_, newest = [each for each, _ in charted.transport.of_kind("tick") if "status" in each]
    assert newest["status"]["1"]["compression"]["on"] is True
    live(charted, round(TRY_S) + 1, trip_ms=920, age_ms=950)
    assert told(charted)["quality"]["level"] > 0  # it did not suffice


def test_a_link_that_is_relieved_costs_no_quality(charted):
    live(charted, 2, trip_ms=920, age_ms=950)
    live(charted, 1, age_ms=700)  # what is late of what was under way
    live(charted, 10)
    assert told(charted)["compression"]["on"]
    assert told(charted)["quality"]["level"] == 0
    assert len(told(charted)["decisions"]) == 1


def test_a_page_that_holds_the_same_as_the_kernel(charted):
    live(charted, 4, trip_ms=920)
    page = charted.page()
    charted.sessions[1].ask_snapshot()
    charted.transport.clear()
    charted.engine.run(0.2)
    assert charted.page().stores[1].dump(1)[12:] == page.stores[1].dump(1)[12:]


def test_a_page_that_is_late_because_it_is_busy_gives_up_quality(charted):
    live(charted, 3, trip_ms=920, age_ms=950, busy_ms=1000)
    assert not told(charted)["compression"]["on"]
    assert told(charted)["quality"]["level"] > 0


def test_its_figures_are_metrics(charted):
    live(charted, 3, trip_ms=920)
    families = charted.hub.monitor(1).registry.collect()
    found = {each.name: [sample.value for sample in each.samples] for each in families}
    before, after = found["livewidget_link_bytes_total"]
    assert 0 < after < before
    assert 0 < found["livewidget_compression_ratio"][0] < 1
    assert found["livewidget_compression_on"] == [1]


def test_only_what_is_beyond_the_way_itself_has_waited():
    trips = Trips()
    for trip in (300.0, float("nan"), 320.0, 290.0, 1290.0):
        trips.add(trip)
    assert trips.waits_ms == 1000


def test_nobody_heard_is_nothing_known():
    compression = Compression()
    assert not compression.step(0.0, waits_ms=0.0, told_at=None, page=0.0, engine=0.0)
    assert compression.status() == {
        "on": False,
        "ratio": None,
        "before": 0,
        "after": 0,
        "reason": "",
    }
