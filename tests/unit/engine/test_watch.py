"""What is read of a stream and its chart, what may be done about it, and how that is asked for."""

from dataclasses import replace

import numpy as np
import pytest

from livewidget.buffers.budget import Budget
from livewidget.buffers.queue import Queue
from livewidget.data.errors import SettingError
from livewidget.engine.buffer import BufferManager
from livewidget.engine.remedies import Remedies
from livewidget.engine.stages import Stages
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.engine.watch import Watch
from livewidget.monitor.bottleneck import Limit
from livewidget.monitor.stages import Stage
from livewidget.pipeline import Clip
from livewidget.testing import ManualClock, wait_until

from .rig import NO_ENGINE


def named(parts, name):
    return next(each for each in parts["stages"] if each["name"] == name)


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def test_a_stream_that_is_pushed_to():
    clock = ManualClock()
    streamer = DataStreamer(engine=NO_ENGINE, clock=clock)
    stages = Stages(streamer, clock=clock)
    stages.read(clock.monotonic())
    for _ in range(4):
        streamer.push({"y": np.zeros(500)})
        clock.advance(0.5)
    streamer.drain()
    source, buffer = stages.read(clock.monotonic())
    assert (source.name, source.served, source.state) == ("source", 1000.0, "live")
    assert (buffer.name, buffer.served, buffer.queue) == ("buffer", 1000.0, 0)
    assert 0 < buffer.busy < 0.5


def test_what_waits_and_what_is_dropped_before_the_operators(engine):
    streamer = DataStreamer(
        pipeline=Clip({"y": (0, 1)}),
        queue=Queue(
            rows=100, overflow="drop_oldest", underflow="wait", linger_s=60, batch_rows=200
        ),
        engine=engine,
    )
    stages = Stages(streamer)
    stages.read(0.0)
    streamer.push({"y": np.zeros(60)})
    pipeline = stages.read(1.0)[1]
    assert (pipeline.label, pipeline.queue, pipeline.capacity) == ("clip", 60, 100)
    assert (pipeline.arrived, pipeline.growth) == (60.0, 60.0)
    streamer.push({"y": np.zeros(90)})
    pipeline = stages.read(2.0)[1]
    assert (pipeline.queue, pipeline.dropped) == (100, 50.0)


def test_a_chart_and_its_page(rig):
    session = rig.chart(cap=20.0)
    session.quality = "high"  # nothing gives way by itself
    stages = Stages(rig.streamers[1], session, rig.hub, rig.clock)
    rig.view()
    for _ in range(4):
        rig.run(1.0)
        rig.ack(charts={"1": {"drawn": 10, "draw_ms": 50.0, "age_ms": [30.0]}})
        *_, frames, link, browser = stages.read(rig.clock.monotonic())
    assert frames.arrived == 20.0
    assert frames.served == pytest.approx(20.0, rel=0.1)
    assert link.queue == 0
    assert browser.served == pytest.approx(10.0, rel=0.1)
    assert browser.busy == pytest.approx(0.5, rel=0.1)
    assert rig.hub.drawing.age_ms(1) == pytest.approx(30.0, abs=1)


def test_a_page_that_tells_no_more_is_no_browser(rig):
    session = rig.chart()
    stages = Stages(rig.streamers[1], session, rig.hub, rig.clock)
    rig.view()
    for _ in range(3):
        rig.run(1.0)
        rig.ack(charts={"1": {"drawn": 10, "draw_ms": 50.0, "age_ms": []}})
        stages.read(rig.clock.monotonic())
    rig.run(6.0)
    assert [each.name for each in stages.read(rig.clock.monotonic())][-1] == "link"
    rig.hub.remove(1, "done")
    assert rig.hub.drawing.age_ms(1) is None


def test_credit_that_is_used_up_is_time_that_frames_are_held(rig):
    rig.chart()
    rig.view()
    rig.run(4.0)  # and nothing is acknowledged
    assert rig.hub.drawing.held._depth == 1
    rig.ack()
    rig.run(0.2)
    assert rig.hub.drawing.held._depth == 0


def slow_page(rig, watch, seconds):
    """A page that draws 10 frames a second at 95 ms each, whatever the cap, or fewer at a lower."""
    for _ in range(seconds):
        rig.run(1.0)
        drawn = min(10, int(rig.sessions[1].cap))
        rig.ack(charts={"1": {"drawn": drawn, "draw_ms": 95.0, "age_ms": []}})
        parts = watch.parts()
    return {each["id"]: each for each in parts["findings"]}, parts


