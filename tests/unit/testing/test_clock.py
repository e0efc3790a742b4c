import asyncio

from livewidget.testing import ManualClock, wait_for


async def test_advancing_wakes_sleepers_in_the_order_of_their_times():
    clock, woken = ManualClock(now=5), []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleeper(each)) for each in (3.0, 1.0, 2.0)]
    await wait_for(lambda: clock.sleepers == 3)
    clock.advance(2.0)
    await wait_for(lambda: len(woken) == 2)
    assert woken == [1.0, 2.0]
    assert (clock.now(), clock.monotonic()) == (5 + 2_000_000_000, 2.0)
    clock.advance(1.0)
    await asyncio.gather(*tasks)


async def test_a_cancelled_sleeper_is_forgotten():
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1.0))
    await wait_for(lambda: clock.sleepers)
    task.cancel()
    await asyncio.wait([task])
    assert clock.sleepers == 0


def test_the_wall_clock_may_jump_and_the_steady_one_does_not():
    clock = ManualClock(now=100)
    clock.advance(1.0)
    clock.set_wall(7)
    assert (clock.now(), clock.monotonic()) == (7, 1.0)
