import asyncio
import math
import threading

import pytest

from livewidget.data.errors import SettingError
from livewidget.sources import resolve
from livewidget.testing import wait_for


async def tick(clock, seconds):
    """Advance once the source sleeps, in steps that no sleep of it is longer than."""
    for _ in range(round(seconds / 0.25)):
        await wait_for(lambda: clock.sleepers)
        clock.advance(0.25)


async def test_a_function_is_asked_at_its_interval(outlet, running, clock):
    running(resolve(lambda: 7.0, interval=0.5, clock=clock), outlet)
    await wait_for(lambda: len(outlet.data) == 1)
    await tick(clock, 1.5)
    await wait_for(lambda: len(outlet.data) == 4)
    times = outlet.column("time")
    assert [time - times[0] for time in times] == [0, 5e8, 1e9, 15e8]
    assert outlet.column("value") == [7.0] * 4


async def test_a_new_interval_counts_at_once(outlet, running, clock):
    source = resolve(lambda: 1.0, interval=3600.0, clock=clock)
    running(source, outlet)
    await wait_for(lambda: len(outlet.data) == 1)
    source.interval = 1.0
    await tick(clock, 1.0)
    await wait_for(lambda: len(outlet.data) == 2)


async def test_a_slow_function_misses_beats_and_never_overlaps(outlet, running, clock):
    inside = []

    def slow():
        inside.append(threading.get_ident())
        clock.advance(2.6)
        return 1.0

    source = resolve(slow, interval=1.0, clock=clock)
    running(source, outlet)
    await wait_for(lambda: clock.sleepers)
    assert (len(inside), source.missed) == (1, 2)
    await tick(clock, 0.5)
    await wait_for(lambda: len(inside) == 2)
    assert clock.monotonic() >= 3.0
    assert len(set(inside)) == 1


async def test_a_coroutine_function_is_awaited_on_the_loop(outlet, running, clock):
    threads = []

    async def read():
        threads.append(threading.current_thread())
        return {"a": 1}

    running(resolve(read, clock=clock), outlet)
    await wait_for(lambda: outlet.data)
    assert threads == [threading.current_thread()]


async def test_none_is_nothing_new_and_a_bad_value_is_rejected(outlet, running, clock):
    answers = iter([None, "text", 3.0])
    running(resolve(lambda: next(answers), interval=0.25, clock=clock), outlet)
    await tick(clock, 0.5)
    await wait_for(lambda: outlet.data)
    assert outlet.column("value") == [3.0]
    assert [payload for payload, _ in outlet.rejected] == ["text"]


async def test_a_function_that_raises_ends_the_source(outlet, running):
    with pytest.raises(ZeroDivisionError):
        await running(resolve(lambda: 1 / 0), outlet)


async def test_cancelling_while_the_function_runs_leaves_no_thread(outlet, running):
    gate, inside = threading.Event(), threading.Event()

    def wait():
        inside.set()
        gate.wait()

    task = running(resolve(wait), outlet)
    await wait_for(inside.is_set)
    task.cancel()
    gate.set()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize("interval", [0, -1, math.inf, math.nan, "1s"])
def test_an_impossible_interval_is_refused(interval):
    with pytest.raises(SettingError, match="interval"):
        resolve(lambda: 1, interval=interval)
