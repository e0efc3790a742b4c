"""The source of a user's own that the guide shows, word for word."""

import asyncio
import random

from livewidget.data.events import State
from livewidget.engine.streamer import DataStreamer
from livewidget.sources import Source
from livewidget.testing import wait_for, wait_until


# The guide begins here.
class Dice(Source):
    name = "dice"

    async def run(self, outlet):
        while True:
            outlet.emit({"value": random.randint(1, 6)})  # stamped with the time
            await outlet.ready()  # waits while nobody can keep up
            await asyncio.sleep(0.1)


# And ends here.


async def test_it_throws_until_it_is_stopped(outlet, running):
    task = running(Dice(), outlet)
    await wait_for(lambda: len(outlet.rows) >= 2)
    assert set(outlet.column("value")) <= set(range(1, 7))
    task.cancel()


def test_it_feeds_a_streamer_and_leaves_with_it():
    with DataStreamer(Dice()) as streamer:
        wait_until(lambda: len(streamer.to_dataframe()) >= 2)
        assert list(streamer.to_dataframe().columns) == ["time", "value"]
        assert streamer.state[0] is State.LIVE
