"""Who is sent what, and when: several charts, pages and views on one hub."""

import math

import numpy as np
import pytest

from livewidget.engine.credit import AHEAD_S, OPEN_LOOP_S
from livewidget.engine.session import WatchSession

from ...golden.browser import read_packet


def shown(page, chart=1):
    return [point for series in page.stores[chart].series for point in series]


def test_nothing_is_sent_while_nobody_looks(rig):
    rig.chart()
    rig.run(5)
    assert rig.transport.messages == []


def test_a_first_look_is_answered_by_a_snapshot(rig):
    rig.chart()
    rig.run(1)
    rig.view()
    rig.run(0.1)
    first, *rest = rig.parts()
    assert first.snapshot
    assert not any(part.snapshot for part in rest)


@pytest.mark.parametrize("cap", [5.0, 10.0, 20.0])
def test_frames_keep_to_the_cap(rig, cap):
    rig.chart(cap=cap)
    rig.view()
    rig.live(10)
    assert 0.9 * cap * 10 <= len(rig.parts()) <= cap * 10 + 1


def test_without_an_acknowledgement_it_stops_after_two_intervals(rig):
    rig.chart()
    rig.view()
    rig.run(8)
    first, last = (rig.transport.of_kind("tick")[i][0]["sent"] for i in (0, -1))
    assert (last - first) / 1000 <= AHEAD_S + 0.05
    assert len(rig.parts()) <= AHEAD_S * 30 + 2


def test_the_fastest_visible_page_sets_the_pace(rig):
    rig.chart(cap=10)
    rig.view("fast")
    rig.view("slow")
    rig.ack("slow", tick=1)
    rig.live(10, "fast")
    assert len(rig.parts()) >= 90


def test_a_page_whose_acknowledgements_stand_still_is_shown_all_anew(rig):
    rig.chart(cap=10)
    rig.view()
    rig.live(2)
    stood, before = rig.hub.tick, len(rig.parts())
    for _ in range(10):
        rig.run(0.5)
        rig.ack(tick=stood)
    later = rig.parts()[before:]
    assert any(part.snapshot for part in later)


def test_a_new_page_is_not_held_back_by_one_that_is_gone(rig):
    rig.chart(cap=10)
    rig.view("A")
    rig.live(2)
    rig.run(5)  # the page was closed or reloaded: it acknowledges no more, and credit is used up
    rig.transport.clear()
    rig.view("B")
    rig.run(0.2)
    assert rig.parts()[0].snapshot


def test_hidden_everywhere_nothing_is_sent_and_the_return_begins_with_a_snapshot(rig):
    rig.chart(cap=10)
    rig.view()
    rig.live(2)
    rig.view(visible=False)
    rig.transport.clear()
    rig.live(30)
    assert rig.transport.messages == []
    rig.view()
    rig.run(0.2)
    first = rig.parts()[0]
    assert first.snapshot
    newest = max(x for x, _ in shown(rig.page())) + first.origin
    assert rig.clock.now() - newest < 0.3e9


def test_a_chart_that_is_seen_nowhere_costs_nothing_beside_one_that_is(rig):
    rig.chart(1)
    rig.chart(2)
    rig.view(chart=1)
    rig.view(chart=2, visible=False)
    rig.live(2)
    assert {part.chart for part in rig.parts()} == {1}


def test_a_second_page_gets_a_snapshot_and_the_first_goes_on(rig):
    rig.chart(cap=10)
    rig.view("A")
    rig.live(2, "A")
    rig.transport.clear()
    rig.view("B")
    rig.live(1, "A")
    page = rig.page()
    assert rig.parts()[0].snapshot
    assert not page.stores[1].needs_snapshot
    assert sum(part.snapshot for part in rig.parts()) == 1


def test_the_widest_visible_view_sets_the_resolution(rig):
    session = rig.chart()
    rig.run(1)
    rig.view(view=1, width=300)
    rig.view(view=2, width=900)
    assert session.viewport.width == 900
    rig.view(view=2, width=900, visible=False)
    assert session.viewport.width == 300
    rig.view("B", view=1, width=500)
    assert session.viewport.width == 500
    rig.say("bye", "B", chart=1, view=1)
    assert session.viewport.width == 300


