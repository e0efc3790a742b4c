"""Consumers against plain lists, and under a writer of their own."""

import asyncio
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.buffers.bell import Bell
from livewidget.buffers.consumers import Consumers
from livewidget.buffers.ring import RingBuffer
from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema
from livewidget.testing import ManualClock, wait_for, wait_until

SCHEMA = Schema.of({"time": "time", "a": "float", "n": "int"}, "time")
ROW = Storage.row_bytes(SCHEMA)


def append(ring, size):
    rows = np.arange(ring.head, ring.head + size)
    ring.append(Batch(SCHEMA, (rows * 1_000_000_000, -rows.astype(float), rows)))


def ring_of(rows):
    return RingBuffer(SCHEMA, capacity=rows, max_bytes=rows * ROW)


class Twin:
    """A consumer as a list would have it: what it got, what it missed, where it is."""

    def __init__(self, policy, cursor):
        self.policy, self.cursor, self.missed, self.got = policy, cursor, 0, []

    def take(self, kept, most):
        if kept and self.cursor < kept[0]:
            to = kept[-1] if self.policy == "latest" else kept[0]
            self.missed += to - self.cursor
            self.cursor = to
        rows = [row for row in kept if row >= self.cursor][:most]
        self.cursor += len(rows)
        self.got += rows
        return rows


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 30),
    st.lists(
        st.tuples(
            st.sampled_from(["append", "take", "add"]), st.integers(0, 5), st.integers(1, 40)
        ),
        max_size=50,
    ),
)
def test_they_equal_a_list(capacity, acts):
    ring = ring_of(capacity)
    consumers = Consumers(ring)
    pairs = []
    for act, which, size in acts:
        kept = list(range(ring.tail, ring.head))
        if act == "append":
            append(ring, size)
        elif act == "add":
            policy = ["skip", "latest", "hold"][which % 3]
            pairs.append(
                (consumers.add(str(len(pairs)), policy=policy), Twin(policy, ring.tail), ring.tail)
            )
        elif pairs:
            consumer, twin, _ = pairs[which % len(pairs)]
            batch = consumer.take(size)
            assert ([] if batch is None else batch["n"].tolist()) == twin.take(kept, size)
        for consumer, twin, start in pairs:
            assert (consumer.cursor, consumer.missed) == (twin.cursor, twin.missed)
            assert consumer.lag == ring.head - twin.cursor
            assert consumer.cursor - start == consumer.read + consumer.missed
    holders = [twin.cursor for _, twin, _ in pairs if twin.policy == "hold"]
    assert consumers.floor() == min(holders, default=None)


def test_lag_in_rows_and_seconds():
    ring = ring_of(10)
    consumer = Consumers(ring).add("c")
    assert (consumer.lag, consumer.lag_s) == (0, 0.0)
    append(ring, 8)
    consumer.take(3)
    assert (consumer.lag, consumer.lag_s) == (5, 4.0)
    append(ring, 100)
    assert (consumer.lag, consumer.lag_s) == (105, 9.0)


def test_a_holder_without_progress_lapses_and_one_that_had_nothing_to_read_does_not():
    ring, clock = ring_of(10), ManualClock()
    consumers = Consumers(ring, patience_s=5, clock=clock)
    slow, idle = consumers.add("slow", policy="hold"), consumers.add("idle", policy="hold")
    append(ring, 5)
    idle.take(9)
    assert consumers.floor() == 0
    clock.advance(4)
    slow.take(1)
    assert consumers.floor() == 1
    clock.advance(4.9)
    assert (consumers.floor(), slow.state) == (1, "reading")
    append(ring, 5)
    clock.advance(0.2)
    assert (consumers.floor(), slow.state) == (5, "lapsed")
    assert idle.state == "reading"
    append(ring, 5)
    assert slow.take(1)["n"].tolist() == [5]
    assert slow.missed == 4
    clock.advance(5)
    assert consumers.floor() is None
    assert idle.state == "lapsed"


def test_flush_and_wait():
    ring = ring_of(100)
    consumers = Consumers(ring)
    consumer = consumers.add("c")
    assert consumer.take(5) is None
    assert consumer.take(5, underflow="wait", timeout=0.001) is None
    append(ring, 3)
    assert len(consumer.take(9, underflow="wait", least_rows=5, timeout=0.001)) == 3
    got = []
    thread = threading.Thread(
        target=lambda: got.append(consumer.take(9, underflow="wait", least_rows=5))
    )
    thread.start()
    wait_until(lambda: consumers.arrived._waiting)
    append(ring, 4)
    consumers.notify()
    assert not got
    append(ring, 4)
    consumers.notify()
    thread.join(10)
    assert len(got[0]) == 8