def test_a_slow_page_is_found_helped_and_let_go(rig):
    session = rig.chart(cap=30.0)
    session.quality = "fast"  # what gives way by itself has
    watch = Watch(rig.streamers[1], session, rig.hub, rig.clock)
    session.on_advice = watch.take
    rig.view()
    found, parts = slow_page(rig, watch, 8)
    assert found["bottleneck-browser"]["action"] == "Draw at most 6 frames a second"
    assert named(parts, "browser")["limits"]
    rig.say("advice", chart=1, action="apply", finding="bottleneck-browser")
    assert session.cap == 6.0
    found, _ = slow_page(rig, watch, 9)
    assert found["bottleneck-browser"]["status"] == "helped"
    rig.say("advice", chart=1, action="undo", finding="bottleneck-browser")
    assert session.cap == 30.0
    found, _ = slow_page(rig, watch, 1)
    assert found["bottleneck-browser"]["status"] == "taken back"


def test_what_does_not_help_a_page_is_taken_back(rig):
    session = rig.chart(cap=30.0)
    watch = Watch(rig.streamers[1], session, rig.hub, rig.clock)
    rig.view()
    slow_page(rig, watch, 8)
    watch.apply("bottleneck-browser")
    for _ in range(9):  # whatever the cap, it is as busy as before
        rig.run(1.0)
        rig.ack(charts={"1": {"drawn": 10, "draw_ms": 95.0, "age_ms": []}})
        watch.parts()
    assert session.cap == 30.0
    (finding,) = (each for each in watch.findings if each.id == "bottleneck-browser")
    assert finding.status == "taken back"
    assert "did not help" in finding.text


def test_what_an_ending_stream_leaves_undecided_is_taken_back(rig):
    session = rig.chart(cap=30.0)
    session.quality = "fast"
    rig.view()
    watch = Watch(rig.streamers[1], session, rig.hub, rig.clock)
    slow_page(rig, watch, 8)
    watch.apply("bottleneck-browser")
    assert session.cap < 30.0
    rig.streamers[1].stop()
    rig.clock.advance(1.0)
    watch.parts()
    assert session.cap == 30.0
    (finding,) = (each for each in watch.findings if each.id == "bottleneck-browser")
    assert finding.status == "taken back"
    assert "the stream ended before" in finding.text
    with pytest.raises(SettingError, match="the stream ended"):
        watch.apply("bottleneck-browser")


@pytest.mark.parametrize(("quality", "label"), [("high", 'quality="fast"'), ("fast", "at most 6")])
def test_quality_gives_way_before_the_frame_rate_does(rig, quality, label):
    session = rig.chart(cap=30.0)
    session.quality = quality
    browser = Limit("browser", "browser", "", {"busy": 0.95, "served": 10.0})
    _, action = Remedies(rig.streamers[1], session, tuple)(browser)
    assert label in action.label
    action.apply()
    assert (session.quality, session.cap) == ("fast", 30.0 if quality == "high" else 6.0)
    action.undo()
    assert (session.quality, session.cap) == (quality, 30.0)


def test_a_frame_rate_that_was_lowered_on_purpose_is_what_is_asked(rig):
    session = rig.chart(cap=30.0)
    session.draw_by(replace(session.setting, fps=10.0))
    stages = Stages(rig.streamers[1], session, rig.hub, rig.clock)
    rig.view()
    assert stages.read(rig.clock.monotonic())[-2].arrived == 10.0


@pytest.mark.parametrize(
    "content",
    [
        {"chart": 1, "action": "delete", "finding": "x"},
        {"chart": 1, "action": "apply", "finding": 7},
        {"chart": 1, "action": "apply"},
        {"chart": "one", "action": "apply", "finding": "x"},
    ],
)
def test_advice_that_does_not_fit_is_counted(rig, content):
    rig.chart().on_advice = lambda *_: pytest.fail("it was taken")
    rig.say("advice", **content)
    assert rig.hub.inbox.malformed == 1


