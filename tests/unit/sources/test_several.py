"""How connections join and leave, played by hand."""

import asyncio

import pytest

from livewidget.data.errors import SourceError
from livewidget.data.events import State
from livewidget.sources import Fallback, HotHot, Source
from livewidget.sources.several import LONGEST_S, MOST_HELD
from livewidget.testing import wait_for

GAP = (None, None, "all connections were lost")


class Puppet(Source):
    """Says and delivers what a test has it say and deliver."""

    def __init__(self, name):
        self.name = name
        self.outlet = None
        self.ends = asyncio.Event()
        self.fails = False  # as it ends

    async def run(self, outlet):
        self.outlet = outlet
        outlet.state(State.LIVE)
        await self.ends.wait()
        if self.fails:
            raise SourceError("refused")

    def deliver(self, *numbers):
        for number in numbers:
            self.outlet.emit({"n": [number]})

    def lose(self):
        self.outlet.state(State.RECONNECTING, "lost", 1)

    def come_back(self):
        self.outlet.state(State.LIVE)
        self.outlet.gap(None, None, "the connection was lost")


class Order:
    """What an outlet was told, gaps among the data."""

    def __init__(self, outlet):
        self.told = []
        self._emit, self._gap = outlet.emit, outlet.gap
        outlet.emit, outlet.gap = self.emit, self.gap

    def emit(self, data):
        self.told.append(data["n"][0])
        return self._emit(data)

    def gap(self, *gap):
        self.told.append(gap)
        self._gap(*gap)


@pytest.fixture
def order(outlet):
    return Order(outlet)


@pytest.fixture
async def begun(outlet, order, running, clock):
    """`a` and `b`, hot-hot, and the task that runs them; nothing has come yet."""
    a, b = Puppet("a"), Puppet("b")
    feed = HotHot([a, b], unique="n", retry_s=1.0, clock=clock)
    task = running(feed, outlet)
    await wait_for(lambda: a.outlet and b.outlet)
    return a, b, feed, task


@pytest.fixture
async def pair(begun, order, clock):
    """`a` and `b`, hot-hot, both in cover; `a` is ahead of `b`."""
    a, b, feed, _ = begun
    a.deliver(1)
    b.deliver(1)
    await synchronise(feed, clock, a)
    order.told.clear()
    return a, b, feed


async def synchronise(feed, clock, other):
    """Let so much pass that what joins is in."""
    await wait_for(lambda: clock.sleepers)
    clock.advance(0.5)
    other.deliver(1)
    clock.advance(0.6)
    await wait_for(lambda: not any(each.held for each in feed.children))


async def test_what_was_on_its_way_over_the_slower_one_comes_before_the_newcomer(
    pair, order, clock
):
    a, b, feed = pair
    a.lose()
    b.deliver(2, 3)
    a.come_back()
    a.deliver(6, 7)
    assert order.told == [2, 3]
    b.deliver(4, 5)
    await synchronise(feed, clock, b)
    assert order.told == [2, 3, 4, 5, 1, 6, 7]


async def test_a_slower_one_that_is_lost_before_leaves_a_gap_where_it_lies(pair, order):
    a, b, _ = pair
    a.lose()
    b.deliver(2, 3)
    a.come_back()
    a.deliver(6)
    b.lose()  # with 4 and 5 on their way
    a.deliver(7)
    assert order.told == [2, 3, GAP, 6, 7]


async def test_the_gap_comes_by_itself_where_the_newcomer_is_silent(pair, order):
    a, b, _ = pair
    a.lose()
    a.come_back()
    a.deliver(6)
    b.lose()
    await wait_for(lambda: order.told == [GAP, 6])


async def test_a_newcomer_that_is_lost_again_waits_for_the_other_all_the_same(pair, order):
    a, b, _ = pair
    a.lose()
    a.come_back()
    a.deliver(6)
    a.lose()
    b.deliver(3)
    assert order.told == [3]
    b.lose()
    a.come_back()
    a.deliver(9)
    assert order.told == [3, GAP, 6, GAP, 9]


async def test_what_was_held_before_a_loss_does_not_let_the_next_connection_in(pair, order, clock):
    a, b, feed = pair
    a.lose()
    a.come_back()
    a.deliver(6)
    a.lose()
    a.outlet.state(State.LIVE)  # and nothing has come yet
    b.deliver(3)
    await synchronise(feed, clock, b)
    a.outlet.gap(None, None, "the connection was lost")
    a.deliver(12)
    assert order.told == [3, 1, 6]
    b.lose()  # with 7 to 11 on their way
    await wait_for(lambda: order.told == [3, 1, 6, GAP, 12])


async def test_what_a_newcomer_missed_between_is_no_gap_where_the_other_goes_on(pair, order, clock):
    a, b, feed = pair
    a.lose()
    for n in (6, 9):
        a.come_back()
        a.deliver(n)
        a.lose()
    b.deliver(6, 7, 8, 9)
    await synchronise(feed, clock, b)
    assert order.told == [6, 7, 8, 9, 1, 6, 9]
    b.lose()
    a.come_back()
    a.deliver(12)
    assert order.told[7:] == [GAP, 12]  # a was released as one that is away


