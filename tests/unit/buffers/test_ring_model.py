"""The ring under random operations, for every policy, against a plain list of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from livewidget.buffers import levels, zones
from livewidget.buffers.ring import OVERFLOW, RingBuffer
from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.sketches.ladder import snap
from livewidget.sketches.outstanding import in_order, stand_for
from livewidget.testing import ManualClock

SCHEMA = Schema.of({"time": "time", "y": "float", "n": "int", "s": "text"}, "time")
ROW = Storage.row_bytes(SCHEMA)
BASE = 1_700_000_000_000_000_000
KEYS = "abc"


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks, chunks and runs small enough that some hundred rows have many of each."""
    monkeypatch.setattr(zones, "BLOCK", 4)
    monkeypatch.setattr(levels, "BLOCK", 4)
    monkeypatch.setattr(levels, "CHUNK_ROWS", 16)
    monkeypatch.setattr(levels, "FEW", 32)


def batch_of(rows):
    """Rows are (time, y, n, s)."""
    columns = zip(*rows, strict=True) if rows else ([], [], [], [])
    times, ys, ns, texts = map(list, columns)
    data = {
        "time": np.array(times, dtype=np.int64).view("datetime64[ns]"),
        "y": np.array(ys, dtype=float),
        "n": np.array(ns, dtype=np.int64),
        "s": texts,
    }
    return Batch.of(data, SCHEMA)


def rows_of(batch):
    return [tuple(row.values()) for row in batch.rows()]


