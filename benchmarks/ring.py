"""The hot ring: an append beside a bare copy, leases of any length, reads of 50 million rows."""

from __future__ import annotations

import random
import time

import numpy as np

from benchmarks.harness import Figure, Outcome, Plot, distribution, interleaved, percentile, ratios
from livewidget.buffers.ring import RingBuffer
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.sketches.ladder import snap

ROWS = 50_000_000
POINTS = 2_000
STEP = 1_000_000  # ns: 1,000 rows a second, 14 hours in all
CALLS = 500
SCHEMA = Schema.of({"time": "time", "y": "float"}, "time")


def measure(*, quick: bool) -> Outcome:
    """Measure appends and leases in rounds, then reads of random ranges of all lengths."""
    rounds = 10 if quick else 40
    figures = [_append(size, rounds) for size in (1_000, 10_000)]
    rows = ROWS // 10 if quick else ROWS
    ring = _filled(rows)
    figures.append(_lease(ring, rounds))
    seconds = _reads(ring, 500 if quick else 3_000)
    name = f"read of {rows:,} rows at {POINTS:,} points, p99"
    middle = f"median {1e3 * percentile(seconds, 50):.2f} ms, most {1e3 * max(seconds):.2f} ms"
    figures.append(Figure(name, 1e3 * percentile(seconds, 99), "ms", middle, 1.0))
    lines = {"read": [(x, 1e3 * y) for x, y in distribution(seconds)]}
    plot = Plot("Reads of a range of the ring", "percentile", "ms", lines=lines, target=1.0)
    note = (
        "Rows of a time and a number. Append: CPU time beside copying the same columns into one "
        "array each; the ring writes each row twice. Reads: random places, lengths even on a "
        f"logarithmic scale from {POINTS:,} rows to all, warm (the levels are built)."
    )
    return Outcome("The hot ring", figures, [plot], note)


def _batch(first: int, size: int) -> Batch:
    rows = np.arange(first, first + size)
    noise = np.random.default_rng(first).normal(size=size)
    return Batch(SCHEMA, (rows * STEP, np.sin(rows / 1e5) + 0.1 * noise))


def _append(size: int, rounds: int) -> Figure:
    ring = RingBuffer(SCHEMA, capacity=1_000_000, max_rows=1_000_000)
    for _ in range(2_000_000 // size):
        ring.append(_batch(ring.head, size))
    places = [np.empty(1_000_000, dtype=column.dtype) for column in _batch(0, 1).columns]

    def appends() -> float:
        ready = [_batch(ring.head + turn * size, size) for turn in range(CALLS)]
        begun = time.thread_time()
        for batch in ready:
            ring.append(batch)
        return time.thread_time() - begun

    def copies() -> float:
        ready = [_batch(turn * size, size) for turn in range(CALLS)]
        at, begun = 0, time.thread_time()
        for batch in ready:
            for place, column in zip(places, batch.columns, strict=True):
                place[at : at + size] = column
            at = (at + size) % 1_000_000
        return time.thread_time() - begun

    times = interleaved({"append": appends, "copy": copies}, rounds)
    low, middle, high = ratios(times["append"], times["copy"])
    each = f"{1e6 * percentile(times['copy'], 50) / CALLS:.2f} us a bare copy"
    name = f"append of {size:,} rows over a bare numpy copy"
    return Figure(name, middle, "x", each, 4.0, low=low, high=high)


def _filled(rows: int) -> RingBuffer:
    ring = RingBuffer(SCHEMA, capacity=rows, max_rows=rows, max_bytes=64 * rows)
    while ring.head < rows + 1_000_000:  # it has come round: part of a run has gone
        ring.append(_batch(ring.head, 1_000_000))
    return ring


def _lease(ring: RingBuffer, rounds: int) -> Figure:
    def leases(rows: int) -> float:
        begun = time.thread_time()
        for _ in range(10 * CALLS):
            with ring.lease(ring.head - rows) as lease:
                lease.column("y")
        return time.thread_time() - begun

    jobs = {"all": lambda: leases(len(ring)), "ten": lambda: leases(10)}
    times = interleaved(jobs, rounds)
    low, middle, high = ratios(times["all"], times["ten"])
    each = f"{1e6 * percentile(times['ten'], 50) / CALLS / 10:.2f} us each"
    return Figure("lease of all rows over one of ten", middle, "x", each, 1.2, low=low, high=high)


def _reads(ring: RingBuffer, count: int) -> list[float]:
    span = ring.span()
    assert span is not None
    low, high = span
    for _ in range(40):  # what is not built yet is, a few chunks each
        list(ring.read(low, high + 1, width=snap((high - low) // POINTS)))
    chance, seconds = random.Random(4), []
    for _ in range(count):
        length = round(POINTS * STEP * ((high - low) / (POINTS * STEP)) ** chance.random())
        start = chance.randint(low, max(low, high - length))
        begun = time.perf_counter()
        list(ring.read(start, start + length, width=snap(length // POINTS)))
        seconds.append(time.perf_counter() - begun)
    return seconds
