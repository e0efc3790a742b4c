import asyncio
import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.app.produce import producer_for
from livewidget.data.errors import SettingError, SinkError
from livewidget.sinks import FileSink
from livewidget.testing import ManualClock, wait_for

START = ManualClock().now()


async def asleep(clock, task):
    """Whether it goes on, once it sleeps or has ended; turns of the loop are all it takes."""
    while not clock.sleepers and not task.done():  # noqa: ASYNC110  (it waits for turns of the loop)
        await asyncio.sleep(0)
    return not task.done()


async def played(producer, clock, step_s):
    """Run a producer, moving its clock whenever it sleeps; its summary and the seconds it took."""
    task = asyncio.create_task(producer.run())
    while await asleep(clock, task):
        clock.advance(step_s)
    return await task, clock.monotonic()


@pytest.mark.parametrize("rate", [0.5, 7.0, 100.0, 333.3, 50_000.0])
async def test_events_go_out_when_they_are_due_and_nothing_drifts(clock, sink, rate):
    producer = producer_for("walk", sink, rate=rate, duration=20.0, clock=clock)
    step_s = 0.0073  # no multiple of anything: every sleep is overslept
    summary, _ = await played(producer, clock, step_s)
    total = math.ceil(rate * 20)
    assert summary.events == len(sink.all) == total
    assert summary.rate == pytest.approx(rate, rel=0.002 if total > 100 else 0.2)
    due = np.arange(total) / rate
    sent = np.repeat(sink.moments, [len(batch) for batch in sink.batches])
    assert (sent >= due - 1e-6).all(), "none before its time"
    assert (sent - due).max() < 0.01 + 2 * step_s, "and none later than a beat, to the end"
    assert abs(sink.all.times - START - due * 1e9).max() <= 1
    assert sink.opened
    assert sink.closed


async def test_a_batch_every_10_ms_whatever_the_rate(clock, sink):
    await played(producer_for("walk", sink, rate=1e5, duration=1, clock=clock), clock, 0.001)
    assert 95 <= len(sink.batches) <= 101
    assert max(map(len, sink.batches)) <= 1_100


async def test_a_sink_that_stalls_moves_the_schedule_and_no_event_is_left_out(clock, sink):
    producer = producer_for("orders", sink, rate=1000, count=20_000, clock=clock)
    task = asyncio.create_task(producer.run())
    while await asleep(clock, task):
        holds = sink.hold_s > 0
        clock.advance(5.0 if holds else 0.01)
        sink.hold_s = 5.0 if not holds and len(sink.batches) == 100 else 0.0
    await task
    assert sink.all["sequence"].tolist() == list(range(20_000))
    assert max(map(len, sink.batches)) <= 1_000, "a second is made up for, not five"
    assert clock.monotonic() == pytest.approx(20 + 4, abs=0.5)
    steps = np.diff(sink.all.times)
    assert (steps > 0).all()
    assert steps.max() == pytest.approx(4e9, rel=0.05), "the times tell of the stall"


async def test_the_duration_ends_it_in_spite_of_a_stall(clock, sink):
    sink.hold_s = 3.0
    producer = producer_for("walk", sink, rate=1000, duration=10, clock=clock)
    summary, seconds = await played(producer, clock, 0.5)
    assert summary.events < 10_000
    assert seconds <= 10 + 3 + 1


@settings(deadline=None, max_examples=50)
@given(st.floats(0.01, 1e4), st.integers(1, 200), st.integers(1, 500))
def test_the_count_is_exact(rate, count, step_ms):
    async def run():
        clock = ManualClock()
        sink = FileSink(os.devnull)
        producer = producer_for("walk", sink, rate=rate, count=count, clock=clock)
        summary, _ = await played(producer, clock, max(step_ms / 1e3, 1 / rate))
        return summary.events

    assert asyncio.run(run()) == count


async def test_faults_are_those_asked_for(clock, sink):
    producer = producer_for(
        "orders", sink, rate=1000, count=10_000, late=0.05, duplicate=0.1, seed=1, clock=clock
    )
    summary, _ = await played(producer, clock, 0.01)
    numbers = sink.all["sequence"]
    assert sorted(set(numbers)) == list(range(10_000))
    assert summary.events == len(numbers)
    assert 900 < len(numbers) - 10_000 < 1_100
    assert 300 < int((np.diff(numbers) < 0).sum()) < 700


async def test_a_sink_that_fails_ends_it_closed(clock, sink):
    sink.error = SinkError("the disk is full")
    with pytest.raises(SinkError, match="the disk is full"):
        await producer_for("walk", sink, clock=clock).run()
    assert sink.closed


async def test_cancelled_it_closes_the_sink_and_knows_what_it_did(clock, sink):
    producer = producer_for("walk", sink, rate=10, clock=clock)
    task = asyncio.create_task(producer.run())
    for _ in range(5):
        await wait_for(lambda: clock.sleepers)
        clock.advance(0.1)
    await wait_for(lambda: producer.events == 6)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sink.closed
    assert str(producer.summary()) == "6 events in 0.5 s, 10.0 a second"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0}, "rate is events a second, above 0 and up to 1e9; got 0"),
        ({"rate": math.nan}, "rate is events a second"),
        ({"duration": 0}, "duration is a number above 0, got 0"),
        ({"count": 0}, "count is a whole number above 0, got 0"),
        ({"count": 2.5}, "count is a whole number above 0, got 2.5"),
        ({"late": 2}, "late is a probability"),
        ({"malformed": 0.5}, "malformed is for sinks that send messages"),
        ({"names": ["a"]}, "names are for"),
    ],
)
def test_a_setting_that_cannot_be_is_named(sink, options, message):
    with pytest.raises(SettingError, match=message):
        producer_for("walk", sink, **options)
