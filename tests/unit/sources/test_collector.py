import asyncio
import time

import pytest

from livewidget.sources.collector import BUSY_DELAY_S, Collector
from livewidget.testing import wait_for


async def test_items_of_one_moment_go_out_together():
    delivered = []
    collector = Collector(delivered.append)
    for item in range(5):
        assert collector.add(item) is False
    assert delivered == []
    await wait_for(lambda: delivered)
    assert delivered == [[0, 1, 2, 3, 4]]


async def test_it_delivers_when_full_and_never_holds_more():
    delivered = []
    collector = Collector(delivered.append, most=3, delay_s=3600)
    assert [collector.add(item) for item in range(7)] == [False, False, True] * 2 + [False]
    assert delivered == [[0, 1, 2], [3, 4, 5]]
    assert collector.add(7, size=2) is True
    collector.close()
    assert delivered[2:] == [[6, 7]]


async def test_a_failed_delivery_reaches_the_owner():
    def fail(items):
        raise ValueError(items)

    collector = Collector(fail, delay_s=0)
    collector.add(1)
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    with pytest.raises(ValueError, match=r"\[1\]"):
        collector.close()


async def test_a_loop_that_is_late_gets_fewer_deliveries_until_it_is_on_time():
    delivered = []
    collector = Collector(delivered.append, delay_s=0.002)

    async def deliver():
        count = len(delivered)
        collector.add(count)
        await wait_for(lambda: len(delivered) > count)

    for _ in range(5):
        asyncio.get_running_loop().call_soon(time.sleep, 2 * BUSY_DELAY_S)
        await deliver()
    assert collector._delay_s == BUSY_DELAY_S
    while collector._delay_s == BUSY_DELAY_S:
        await deliver()
    assert 0.002 < collector._delay_s < BUSY_DELAY_S
