"""A hub whose page tells what drawing costs: what the charts are drawn like, and what is said."""

import pytest

from livewidget.engine.adapt import target_of
from livewidget.monitor.ladder import M4, MINMAX


def told(frames, draw_ms, age_ms=60.0, charts=(1,)):
    drawn = {"sequence": 1, "drawn": frames, "draw_ms": draw_ms, "age_ms": [age_ms] * frames}
    return {str(chart): drawn for chart in charts}


def live(rig, seconds, trip_ms=0.0, **costs):
    """Let time pass while a page draws, and says so once a second."""
    for _ in range(seconds):
        rig.run(1)
        rig.ack(charts=told(**costs), trip_ms=trip_ms)


def level(rig, chart=1):
    return rig.hub.quality(chart)["quality"]["level"]


def test_a_page_with_room_is_sent_all(rig):
    session = rig.chart()
    rig.view()
    live(rig, 5, frames=30, draw_ms=5)
    assert (session.pace, session.setting.detail, level(rig)) == (30, MINMAX, 0)
    assert rig.hub.quality(1)["decisions"] == []


def test_a_page_that_does_not_keep_up_is_sent_less_and_told_why(rig):
    session = rig.chart()
    rig.view()
    live(rig, 3, frames=30, draw_ms=8)
    before = rig.parts()[-1]
    live(rig, 1, frames=30, draw_ms=32)
    rig.run(0.2)
    assert session.setting.buckets_per_pixel < 1
    after = rig.parts()[-1]
    assert after.generation > before.generation
    quality, decisions = (rig.hub.quality(1)[name] for name in ("quality", "decisions"))
    assert (quality["mode"], quality["levels"]) == ("auto", 7)
    assert quality["reason"] == "drawing takes 96 % of the page's time, of 80 %"
    assert decisions[0]["text"].endswith(f"frames a second: {quality['reason']}")
    assert abs(int(decisions[0]["time"]) - rig.clock.now()) < 1e9
    rig.run(0.5)
    *_, newest = [each for each, _ in rig.transport.of_kind("tick") if "status" in each]
    assert newest["status"]["1"]["quality"] == quality


def test_what_was_given_up_comes_back(rig):
    session = rig.chart()
    rig.view()
    live(rig, 3, frames=30, draw_ms=32)
    assert level(rig) > 0
    live(rig, 5, frames=round(session.pace), draw_ms=2)
    assert level(rig) == 0
    assert rig.hub.quality(1)["quality"]["reason"] == ""


def test_nothing_is_given_up_for_the_way_to_a_far_kernel(rig):
    """Which no lighter frame shortens: the target is for what comes beside it."""
    rig.chart()
    rig.view()
    live(rig, 10, frames=30, draw_ms=2, age_ms=60, trip_ms=240)
    live(rig, 10, frames=30, draw_ms=2, age_ms=200, trip_ms=240)
    assert (level(rig), rig.hub.quality(1)["decisions"]) == (0, [])
    live(rig, 5, frames=30, draw_ms=2, age_ms=280, trip_ms=240)
    assert level(rig) > 0
    told_of = "160 ms from arrival to pixel beside the 120 ms of the link, of 150 ms"
    assert told_of in rig.hub.quality(1)["quality"]["reason"]


def test_what_is_on_its_way_to_a_far_page_is_not_missed_there(rig):
    rig.chart()
    rig.view()
    for _ in range(3):
        rig.run(1, push=False)
        rig.ack(charts=told(frames=0, draw_ms=0), trip_ms=240)
    rig.run(0.2)
    assert rig.parts()
    rig.ack(charts=told(frames=0, draw_ms=0), trip_ms=240)
    rig.run(0.2)
    assert rig.hub.quality(1)["decisions"] == []
    rig.run(0.6)
    rig.ack(charts=told(frames=0, draw_ms=0), trip_ms=240)
    rig.run(0.2)
    assert "the page draws 0 of" in rig.hub.quality(1)["quality"]["reason"]


