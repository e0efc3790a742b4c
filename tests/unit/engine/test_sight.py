"""What comes into sight and goes: how old its frames are, how wide they are, what they cost."""

import numpy as np
import pytest

from .test_adapt import level, live, told

DAY = 86_400 * 1_000_000_000
S = 1_000_000_000


def statuses(rig, chart="1"):
    ticks = [content for content, _ in rig.transport.of_kind("tick")]
    return [each["status"][chart] for each in ticks if chart in each.get("status", {})]


def waited_ms(rig, part):
    """How long the event was here that a frame tells the arrival of; 0 where it tells none."""
    return 0.0 if np.isnan(part.arrival) else rig.clock.now() / 1e6 - part.arrival


@pytest.mark.parametrize("page", ["A", "B"])
def test_a_chart_that_is_scrolled_back_beside_its_dashboard_is_not_late(rig, page):
    rig.chart()
    rig.view()
    rig.view(page, view=2, width=0)  # its dashboard, in the same page or in another
    rig.live(2)
    rig.view(visible=False)
    rig.live(60, page)
    before = len(rig.parts())
    rig.view()
    rig.run(0.1)
    assert waited_ms(rig, rig.parts()[before]) < 1000


def test_rows_that_are_thinned_out_do_not_age_the_one_that_is_drawn(rig):
    rig.chart()
    streamer = rig.streamers[1]
    streamer.sampling_rate = 0.1
    rig.view()
    drawn = 0
    for _ in range(40):
        streamer.push({"time": rig.clock.now(), "y": 1.0})
        streamer.drain()  # as a pipeline does with each batch
        before = len(rig.parts())
        rig.run(1.0, push=False)
        rig.ack()
        for part in rig.parts()[before:]:
            drawn += 1
            assert waited_ms(rig, part) < 1200  # within the second that has passed
    assert drawn > 2


def test_a_page_that_comes_back_and_one_that_is_left_alone_have_their_own_width(rig):
    session = rig.chart()
    rig.view("wide", width=1600)
    rig.view("narrow", width=400)
    rig.live(2, "wide")
    assert session.viewport.width == 1600
    for _ in range(40):  # the wide page's machine sleeps
        rig.run(0.5)
        rig.ack("narrow")
    assert session.viewport.width == 400
    for _ in range(4):
        rig.run(0.5)
        rig.ack("wide")
        rig.ack("narrow")
    assert session.viewport.width == 1600


def test_of_a_range_far_back_nothing_is_sent_while_nothing_changes_there(rig):
    rig.chart()
    then = rig.clock.now() - 60 * DAY
    rig.streamers[1].push({"time": [then + n * S for n in range(100)], "y": np.arange(100.0)})
    rig.view()
    rig.live(1)
    rig.say("range", chart=1, token=1, range=[str(then), str(then + 100 * S)])
    rig.live(1)
    assert rig.parts()[-1].viewport == 1
    before = len(rig.parts())
    rig.live(5)
    assert len(rig.parts()) <= before + 1


def test_the_last_minute_of_a_dashboard_that_is_opened_late_is_the_last_minute(rig):
    rig.chart()
    rig.view()
    for _ in range(60):  # a bad minute, and nobody looks at the figures
        rig.run(1, step=0.1)
        rig.ack(charts=told(frames=30, draw_ms=5, age_ms=4000))
    for _ in range(300):
        rig.run(1, step=0.1)
        rig.ack(charts=told(frames=30, draw_ms=5, age_ms=20))
    rig.transport.clear()
    rig.view(view=2, width=0)
    rig.run(0.3)
    histogram = next(each["histogram"] for each in statuses(rig) if "histogram" in each)
    above = [bound > 1024 for bound in [*histogram["bounds_ms"], float("inf")]]
    assert sum(histogram["counts"]) > 1000
    assert sum(n for n, slow in zip(histogram["counts"], above, strict=True) if slow) == 0


def test_a_notice_goes_after_its_time_though_the_stream_has_ended(rig):
    session = rig.chart()
    rig.view()
    rig.live(2)
    session.pause(rig.clock.now())
    rig.hub.wake(1)
    rig.live(2)
    rig.streamers[1].stop()
    rig.live(10, push=False)
    session.resume(rig.clock.now())
    rig.hub.wake(1)
    rig.live(1, push=False)
    assert "passed while paused" in statuses(rig)[-1]["notice"]
    rig.live(60, push=False)
    assert statuses(rig)[-1]["notice"] == ""