def test_a_wider_view_brings_finer_buckets(rig):
    rig.chart()
    rig.view(width=200)
    rig.live(1)
    coarse = rig.parts()[-1].generation
    rig.view(view=2, width=400)
    rig.run(0.2)
    metas = [part.meta["bucket_ns"] for part in rig.parts() if part.snapshot]
    assert metas[-1] == metas[0] // 2
    assert rig.parts()[-1].generation > coarse


def test_a_page_that_falls_silent_counts_as_gone(rig):
    rig.chart(cap=10)
    rig.view()
    rig.live(2)
    rig.run(15)
    rig.transport.clear()
    rig.run(10)
    assert rig.transport.messages == []
    rig.ack()
    rig.run(0.5)
    assert rig.parts()[0].snapshot


def test_deaf_it_goes_on_at_a_slow_rate_and_says_so(rig):
    rig.chart()
    rig.view()
    rig.live(1)
    rig.transport.clear()
    rig.transport.stop_ears()
    rig.run(20)
    assert 0.7 * 20 / OPEN_LOOP_S <= len(rig.parts()) <= 20 / OPEN_LOOP_S + 1
    said = [c["status"]["1"]["loop"] for c, _ in rig.transport.of_kind("tick") if "status" in c]
    assert set(said[1:]) == {"open"}
    rig.transport.stop_ears(deaf=False)
    rig.live(2)
    last = [c for c, _ in rig.transport.of_kind("tick") if "status" in c][-1]
    assert last["status"]["1"]["loop"] == "credit"


def test_a_chart_made_while_nothing_is_heard_is_drawn_for_a_view_that_cannot_say_so(rig):
    rig.chart()
    rig.transport.stop_ears()
    rig.run(5)
    assert rig.parts()[0].snapshot
    assert len(rig.parts()) > 10
    rig.transport.stop_ears(deaf=False)
    rig.transport.clear()
    rig.run(5)
    assert rig.transport.messages == []  # heard again, nobody says that the chart is there
    rig.view()
    rig.view(visible=False)
    rig.transport.stop_ears()
    rig.transport.clear()
    rig.run(5)
    assert rig.transport.messages == []  # its view has spoken: it is out of sight


def test_time_out_of_sight_is_no_latency(rig):
    rig.chart(cap=10)
    rig.view()
    rig.live(2)
    rig.view(visible=False)
    rig.run(30)
    rig.transport.clear()
    rig.view()
    rig.live(2)
    first, *later = [part.arrival for part in rig.parts()]
    assert math.isnan(first)
    now = rig.clock.now() / 1e6
    assert all(now - 2500 <= arrival <= now for arrival in later if not math.isnan(arrival))


def test_twenty_charts_share_one_message_a_beat(rig):
    for chart in range(1, 21):
        rig.chart(chart, cap=10)
        rig.view(chart=chart)
    rig.live(3)
    ticks = rig.transport.of_kind("tick")
    assert len(ticks) <= 3 * 10 + 3
    assert [content["tick"] for content, _ in ticks] == list(range(1, len(ticks) + 1))
    full = [read_packet(buffers[0])[1] for _, buffers in ticks if buffers]
    assert all(len(parts) == 20 for parts in full[1:])


def test_a_big_beat_goes_out_in_messages_under_a_mebibyte(rig):
    for chart in range(1, 5):
        rig.chart(chart, window=1000.0)
        rig.view(chart=chart, width=16_000)
    times = rig.clock.now() + np.arange(30_000) * 10_000_000
    for streamer in rig.streamers.values():
        columns = {f"y{i}": np.arange(30_000) % (7 + i) for i in range(3)}
        streamer.push({"time": times.astype("datetime64[ns]"), **columns})
    rig.engine.run(0.2)
    ticks = rig.transport.of_kind("tick")
    sizes = [len(buffers[0]) for _, buffers in ticks if buffers]
    assert len(sizes) > 1
    assert max(sizes) <= 2**20
    assert [content["tick"] for content, _ in ticks] == list(range(1, len(ticks) + 1))
    page = rig.page()
    assert {len(series) for store in page.stores.values() for series in store.series} != {0}
    assert not any(store.needs_snapshot for store in page.stores.values())


