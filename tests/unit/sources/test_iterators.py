import asyncio
import threading

import pandas as pd
import pytest

from livewidget.data.events import State
from livewidget.sources import resolve
from livewidget.sources.iterators import IteratorSource
from livewidget.testing import wait_for


async def numbers(count, closed=None):
    try:
        for number in range(count):
            yield {"a": number}
            await asyncio.sleep(0)
    finally:
        if closed is not None:
            closed.append(True)


async def test_an_async_iterator_is_read_to_its_end(outlet, running):
    await running(resolve(numbers(10_000)), outlet)
    assert outlet.column("a") == list(range(10_000))
    assert len(outlet.data) < 2_000  # together, not one at a time
    assert outlet.states == [(State.LIVE, "", 0)]


async def test_an_async_iterator_that_never_waits_lets_the_loop_go_on(outlet, running):
    class Greedy:
        def __aiter__(self):
            return self

        async def __anext__(self):
            return 1.0

    running(resolve(Greedy()), outlet)
    await wait_for(lambda: len(outlet.data) >= 2)


async def test_cancelling_closes_an_async_generator(outlet, running):
    closed = []

    async def endless():
        try:
            while True:
                yield 1.0
                await asyncio.sleep(0)
        finally:
            closed.append(True)

    task = running(resolve(endless()), outlet)
    await wait_for(lambda: outlet.data)
    task.cancel()
    await asyncio.wait([task])
    assert closed


async def test_a_generator_is_read_in_one_thread_of_its_own(outlet, running):
    threads = set()

    def generator():
        for number in range(5_000):
            threads.add(threading.current_thread())
            yield {"a": number}

    await running(resolve(generator()), outlet)
    assert outlet.column("a") == list(range(5_000))
    assert len(outlet.data) < 1_000
    assert len(threads) == 1
    assert threading.main_thread() not in threads


async def test_an_item_is_delivered_while_the_generator_waits_for_the_next(outlet, running):
    gate = threading.Event()

    def generator():
        yield {"a": 1}
        gate.wait()
        yield {"a": 2}

    task = running(resolve(generator()), outlet)
    await wait_for(lambda: outlet.column("a") == [1])
    gate.set()
    await task
    assert outlet.column("a") == [1, 2]


async def test_a_generator_faster_than_the_loop_is_slowed_down_not_dropped(outlet, running):
    made = []

    def endless():
        while True:
            made.append(len(made))
            yield {"a": made[-1]}

    task = running(IteratorSource(endless(), bound=100), outlet)
    await wait_for(lambda: len(outlet.data) >= 3)
    task.cancel()
    await asyncio.wait([task])
    seen = outlet.column("a")
    assert seen == made[: len(seen)]
    assert len(made) - len(seen) <= 201
    assert max(len(data) for data in outlet.data) <= 100


async def test_cancelling_closes_a_generator_in_its_own_thread(outlet, running):
    closed = []

    def endless():
        thread = threading.current_thread()
        try:
            while True:
                yield 1.0
        finally:
            closed.append(threading.current_thread() is thread)

    task = running(resolve(endless()), outlet)
    await wait_for(lambda: outlet.data)
    task.cancel()
    await asyncio.wait([task])
    assert closed == [True]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_source_that_raises_delivers_what_came_before_and_raises(kind, outlet, running):
    def generator():
        yield {"a": 1}
        raise ZeroDivisionError("the sensor is gone")

    async def async_generator():
        for item in generator():
            yield item

    source = resolve(generator() if kind == "sync" else async_generator())
    with pytest.raises(ZeroDivisionError, match="the sensor is gone"):
        await running(source, outlet)
    assert outlet.column("a") == [1]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_one_bad_item_is_rejected_and_does_not_stop_it(kind, outlet, running):
    items = [{"a": 1}, "no record", None, {"a": 2}, pd.DataFrame({"a": [3, 4]}), (1, 2, 3, 4)]

    async def async_generator():
        for item in items:
            yield item

    await running(resolve(iter(items) if kind == "sync" else async_generator()), outlet)
    assert outlet.column("a") == [1, 2, 3, 4]
    assert [payload for payload, _ in outlet.rejected] == ["no record", None, (1, 2, 3, 4)]


async def test_plain_numbers_are_stamped_when_they_come(outlet, running, clock):
    def generator():
        for number in (1.0, 2.0):
            yield number
            clock.advance(1.0)

    await running(resolve(generator(), clock=clock), outlet)
    first, second = outlet.column("time")
    assert second - first == 1_000_000_000
    assert outlet.column("value") == [1.0, 2.0]