def test_closing_wakes_who_waits_and_leaves_what_is_there():
    ring = ring_of(100)
    consumers = Consumers(ring)
    consumer, got = consumers.add("c", policy="hold"), []
    append(ring, 3)
    thread = threading.Thread(
        target=lambda: got.append(consumer.take(9, underflow="wait", least_rows=5))
    )
    thread.start()
    wait_until(lambda: consumers.arrived._waiting)
    consumers.close()
    thread.join(10)
    assert len(got[0]) == 3
    assert consumer.closed
    assert consumer.take(9, underflow="wait") is None
    assert (list(consumers), consumers.floor(), consumers.arrived._waiting) == ([], None, {})


async def test_the_async_face_waits_without_holding_the_loop():
    ring = ring_of(100)
    consumers = Consumers(ring)
    consumer = consumers.add("c")
    assert await consumer.take_async(5, timeout=0.001) is None
    taking = asyncio.ensure_future(consumer.take_async(5, least_rows=2))
    await wait_for(lambda: consumers.arrived._waiting)
    thread = threading.Thread(target=lambda: (append(ring, 2), consumers.notify()))
    thread.start()
    assert (await asyncio.wait_for(taking, 10))["n"].tolist() == [0, 1]
    thread.join()
    taking = asyncio.ensure_future(consumer.take_async(5))
    await wait_for(lambda: consumers.arrived._waiting)
    taking.cancel()
    await asyncio.wait([taking])
    assert not consumers.arrived._waiting


def test_positions_are_restored_and_what_was_lost_meanwhile_is_counted():
    ring = ring_of(10)
    before = Consumers(ring)
    append(ring, 10)
    for name, rows in (("a", 2), ("b", 5), ("c", 9)):
        before.add(name).take(rows)
    after = Consumers(ring)
    here = after.add("a")
    after.restore(before.positions() | {"ahead": 99})
    assert here.cursor == 2
    assert after.positions() == {"a": 2, "b": 5, "c": 9, "ahead": 99}
    assert after.add("ahead").cursor == 10
    append(ring, 6)
    b = after.add("b")
    assert b.take(1)["n"].tolist() == [6]
    assert b.missed == 1
    assert after.positions() == {"a": 2, "b": 7, "c": 9, "ahead": 10}


def test_what_cannot_be_is_refused():
    consumers = Consumers(ring_of(10))
    consumer = consumers.add("c")
    for call, said in (
        (lambda: consumers.add("c"), "'c' already"),
        (lambda: consumers.add("d", policy="wait"), "policy is one of"),
        (lambda: consumer.take(0), "most_rows"),
        (lambda: consumer.take(5, least_rows=6), "least_rows"),
        (lambda: consumer.take(5, underflow="x"), "underflow"),
        (lambda: consumers.restore({"c": -1}), "position"),
        (lambda: Consumers(ring_of(10), patience_s=0), "patience_s"),
    ):
        with pytest.raises(SettingError, match=said):
            call()


def test_a_loop_that_is_closed_holds_nobody_up():
    bell, loop = Bell(), asyncio.new_event_loop()
    task = loop.create_task(bell.wait_async(lambda: False))
    loop.run_until_complete(asyncio.sleep(0))
    (event, wake) = next(iter(bell._waiting.items()))
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    loop.close()
    bell._waiting[event] = wake
    bell.ring()
    assert not bell._waiting


def drain(consumer, least, failures):
    """Take until it is closed; note what is torn, doubled or disordered, and who waits too long."""
    at = 0
    while (
        batch := consumer.take(1000, underflow="wait", least_rows=least, timeout=30)
    ) is not None:
        n = batch["n"]
        if not ((np.diff(n) == 1).all() and n[0] >= at and (batch["a"] == -n).all()):
            failures.append(f"{consumer.name}: torn or out of order at {at}")
        at = int(n[-1]) + 1
    if not consumer.closed:
        failures.append(f"{consumer.name}: a wake-up was lost")


def stress(readers, total, rows):
    """One writer, readers of mixed policy; return the consumers. Each checks what it gets."""
    ring = ring_of(rows)
    consumers, failures = Consumers(ring), []
    policies = ["skip", "latest", "hold"]
    everyone = [consumers.add(str(i), policy=policies[i % 3]) for i in range(readers)]
    held = []

    def write():
        sizes = np.random.default_rng(1).integers(1, 400, 1000)
        turn = 0
        while ring.head < total:
            size = min(int(sizes[turn % 1000]), total - ring.head)
            turn += 1
            held.append(consumers.wait_for_room(ring.head + size - rows, 30))
            append(ring, size)
            consumers.notify()
        consumers.close()

    threads = [
        threading.Thread(target=drain, args=(each, 1 + 199 * (i % 2), failures))
        for i, each in enumerate(everyone)
    ]
    threads.append(threading.Thread(target=write))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    finally:
        sys.setswitchinterval(interval)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
    assert all(held)
    for each in everyone:
        assert each.read + each.missed == each.cursor == total
    return everyone


def test_beside_a_writer_each_gets_contiguous_rows_and_no_wake_up_is_lost():
    everyone = stress(6, 800_000, 2000)
    assert all(each.missed == 0 for each in everyone if each.policy == "hold")
    assert all(each.read for each in everyone)