class Machine(RuleBasedStateMachine):
    """`held` are the rows in the ring, `gone` the times of those that were once in it."""

    policy = "drop_oldest"

    @initialize(
        most=st.integers(4, 60),
        retention=st.none() | st.integers(5, 120),
        horizon=st.none() | st.integers(0, 25),
        by=st.sampled_from([None, "s"]),
        evict=st.booleans(),
        consumed=st.booleans(),
    )
    def begin(self, most, retention, horizon, by, evict, consumed):
        self.handed, self.floor, self.clock = [], 0, ManualClock()
        self.held, self.gone, self.seen, self.now = [], [], 0, BASE
        self.evicted = 0  # rows that left, or passed by
        self.everything = []
        self.ring = RingBuffer(
            SCHEMA,
            capacity=3,
            retention=retention,
            max_rows=most,
            most_rows=4 * most if self.policy == "resize" else None,
            max_bytes=1000 * ROW,
            overflow=self.policy,
            cool_down_s=10,
            horizon=horizon,
            by=by,
            on_evict=(lambda batch: self.handed.extend(rows_of(batch))) if evict else None,
            floor=(lambda: self.floor) if consumed else None,
            keep=(lambda batch: batch["n"] % 7 == 0),
            clock=self.clock,
        )

    @rule(steps=st.lists(st.integers(-12, 12), max_size=90), values=st.randoms())
    def append(self, steps, values):
        self._append(steps, values)

    @rule(size=st.integers(1, 150), step=st.integers(0, 3), values=st.randoms())
    def append_in_order(self, size, step, values):
        self._append([step] * size, values)

    def _append(self, steps, values):
        rows = []
        for step in steps:
            self.now = max(self.now, self.now + step)
            time = self.now + min(0, step)
            y = values.choice([0.0, 1.0, -2.5, float("nan"), values.random()])
            rows.append((time, y, self.seen, values.choice(KEYS)))
            self.seen += 1
        ring = self.ring
        before, refused, thinned = ring.too_late, ring.dropped["refused"], ring.thinned
        taken = ring.append(batch_of(rows))
        timely = self._timely(rows)
        assert ring.too_late - before == len(rows) - len(timely)
        assert taken == len(timely) - (ring.dropped["refused"] - refused)
        if self.policy in ("drop_newest", "block"):
            newest = max([ring.newest or BASE, *(row[0] for row in timely)])
            aged = self._aged(newest) if timely else 0
            room = ring.max_rows - len(self._needed(aged))
            assert taken == min(len(timely), max(0, room))
        else:
            assert taken == len(timely)
        self._account(timely[:taken], ring.thinned - thinned)

    def _timely(self, rows):
        newest, timely = max((row[0] for row in self.everything), default=-EVER), []
        for row in rows:
            newest = max(newest, row[0])
            if self.ring.horizon is None or row[0] >= newest - self.ring.horizon:
                timely.append(row)
        return timely

    def _aged(self, newest):
        """How many of the first rows are past the retention."""
        if self.ring.retention is None:
            return 0
        for place, row in enumerate(self.held):
            if row[0] >= newest - self.ring.retention:
                return place
        return len(self.held)

    def _needed(self, aged=0):
        rows = self.held[aged:]
        if self.policy == "block" and self.ring.floor is not None:
            first = self._head - len(rows)
            rows = rows[max(0, self.floor - first) :]
        return rows

    def _account(self, taken, thinned):
        ring = self.ring
        self.everything += taken
        whole = self.held + taken
        now = rows_of(ring.snapshot())
        if thinned:
            numbers = {row[2] for row in now}
            assert [repr(row) for row in now] == [repr(row) for row in whole if row[2] in numbers]
        else:
            assert repr(now) == repr(whole[len(whole) - len(now) :])
        numbers = {row[2] for row in now}
        self.gone += [row[0] for row in whole if row[2] not in numbers]
        self.evicted += len(whole) - len(now)
        self.held = now
        self._head = ring.head

    _head = 0

    @rule(part=st.floats(0, 1))
    def consume(self, part):
        self.floor = max(self.floor, round(part * self.ring.head))

    @rule()
    def trim(self):
        self.ring.trim()
        self._account([], 0)

    @rule(rows=st.integers(2, 60))
    def lower_the_budget(self, rows):
        self.ring.max_bytes = rows * ROW
        self.ring.fit()
        assert self.ring.capacity <= rows
        self._account([], 0)
        self.ring.max_bytes = 1000 * ROW

    @rule(seconds=st.integers(1, 15))
    def wait(self, seconds):
        self.clock.advance(seconds)

    @rule(rows=st.none() | st.integers(0, 30))
    def hand_on(self, rows):
        self.ring.hand_on(rows)
        if rows is None and self.ring.on_evict is not None:
            assert self.ring.handed == self.ring.head

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def read(self, data):
        times = st.integers(min(row[0] for row in self.held) - 5, self.now + 5)
        start, stop = sorted((data.draw(times), data.draw(times)))
        width = data.draw(st.just(0) | st.integers(1, 90).map(snap))
        first = data.draw(st.just(0) | st.integers(0, self.ring.head))
        if data.draw(st.booleans()):
            start, stop = -EVER, EVER
        rows = self.held[max(0, first - self.ring.tail) :]
        found = [row for row in rows if start <= row[0] < stop]
        whole = in_order(batch_of(found))
        wanted = rows_of(stand_for(whole, width, self.ring.by)) if found else []
        got = [
            row
            for part in self.ring.read(start, stop, width=width, first=first)
            for row in rows_of(part)
        ]
        assert repr(got) == repr(wanted)

    @invariant()
    def what_is_kept(self):
        if not hasattr(self, "ring"):
            return
        ring = self.ring
        assert len(ring) == len(self.held)
        assert ring.since == max(self.gone, default=-EVER - 1) + 1
        times = [row[0] for row in self.held]
        assert ring.span() == ((min(times), max(times)) if times else None)
        assert ring.dropped["overflow"] + ring.dropped["retention"] + ring.thinned == self.evicted
        assert len(ring) <= ring.max_rows
        if ring.on_evict is not None:
            assert repr(self.handed) == repr(self.everything[: len(self.handed)])
            assert ring.handed == len(self.handed) >= min(ring.tail, self._head - len(self.held))
        held = len(self._needed())
        if self.policy == "block" or ring.floor is None:
            assert ring.full == (held >= min(ring.max_rows, 1000))


@pytest.mark.parametrize("policy", OVERFLOW)
def test_the_ring_is_a_list(policy):
    machine = type("Machine", (Machine,), {"policy": policy})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=25, stateful_step_count=12, deadline=None)
    )