def test_one_chart_that_cannot_be_drawn_does_not_stop_the_others(rig, caplog):
    rig.chart(1)
    rig.chart(2)
    rig.sessions[1].advance = lambda: 1 / 0
    rig.view(chart=1)
    rig.view(chart=2)
    rig.live(2)
    assert {part.chart for part in rig.parts()} == {2}
    status = rig.transport.of_kind("tick")[-1][0]
    states = [c["status"] for c, _ in rig.transport.of_kind("tick") if "1" in c.get("status", {})]
    assert states[-1]["1"]["state"] == "failed"
    assert "ZeroDivisionError" in states[-1]["1"]["detail"]
    assert status["tick"] > 10
    assert "chart 1 cannot be drawn" in caplog.text


def test_a_frame_that_cannot_be_written_fails_its_chart_alone(rig, monkeypatch, caplog):
    from livewidget.engine import hub

    def encode(frame):
        if frame.chart == 1:
            raise ValueError("no bytes for this")
        return real(frame)

    real = hub.encode_frame
    monkeypatch.setattr(hub, "encode_frame", encode)
    for chart in (1, 2):
        rig.chart(chart)
        rig.view(chart=chart)
    rig.live(1)
    assert {part.chart for part in rig.parts()} == {2}
    assert "no bytes for this" in caplog.text


def test_half_a_surrogate_in_a_key_stops_nothing(rig):
    rig.chart(1, by="s", y=("y",))
    rig.view()
    rig.streamers[1].push({"time": rig.clock.now(), "y": 1.0, "s": ["a\ud800"]})
    rig.engine.run(0.2)
    assert rig.page().stores[1].names == ["a?"]


def test_a_closed_chart_is_told_and_a_view_of_it_is_answered(rig):
    rig.chart()
    rig.view()
    rig.live(1)
    rig.hub.remove(1, "closed in a test")
    rig.transport.clear()
    rig.run(0.5, push=False)
    assert rig.transport.of_kind("tick") == []
    rig.view()
    assert rig.transport.of_kind("closed") == [
        ({"kind": "closed", "chart": 1, "reason": "the chart was closed"}, [])
    ]
    rig.say("snapshot", chart=1, have=3)
    rig.say("range", chart=1, token=1, range=None)
    rig.say("bye", chart=1, view=1)
    rig.ack(charts={"1": {"sequence": 3, "drawn": 1, "draw_ms": 1.0, "age_ms": []}})
    assert rig.hub.inbox.malformed == 0


def test_status_comes_twice_a_second(rig):
    rig.chart()
    rig.view()
    rig.live(10)
    told = [c for c, _ in rig.transport.of_kind("tick") if "status" in c]
    assert 18 <= len(told) <= 24
    status = told[-1]["status"]["1"]
    assert (status["state"], status["cap"], status["loop"]) == ("live", 30.0, "credit")


def test_a_widget_of_figures_alone_brings_no_frames(rig):
    rig.chart()
    rig.view(width=0)
    rig.live(3)
    assert rig.parts() == []
    assert any("status" in content for content, _ in rig.transport.of_kind("tick"))
    assert WatchSession(2, rig.streamers[1]).advance() is None


