"""Several connections over links of different length, cut at random: no loss is untold."""

import asyncio
import random
from collections import deque

import pytest

from livewidget.data.events import State
from livewidget.sources import Fallback, HotHot, Source
from livewidget.sources.several import LONGEST_S
from livewidget.testing import ManualClock, RecordingOutlet, SourceRunner

TICK_S = 0.01
OVERLAP_S = 0.25  # more than the longest link's delay
CUTS = 3_000  # ticks in which links are cut
QUIET = round((LONGEST_S + 1.0) / TICK_S)  # and then are not: longer than anything waits


class Link(Source):
    """A feed of what is new, `delay` ticks away. What is on its way as it is cut is lost.

    A later connection says with its first message that something was missed, as a WebSocket's does.
    """

    def __init__(self, name, delay):
        self.name = name
        self._delay = delay
        self._way = deque()
        self._outlet = None
        self._returns = None  # at which tick, while it is cut
        self._heard, self._new = False, False

    async def run(self, outlet):
        self._outlet, self._returns = outlet, 0
        try:
            await asyncio.Event().wait()
        finally:
            self._outlet = None
            self._way.clear()

    def cut(self, until):
        if self._outlet is not None and self._returns is None:
            self._way.clear()
            self._returns = until
            self._outlet.state(State.RECONNECTING, "cut", 1)

    def step(self, tick, number):
        """Let a tick pass in which the server sends `number`."""
        if self._outlet is None:
            return
        if self._returns is not None and self._returns <= tick:
            self._returns, self._new = None, True
            self._outlet.state(State.LIVE)
        if self._returns is None:
            self._way.append((tick + self._delay, number))
        while self._way and self._way[0][0] <= tick:
            if self._new and self._heard:
                self._outlet.gap(None, None, "the connection was lost")
            self._heard, self._new = True, False
            self._outlet.emit({"n": [self._way.popleft()[1]]})


class Told(RecordingOutlet):
    """The numbers as they came, and the gaps from the row before to the row behind."""

    def __init__(self):
        super().__init__()
        self.numbers, self.spans = [], []
        self._marked = False

    def emit(self, data):
        [number] = data["n"]
        if self._marked and self.numbers:
            self.spans.append((self.numbers[-1], number))
        self._marked = False
        self.numbers.append(number)
        return super().emit(data)

    def gap(self, start, stop, reason):
        self._marked = True
        super().gap(start, stop, reason)

    def untold(self):
        """What is missing between the first and the last, and lies in no gap."""
        missing = set(range(min(self.numbers), max(self.numbers))) - set(self.numbers)
        return sorted(n for n in missing if not any(a < n < b for a, b in self.spans))


async def over_cuts(feed, links, clock, outlet, moments):
    async with SourceRunner() as runner:
        runner.start(feed, outlet)
        for tick in range(CUTS + QUIET):
            for link in links:
                link.step(tick, tick)
                if tick < CUTS and moments.random() < 0.03:
                    link.cut(tick + moments.choice([1, 10, 20, 26]))
            clock.advance(TICK_S)
            for _ in range(moments.choice([0, 0, 0, 9])):  # the loop has other things to do
                await asyncio.sleep(0)


@pytest.mark.parametrize("kind", [HotHot, Fallback])
@pytest.mark.parametrize("delays", [(2, 20), (20, 2), (12, 0, 5)])
@pytest.mark.parametrize("seed", range(14))
async def test_all_that_is_missing_lies_in_a_gap(kind, delays, seed):
    clock, outlet = ManualClock(), Told()
    links = [Link(str(place), delay) for place, delay in enumerate(delays)]
    more = {"probe_s": 0.1, "failures": 1} if kind is Fallback else {}
    feed = kind(links, unique="n", overlap_s=OVERLAP_S, clock=clock, **more)
    await over_cuts(feed, links, clock, outlet, random.Random(seed))
    assert max(outlet.numbers) > CUTS
    assert outlet.untold() == []