def test_advice_that_is_over_is_passed_by(rig):
    session = rig.chart()
    rig.say("advice", chart=1, action="apply", finding="x")  # nobody watches
    session.on_advice = Watch(rig.streamers[1], session, rig.hub, rig.clock).take
    rig.say("advice", chart=1, action="apply", finding="x")
    rig.say("advice", chart=1, action="undo", finding="x")
    rig.say("advice", chart=9, action="undo", finding="x")
    assert rig.hub.inbox.malformed == 0


def test_it_reads_at_most_once_a_second():
    clock = ManualClock()
    watch = Watch(DataStreamer(engine=NO_ENGINE, clock=clock), clock=clock)
    first = watch.parts()
    stages = watch.stages
    clock.advance(0.5)
    assert watch.parts() == first
    assert watch.stages is stages
    clock.advance(0.5)
    watch.parts()
    assert watch.stages is not stages
    with pytest.raises(SettingError, match="no finding 'x'"):
        watch.apply("x")


# -- what can be done


def remedies(streamer, *stages):
    return Remedies(streamer, None, lambda: stages)


def limit(stage, label="it", **numbers):
    return Limit(stage, label, "", numbers)


def test_small_batches_are_made_larger(engine):
    streamer = DataStreamer(pipeline=Clip({"y": (0, 1)}), queue=Queue(batch_rows=10), engine=engine)
    busy = Stage(name="pipeline", label="it", served=1000.0, busy=0.5)
    hint, action = remedies(streamer, busy)(limit("pipeline"))
    queue = streamer.inside[0].flow.queue
    assert "workers=" in hint
    assert action.check.read() == 500.0  # µs a row
    action.apply()
    assert queue.settings.batch_rows == 10_000
    action.undo()
    assert queue.settings.batch_rows == 10
    streamer.stop()


def test_a_source_that_is_held_may_lose_the_oldest_instead(engine):
    streamer = DataStreamer(pipeline=Clip({"y": (0, 1)}), engine=engine)
    _, nothing = remedies(streamer, Stage(name="source", label="s"))(limit("pipeline"))
    assert nothing is None
    held = Stage(name="source", label="s", held=0.8)
    _, action = remedies(streamer, held)(limit("pipeline"))
    action.apply()
    assert streamer.inside[0].flow.queue.settings.overflow == "drop_oldest"
    assert action.check.read() == 0.8
    action.undo()
    assert streamer.inside[0].flow.queue.settings.overflow == "block"
    streamer.stop()


def test_a_sink_is_given_more_at_once(engine):
    streamer = DataStreamer(engine=engine)
    seen = []

    async def slow(batch):
        seen.append(len(batch))

    output = streamer.send_to(slow, as_batch=True, batch_rows=5)
    known = remedies(streamer, Stage(name="sink", label=output.name))
    assert known(limit("sink", output.name)) == ("", None)  # nothing waits
    assert known(limit("sink", "another")) == ("", None)
    action = known._larger(output, 50, limit("sink", output.name))
    action.apply()
    streamer.push({"y": np.zeros(200)})
    wait_until(lambda: sum(seen) == 200)
    assert max(seen) == 50
    action.undo()
    assert output.delivery.batch_rows == 5
    streamer.stop()


def test_the_budget_is_raised_where_the_machine_has_the_memory():
    budget = Budget(64 * 2**20)
    streamer = DataStreamer(buffer=BufferManager(budget=budget), engine=NO_ENGINE)
    streamer.push({"y": np.zeros(1000)})
    streamer.drain()
    action = remedies(streamer).rescue()
    before = action.check.read()
    action.apply()
    assert budget.max_bytes == 96 * 2**20
    assert action.check.helped(before, action.check.read())
    budget.max_bytes = 10**9  # somebody else has set it since: that stays
    action.undo()
    assert budget.max_bytes == 10**9
    assert (
        remedies(
            DataStreamer(buffer=BufferManager(budget=Budget(2**50)), engine=NO_ENGINE)
        ).rescue()
        is None
    )


def test_what_cannot_be_changed_is_said_or_not_at_all():
    streamer = DataStreamer(engine=NO_ENGINE)
    known = remedies(streamer, Stage(name="source", label="s", state="rate limit"))
    assert known(limit("source")) == ("rate_limit sets that.", None)
    assert known(limit("store"))[1] is None
    assert known(limit("buffer")) == ("", None)
    assert known(limit("browser")) == ("", None)  # no chart is watched
    assert known(limit("pipeline")) == ("", None)  # there is none