def test_what_only_a_dashboard_shows_is_sent_only_while_one_is_looked_at(rig):
    def newest():
        return [c["status"]["1"] for c, _ in rig.transport.of_kind("tick") if "status" in c][-1]

    rig.chart()
    rig.view()
    rig.live(3)
    short = newest()
    assert short["quality"]["level"] == 0
    assert "findings" in short
    assert not {"stages", "histogram", "decisions", "compression"} & short.keys()
    rig.view(client="B", view=2, width=0)
    rig.engine.run(0.05)
    whole = newest()  # at once, and not with the next of its turns
    assert {"stages", "decisions", "compression"} <= whole.keys()
    assert whole["stages"]
    assert len(str(short)) < 0.5 * len(str(whole))
    rig.view(client="B", view=2, width=0, visible=False)
    rig.live(1)
    assert "stages" not in newest()
    rig.view(client="B", view=2, width=0)
    rig.live(1)
    assert "stages" in newest()
    rig.say("bye", client="B", chart=1, view=2)
    rig.live(1)
    assert "stages" not in newest()


def test_figures_that_cannot_be_had_do_not_stop_the_other_charts(rig, monkeypatch, caplog):
    rig.chart(1)
    rig.chart(2)
    rig.view(chart=1)
    rig.view(chart=2, view=2)

    def broken(*_, **__):
        raise RuntimeError("no figures")

    monkeypatch.setattr(rig.hub.monitor(2), "status", broken)
    rig.live(3)
    assert len(rig.parts(1)) > 80
    assert len(rig.parts(2)) > 80
    told = [c["status"] for c, _ in rig.transport.of_kind("tick") if "2" in c.get("status", {})]
    assert told[-1]["2"]["detail"] == "RuntimeError: no figures"
    assert caplog.text.count("the figures of chart 2 cannot be had") == 1


def test_a_stream_that_has_ended_is_told_of_until_no_rate_is_of_before(rig):
    rig.chart()
    rig.view()
    rig.live(4)
    rig.streamers[1].stop()
    rig.live(5, push=False)
    *_, newest = [c["status"]["1"] for c, _ in rig.transport.of_kind("tick") if "status" in c]
    assert (newest["state"], newest["rate"], newest["frame_rate"]) == ("ended", 0, 0)
    rig.live(3, push=False)
    rig.transport.clear()
    rig.live(5, push=False)
    assert not rig.transport.of_kind("tick")


def test_a_chart_that_cannot_be_drawn_says_so_and_its_figures_go_on(rig):
    rig.chart(y=["absent"])
    rig.view()
    rig.live(3)
    *_, newest = [c["status"]["1"] for c, _ in rig.transport.of_kind("tick") if "status" in c]
    assert newest["state"] == "failed"
    assert newest["limit"].startswith("The picture cannot be drawn: ")
    assert newest["received"] > 100
    assert newest["rate"] > 10


def test_while_nobody_can_be_heard_a_status_is_whole(rig):
    rig.chart()
    rig.view()
    rig.live(1)
    rig.transport.stop_ears()
    rig.transport.clear()
    rig.run(2)
    *_, newest = [c["status"]["1"] for c, _ in rig.transport.of_kind("tick") if "status" in c]
    assert newest["stages"]


def test_a_zoom_is_echoed_and_stays_while_data_arrives(rig):
    rig.chart()
    rig.view()
    rig.live(3)
    start, stop = rig.clock.now() - 2_000_000_000, rig.clock.now() - 1_000_000_000
    rig.say("range", chart=1, token=77, range=[str(start), str(stop)])
    rig.live(2)
    part = rig.parts()[-1]
    assert (part.viewport, part.follow) == (77, False)
    assert (part.start + part.origin, part.stop + part.origin) == (start, stop)
    rig.say("range", chart=1, token=78, range=None)
    rig.live(1)
    part = rig.parts()[-1]
    assert (part.viewport, part.follow) == (78, True)


def test_a_paused_chart_stands_still_and_resuming_says_what_passed(rig):
    session = rig.chart()
    rig.view()
    rig.live(2)
    session.pause(rig.clock.now())
    rig.live(1)
    before = rig.page().dump()
    rig.live(5)
    assert rig.page().dump() == before
    rig.transport.clear()
    session.resume(rig.clock.now())
    assert "6.0 s and 300 events passed" in session.notice(rig.clock.now())
    rig.live(1)
    assert rig.parts()[0].snapshot