def test_a_picture_of_the_past_that_does_not_change_is_not_said_to_be_out_of_sight(rig):
    rig.chart()
    rig.view()
    for _ in range(5):
        rig.run(1)
        rig.ack(charts=told(frames=30, draw_ms=1))
    now = rig.clock.now()
    rig.say("range", chart=1, token=1, range=[str(now - 3 * S), str(now - 2 * S)])
    for _ in range(10):
        rig.run(1)
        rig.ack(charts=told(frames=0, draw_ms=0))
    assert statuses(rig)[-1]["limit"] == "Nothing: what comes changes no picture here."


def texts(rig):
    return [each["text"] for each in rig.hub.quality(1)["decisions"]]


class Costly:
    """Says of a chart's frames that each took the engine so many seconds."""

    def __init__(self, session, build_s):
        self.session, self.build_s, self.advance = session, build_s, session.advance
        session.advance = self

    def __call__(self):
        frame = self.advance()
        self.session.build_s = self.build_s
        return frame


def test_what_a_paused_chart_cost_is_no_load_any_more(rig):
    for number, build_s in ((1, 0.020), (2, 0.002)):
        Costly(rig.chart(number), build_s)
        rig.view(chart=number, view=number)
    for _ in range(4):
        rig.run(1)
        rig.ack(charts=told(frames=30, draw_ms=1, charts=(1, 2)))
    assert level(rig, 2) > 0
    rig.sessions[1].pause(rig.clock.now())
    for _ in range(120):
        rig.run(1)
        rig.ack(charts=told(frames=30, draw_ms=1, charts=(2,)))
    assert level(rig, 2) == 0, rig.hub.quality(2)["quality"]["reason"]


def test_what_a_paused_chart_cost_leaves_the_engine_time_to_compress(rig, monkeypatch):
    Costly(rig.chart(), 0.030)
    rig.view()
    live(rig, 4, frames=30, draw_ms=1)
    seen = []
    step = rig.hub.adapt.compression.step
    monkeypatch.setattr(
        rig.hub.adapt.compression,
        "step",
        lambda now, **of: (seen.append(of["engine"]), step(now, **of))[1],
    )
    live(rig, 1, frames=30, draw_ms=1)
    assert max(seen) > 0.3
    rig.sessions[1].pause(rig.clock.now())
    live(rig, 10, frames=0, draw_ms=0)
    assert seen[-1] < 0.05


def test_a_heavy_frame_a_second_is_no_load(rig):
    Costly(rig.chart(), 0.030)
    rig.view()
    for _ in range(30):
        rig.streamers[1].push({"time": rig.clock.now(), "y": rig.clock.monotonic()})
        rig.run(1, push=False)
        rig.ack(charts=told(frames=1, draw_ms=5))
    assert level(rig) == 0, rig.hub.quality(1)["quality"]["reason"]


def test_a_page_that_was_away_did_not_idle(rig):
    """Its first word after a look at another tab tells of no load: that is no room."""
    session = rig.chart()
    rig.view()

    def drawn():
        ms = 6 + 15 * session.setting.points  # 36 ms at the best, which is too much for 30 a second
        return told(frames=int(min(session.pace, 1000 // ms)), draw_ms=ms)

    for _ in range(20):
        rig.run(1)
        rig.ack(charts=drawn())
    decided = texts(rig)
    assert level(rig) > 0
    rig.view(visible=False)
    rig.run(40)
    rig.view()
    rig.run(0.05)
    rig.ack(charts=told(frames=0, draw_ms=0))
    rig.run(0.95)
    assert texts(rig) == decided


def test_a_page_that_is_so_slow_that_it_hardly_speaks_is_not_taken_for_one_that_was_away(rig):
    rig.chart()
    rig.view()
    live(rig, 3, frames=30, draw_ms=5)
    assert level(rig) == 0
    rig.run(4)
    rig.ack(charts=told(frames=4, draw_ms=900))
    rig.run(0.3)
    assert level(rig) > 0


def test_a_stream_that_was_stopped_is_given_no_advice_about_its_memory(rig):
    rig.chart()
    rig.view()
    rig.live(3)
    rig.streamers[1].stop()
    rig.live(3, push=False)
    assert statuses(rig)[-1]["advice"] == []