async def test_a_silent_other_is_waited_for_so_long_and_no_longer(pair, order, clock):
    a, b, feed = pair
    a.lose()
    a.come_back()
    a.deliver(6)
    await wait_for(lambda: clock.sleepers)
    clock.advance(LONGEST_S - 0.1)
    await wait_for(lambda: clock.sleepers)
    assert order.told == []
    clock.advance(1.1)
    await wait_for(lambda: order.told == [6])
    assert all(map(feed._cover.covers, feed.children))
    assert b.outlet is not None


async def test_one_that_is_asked_at_an_interval_may_be_silent_for_longer(pair, order, clock):
    a, b, _ = pair
    b.interval = 20.0
    a.lose()
    a.come_back()
    a.deliver(6)
    await wait_for(lambda: clock.sleepers)
    clock.advance(16.0)
    await wait_for(lambda: clock.sleepers)
    assert order.told == []
    clock.advance(16.0)
    await wait_for(lambda: order.told == [6])


async def test_what_is_held_has_a_bound(pair, order):
    a, _, _ = pair
    a.lose()
    a.come_back()
    a.deliver(*range(MOST_HELD))
    assert order.told == []
    a.deliver(MOST_HELD)
    assert order.told == list(range(MOST_HELD + 1))


async def test_who_asks_whether_all_is_stored_is_not_held(pair, outlet, order):
    a, _, _ = pair
    a.lose()
    a.come_back()
    a.deliver(6)
    await a.outlet.stored()
    assert order.told == [6]
    assert outlet.asked_stored == 1


async def test_stopping_delivers_what_is_held(begun, order):
    """What may have been on its way between is not known."""
    a, b, _, task = begun
    a.deliver(1)
    b.deliver(2)
    assert order.told == [1]
    task.cancel()
    await asyncio.wait([task])
    assert order.told == [1, GAP, 2]


async def test_what_one_that_ends_holds_waits_for_the_slower_one_all_the_same(begun, order):
    a, b, feed, _ = begun
    a.deliver(1)
    b.deliver(4)
    b.ends.set()
    await wait_for(lambda: feed.children[1].task is None)
    a.deliver(2)
    assert order.told == [1, 2]
    a.lose()  # with 3 on its way
    await wait_for(lambda: order.told == [1, 2, GAP, 4])
    a.come_back()
    a.deliver(6)
    assert order.told == [1, 2, GAP, 4, GAP, 6]  # nobody has covered since


async def test_what_one_that_is_not_needed_any_more_holds_waits_for_the_slower_one(
    outlet, order, running, clock
):
    slow, quick = Puppet("slow"), Puppet("quick")
    feed = Fallback([slow, quick], failures=1, clock=clock)
    running(feed, outlet)
    await wait_for(lambda: slow.outlet)
    slow.lose()
    await wait_for(lambda: quick.outlet)
    quick.lose()  # now all are away, and all run
    await wait_for(lambda: outlet.states[-1][1].startswith("all 2 are away"))
    await wait_for(lambda: all(each.task for each in feed.children))
    slow.come_back()
    quick.come_back()
    slow.deliver(1)
    quick.deliver(4)
    await wait_for(lambda: feed.children[1].task is None)
    assert order.told == [1]
    slow.lose()  # with 2 and 3 on their way
    await wait_for(lambda: order.told == [1, GAP, 4])


async def test_between_what_was_held_and_a_new_beginning_there_is_a_gap(begun, order, clock):
    slow, quick, feed, _ = begun
    slow.deliver(1)
    quick.deliver(4)
    quick.fails = True
    quick.ends.set()
    await wait_for(lambda: feed.children[1].task is None)
    quick.outlet = None
    quick.ends.clear()
    await wait_for(lambda: clock.sleepers)
    clock.advance(1.0)
    await wait_for(lambda: quick.outlet)
    quick.deliver(7)
    slow.lose()
    await wait_for(lambda: order.told == [1, GAP, 4, GAP, 7])
    quick.deliver(8)
    assert order.told == [1, GAP, 4, GAP, 7, 8]


async def test_a_slow_one_is_heard_out_before_a_better_one_takes_over(
    outlet, order, running, clock
):
    """As a poll, which has not asked yet for what the socket will never send again."""
    better, poll = Puppet("better"), Puppet("poll")
    feed = Fallback([better, poll], failures=1, probe_s=30.0, clock=clock)
    running(feed, outlet)
    await wait_for(lambda: better.outlet)
    better.lose()
    await wait_for(lambda: poll.outlet)
    poll.deliver(1)
    better.outlet = None
    await wait_for(lambda: clock.sleepers)
    clock.advance(30.0)
    await wait_for(lambda: better.outlet)
    better.deliver(4)
    await wait_for(lambda: clock.sleepers)
    clock.advance(LONGEST_S - 1.0)
    await wait_for(lambda: clock.sleepers)
    assert order.told == [1]
    poll.deliver(2, 3, 4)
    clock.advance(1.0)
    await wait_for(lambda: order.told == [1, 2, 3, 4, 4])
    await wait_for(lambda: outlet.states[-1][:2] == (State.LIVE, "by better"))
    assert feed.children[1].task is None
