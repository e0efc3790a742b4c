"""Rows that operators make: counted, given by the clock and at the end, their state taken whole."""

import asyncio
import threading

import numpy as np
import pytest

from livewidget import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.pipeline.calculate import Calculate
from livewidget.testing import ListSource, ManualClock, wait_until

from .sums import Sums

S = 1_000_000_000


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def rows(start, stop):
    return {"time": [1e9 + n for n in range(start, stop)], "n": list(range(start, stop))}


def sums(streamer):
    return streamer.to_dataframe()["sum"].tolist()


def balanced(account):
    parts = account.stored, account.filtered, account.rejected, account.dropped, account.in_flight
    return account.received == sum(parts)


def test_results_are_counted_as_received_and_stored(engine):
    source = ListSource([rows(0, 7), rows(7, 10)])
    with DataStreamer(source, pipeline=Sums(4), engine=engine) as streamer:
        assert streamer.wait(10)
        assert sums(streamer) == [6, 22, 17]  # the last one at the end
        account = streamer.account()
    assert (account.received, account.made, account.stored, account.filtered) == (13, 3, 3, 10)
    assert balanced(account)


def test_what_an_operator_gives_passes_those_behind_it(engine):
    pipeline = [Sums(4), Calculate({"n": "sum * 2"}), Sums(2)]
    with DataStreamer(ListSource([rows(0, 10)]), pipeline=pipeline, engine=engine) as streamer:
        assert streamer.wait(10)
        assert sums(streamer) == [56, 34]
        assert balanced(streamer.account())


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_due_by_the_clock_needs_no_row(engine, workers):
    clock = ManualClock(1_000_000_010 * S)
    pipeline = Sums(4, late_s=5 * S)
    streamer = DataStreamer(pipeline=pipeline, engine=engine, clock=clock, workers=workers)
    streamer.push(rows(0, 3))
    wait_until(lambda: streamer.account().filtered == 3)
    assert not streamer.account().stored
    clock.advance(1.0)
    wait_until(lambda: streamer.account().stored)
    assert sums(streamer) == [3]
    assert balanced(streamer.account())
    streamer.stop()


def test_a_stream_that_is_stopped_gives_what_it_holds(engine):
    streamer = DataStreamer(pipeline=Sums(4), engine=engine)
    streamer.push(rows(0, 3))
    streamer.stop()
    assert sums(streamer) == [3]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_state_is_taken_behind_just_the_rows_that_were_there(engine, workers):
    """While it is taken a thread goes on pushing: its rows are in no state, and none is lost."""
    streamer = DataStreamer(pipeline=Sums(1_000), engine=engine, workers=workers)
    flow = streamer._line.flow
    pushed, over = 0, threading.Event()

    def push():
        nonlocal pushed
        while not over.is_set():
            streamer.push(rows(pushed, pushed + 7))
            pushed += 7

    async def states():
        found = []
        for _ in range(20):
            # on the loop: what has been received by now, and the state of just that
            found.append(await flow.state(lambda: flow._ledger.received - flow._ledger.made, int))
            await asyncio.sleep(0.002)
        return found

    streamer.push(rows(0, 0 + 1))
    pushed = 1
    thread = threading.Thread(target=push)
    thread.start()
    found = engine.wait_for(states(), 30)
    over.set()
    thread.join()
    streamer.stop()
    for place, state, _ in found:
        held = state["workers"][0]["0 sums"]["values"]
        seen = int(held[-1]) + 1 if len(held) else 0
        assert seen >= place or seen % 1_000 == 0  # a push may fall between the two, never out
        np.testing.assert_array_equal(held, np.arange(seen - len(held), seen))
    assert balanced(streamer.account())
    total = sum(sums(streamer))
    assert total == sum(range(pushed))


def test_an_operator_that_fails_by_the_clock_stops_nothing(engine, caplog):
    class Failing(Sums):
        def bind(self, schema, clock):
            bound = super().bind(schema, clock)

            def tick(moment, tally):
                raise ZeroDivisionError("by the clock")

            return type(bound)(bound.schema, bound.step, tick, bound.memory)

    with DataStreamer(ListSource([rows(0, 9)]), pipeline=Failing(4), engine=engine) as streamer:
        assert streamer.wait(10)
        assert sums(streamer) == [6, 22]
    assert [r.getMessage() for r in caplog.records] == ["sums failed on what was due: by the clock"]