def test_a_link_that_was_quick_and_is_slow_is_no_far_kernel(rig):
    rig.chart()
    rig.view()
    live(rig, 10, frames=30, draw_ms=2, trip_ms=4)
    live(rig, 5, frames=30, draw_ms=2, age_ms=200, trip_ms=240)
    assert level(rig) > 0


def test_the_charts_of_a_page_give_way_together(rig):
    for number in range(1, 6):
        rig.chart(number)
        rig.view(chart=number, view=number)
    live(rig, 3, frames=30, draw_ms=8, charts=range(1, 6))  # each alone would have room
    assert len({level(rig, number) for number in range(1, 6)}) == 1
    assert level(rig) > 0


def test_charts_that_are_late_to_different_degrees_share_their_frames(rig):
    """Else some would have 10 and others 15 frames a second, and the page 20 to paint."""
    numbers = range(1, 6)
    for number in numbers:
        rig.chart(number)
        rig.view(chart=number, view=number)
    for _ in range(6):
        rig.run(1)
        late = {}
        for number in numbers:
            late |= told(frames=30, draw_ms=3, age_ms=130 + 10 * number, charts=[number])
        rig.ack(charts=late)
    assert len({level(rig, number) for number in numbers}) == 1
    assert level(rig) > 0


def test_frames_come_at_the_pace_that_was_chosen(rig):
    session = rig.chart()
    rig.view()
    live(rig, 12, frames=10, draw_ms=80, age_ms=900)
    assert session.pace == 12
    rig.transport.clear()
    live(rig, 4, frames=10, draw_ms=80, age_ms=900)
    assert 46 <= len(rig.parts()) <= 50
    assert rig.hub.quality(1)["quality"]["reason"].startswith("nothing is left to give up")


def test_a_page_that_is_silent_says_nothing_of_the_load(rig):
    rig.chart()
    rig.view()
    live(rig, 3, frames=30, draw_ms=32)
    rig.run(0.3)
    before = level(rig)
    assert before > 0
    rig.run(20)
    assert level(rig) == before


def test_a_chart_out_of_sight_is_left_as_it_is(rig):
    rig.chart()
    rig.view()
    live(rig, 3, frames=30, draw_ms=32)
    before = level(rig)
    rig.view(visible=False)
    live(rig, 10, frames=0, draw_ms=0)
    assert level(rig) == before


@pytest.mark.parametrize(("quality", "detail", "points"), [("high", M4, 4), ("fast", MINMAX, 0.5)])
def test_a_pinned_quality_is_kept_whatever_it_costs(rig, quality, detail, points):
    session = rig.chart(quality=quality)
    rig.view()
    live(rig, 5, frames=10, draw_ms=90, age_ms=2000)
    assert (session.setting.detail, session.setting.points, session.pace) == (detail, points, 30)
    assert rig.hub.quality(1)["quality"]["levels"] == 1


def test_quality_and_cap_change_on_a_running_chart(rig):
    session = rig.chart()
    rig.view()
    live(rig, 2, frames=30, draw_ms=4)
    session.quality, session.cap = "high", 12
    live(rig, 2, frames=12, draw_ms=4)
    assert (session.setting.detail, session.pace) == (M4, 12)
    session.quality = "auto"
    live(rig, 2, frames=12, draw_ms=4)
    assert (session.setting.detail, session.pace) == (MINMAX, 12)
    assert rig.parts()[-1].base > 0


@pytest.mark.parametrize("cap", [1, 5, 10, 30, 60])
def test_every_cap_has_a_target_that_can_be(cap):
    assert target_of(cap).fps == cap


def test_a_chart_that_is_gone_is_told_nothing_of(rig):
    rig.chart()
    rig.hub.remove(1, "closed")
    assert rig.hub.quality(1) == {}
