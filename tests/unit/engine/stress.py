"""One writer that runs free and eight readers of its buffer: what each of them saw."""

from __future__ import annotations

import asyncio
import threading
import time
from itertools import pairwise

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager

SCHEMA = Schema.of({"time": "time", "n": "int", "y": "float", "z": "float"}, "time")
STEP = 1_000  # ns between two rows
ROWS = 200  # in a batch
RING_ROWS = 20_000
HISTORY_ROWS = 200_000
JOIN_S = 60.0
WAKE_S = 5.0  # a wait for rows of a writer that runs: some ms


def batch_of(first, size=ROWS):
    numbers = np.arange(first, first + size)
    return Batch(SCHEMA, (numbers * STEP, numbers, numbers * 0.5, -1.0 * numbers))


def check_rows(batch):
    """Each row's columns agree with its number."""
    numbers = batch["n"]
    assert np.array_equal(batch.times, numbers * STEP)
    assert np.array_equal(batch["y"], numbers * 0.5)
    assert np.array_equal(batch["z"], -1.0 * numbers)
    return numbers


def check_run(batch):
    """The same, and no number is passed over."""
    numbers = check_rows(batch)
    assert not len(numbers) or np.array_equal(numbers, np.arange(numbers[0], numbers[-1] + 1))
    return numbers


class Stress:
    """Threads on one buffer; `errors` holds what any of them raised."""

    def __init__(self, store):
        self.buffer = BufferManager(
            SCHEMA, max_rows=RING_ROWS, history="1h", history_bytes=2**21, store=store
        )
        self.written = 0
        self.turns = {}
        self.errors = []
        self.consumers = [
            self.buffer.consumer("skips"),
            self.buffer.consumer("jumps", policy="latest"),
            self.buffer.consumer("waits"),
        ]
        self._last = dict.fromkeys(["skips", "jumps", "waits"], -1)
        self._ended = threading.Event()

    def run(self, seconds):
        """Have all of them at it for so long."""
        jobs = [
            self.snapshot,
            self.lease,
            self.query,
            self.picture,
            self.whole,
            *(lambda each=each: self.consume(each) for each in self.consumers),
        ]
        self.buffer.append(batch_of(0))
        self.written = ROWS
        names = ["snapshot", "lease", "query", "picture", "whole", *self._last]
        readers = [
            threading.Thread(target=self._again, args=each, name=each[0])
            for each in zip(names, jobs, strict=True)
        ]
        for each in readers:
            each.start()
        self._write(time.monotonic() + seconds)
        self._ended.set()
        self.buffer.append(batch_of(self.written))  # wakes who waits for the last time
        self.written += ROWS
        for each in readers:
            each.join(JOIN_S)
        assert not [each.name for each in readers if each.is_alive()]
        for each in self.consumers:  # the rest, and nothing is left uncounted
            while self.take(each, "flush") is not None:
                continue
            assert each.read + each.missed == self.written

    def close(self):
        self.buffer.close()

    def snapshot(self):
        numbers = check_run(self.buffer.ring.snapshot())
        assert len(numbers) <= RING_ROWS + ROWS

    def lease(self):
        lease = self.buffer.lease()
        copied, lost = lease.copy(), lease.overtaken
        assert len(check_run(copied.take(slice(lost, None)))) == max(0, len(lease) - lost)

    def query(self):
        stop = self.written
        start = max(0, stop - HISTORY_ROWS // 4)
        answer = self.buffer.ask(start * STEP, stop * STEP)
        numbers = np.concatenate([check_rows(batch) for batch in answer.batches])
        expected = np.arange(start, stop)
        missing = np.zeros(len(expected), dtype=bool)
        for each in answer.missing:
            missing |= (expected * STEP >= each.start) & (expected * STEP < each.stop)
        assert np.array_equal(numbers, expected[~missing])

    def picture(self):
        stop = self.written
        batches = list(self.buffer.query(0, stop * STEP, points=100).batches)
        numbers = np.concatenate([check_rows(batch) for batch in batches])
        assert (np.diff(numbers) > 0).all()
        assert len(numbers) <= 1_000

    def whole(self):
        ends = [(batch["n"][0], batch["n"][-1]) for batch in self.buffer.read(-EVER, EVER)]
        assert all(before[1] < after[0] for before, after in pairwise(ends))

    def consume(self, consumer):
        began = time.monotonic()
        self.take(consumer, "wait")
        assert time.monotonic() - began < WAKE_S or self._ended.is_set()

    def take(self, consumer, underflow):
        batch = consumer.take(5_000, underflow=underflow, timeout=WAKE_S)
        if batch is not None:
            numbers = check_run(batch)
            assert numbers[0] > self._last[consumer.name]
            self._last[consumer.name] = int(numbers[-1])
        return batch

    def _write(self, until):
        while time.monotonic() < until and not self.errors:
            self.buffer.append(batch_of(self.written))
            self.written += ROWS

    def _again(self, name, job):
        turns = 0
        try:
            while not self._ended.is_set():
                job()
                turns += 1
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            self.turns[name] = turns


class Exchange:
    """A writer that goes on only once each of its readers, who wait for it, has had its rows."""

    def __init__(self, readers=3):
        self.buffer = BufferManager(SCHEMA, max_rows=RING_ROWS)
        self.turns = 0
        self.longest_s = 0.0
        self._readers = [self.buffer.consumer(f"reader {n}") for n in range(readers)]
        self._read = [0] * readers
        self._heard = threading.Condition()

    def run(self, seconds):
        threads = [
            threading.Thread(target=self._wait if place else self._wait_async, args=(place,))
            for place in range(len(self._readers))
        ]
        for each in threads:
            each.start()
        until = time.monotonic() + seconds
        while (began := time.monotonic()) < until:
            self.turns += 1
            self.buffer.append(batch_of(self.turns - 1, 1))
            with self._heard:
                assert self._heard.wait_for(lambda: min(self._read) == self.turns, WAKE_S)
            self.longest_s = max(self.longest_s, time.monotonic() - began)
        self.buffer.close()
        for each in threads:
            each.join(JOIN_S)
            assert not each.is_alive()

    def _wait(self, place):
        while (batch := self._readers[place].take(10, underflow="wait")) is not None:
            self._note(place, len(batch))

    def _wait_async(self, place):
        async def run():
            while (batch := await self._readers[place].take_async(10)) is not None:
                self._note(place, len(batch))

        asyncio.run(run())

    def _note(self, place, rows):
        with self._heard:
            self._read[place] += rows
            self._heard.notify_all()
