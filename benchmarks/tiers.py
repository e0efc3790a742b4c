"""The planner: any range of 50 million rows from memory and a folder, and a reader that scrolls."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.harness import Figure, Outcome, Plot, distribution, percentile
from livewidget.buffers.ring import RingBuffer
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.sketches.ladder import snap
from livewidget.storage.cache import TileCache
from livewidget.storage.planner import Planner
from livewidget.storage.resolve import store_for
from livewidget.storage.tiered import TieredStore

ROWS = 50_000_000
POINTS = 2_000
STEP = 1_000_000  # ns: 1,000 rows a second, 14 hours in all
GROUP = 100_000  # rows written at once
HOUR = 3_600_000_000_000  # ns
WINDOW = HOUR // 12
SWEEPS = 4  # over the last hour, back and forth
SCHEMA = Schema.of({"time": "time", "y": "float"}, "time")


class Memory:
    """The ring as the first tier."""

    name = "memory"

    def __init__(self, rows: int) -> None:
        self.ring = RingBuffer(SCHEMA, capacity=rows, max_rows=rows, max_bytes=64 * rows)

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time, ns."""
        return self.ring.span()

    def since(self) -> int:
        """Return from when on all is here, ns."""
        return self.ring.since

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield rows of a range."""
        return self.ring.read(start, stop, width=width)


class Rig:
    """Memory for the last tenth of the rows, a folder for all, and the planner over both."""

    def __init__(self, folder: str, rows: int) -> None:
        self.memory = Memory(rows // 10)
        self.store = TieredStore([store_for(folder)])
        self.store.open(SCHEMA)
        self.forget()
        while self.store.rows < rows:
            self.append(GROUP)

    def forget(self) -> None:
        """Begin with an empty cache."""
        self.cache = TileCache()
        self.planner = Planner([self.memory, *self.store.tiers], cache=self.cache)

    def append(self, size: int) -> None:
        """Have so many rows come."""
        first = self.store.rows
        rows = np.arange(first, first + size)
        noise = np.random.default_rng(first).normal(size=size)
        batch = Batch(SCHEMA, (rows * STEP, np.sin(rows / 1e5) + 0.1 * noise))
        self.memory.ring.append(batch)
        self.store.append(batch, first)
        self.cache.touched_by(rows * STEP)

    def seconds(self, start: int, stop: int) -> tuple[float, float]:
        """Return how long a chart waits for a range, and the CPU seconds of its thread."""
        begun, cpu = time.perf_counter(), time.thread_time()
        list(self.planner.query(start, stop, width=snap((stop - start) // POINTS)).batches)
        return time.perf_counter() - begun, time.thread_time() - cpu


def measure(*, quick: bool) -> Outcome:
    """Measure random ranges of all lengths, then the scrolling while rows come."""
    rows = ROWS // 10 if quick else ROWS
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(folder, rows)
        try:
            _ranges(rig, 50, seed=1)  # what is not built or opened yet is
            far, cpu = zip(*_ranges(rig, 300 if quick else 2_000, seed=4), strict=True)
            near, hits = _scroll(rig, ahead=True)
            rig.forget()
            _, bare = _scroll(rig, ahead=False)
        finally:
            rig.store.close()
    ms = [1e3 * each for each in far]
    name = f"range of {rows:,} rows at {POINTS:,} points, p99"
    middle = f"median {percentile(ms, 50):.1f} ms, most {max(ms):.1f} ms"
    busy = "what others on the machine take is not in it"
    found = f"{bare:.1f} % where nothing is fetched ahead"
    figures = [
        Figure(name, percentile(ms, 99), "ms", middle, 100.0),
        Figure("CPU of the reader's thread for it, p99", 1e3 * percentile(cpu, 99), "ms", busy),
        Figure("tiles that a scrolling reader finds in the cache", hits, "%", found, 95.0, True),
        Figure("a step of it, p99", 1e3 * percentile(near, 99), "ms", "for information"),
    ]
    lines = {"planner": [(x, 1e3 * y) for x, y in distribution(far)]}
    plot = Plot("A range from all tiers", "percentile", "ms", lines=lines, target=100.0)
    note = (
        "Rows of a time and a number; memory holds the last tenth of them, a folder all. Ranges: "
        f"random places, lengths even on a logarithmic scale from {POINTS:,} rows to all, after 50 "
        "others that build and open what is not yet. "
        f"Scrolling: a window of 5 minutes, {SWEEPS} times over the last hour in steps of a tenth "
        "of the window, what is beside it is fetched ahead after each, and a second of rows comes."
    )
    return Outcome("The tiers", figures, [plot], note)


def _ranges(rig: Rig, count: int, seed: int) -> list[tuple[float, float]]:
    span = rig.planner.span()
    assert span is not None
    low, high = span
    chance, seconds = random.Random(seed), []
    for _ in range(count):
        length = round(POINTS * STEP * ((high - low) / (POINTS * STEP)) ** chance.random())
        start = chance.randint(low, max(low, high - length))
        seconds.append(rig.seconds(start, start + length))
    return seconds


def _scroll(rig: Rig, *, ahead: bool) -> tuple[list[float], float]:
    """Return the seconds of each step, and how many tiles in a hundred were there."""
    span = rig.planner.span()
    assert span is not None
    starts = list(range(max(span[0], span[1] - HOUR), span[1] - WINDOW, WINDOW // 10))
    before, seconds = rig.cache.stats(), []
    for sweep in range(SWEEPS):
        for start in starts if sweep % 2 else reversed(starts):
            seconds.append(rig.seconds(start, start + WINDOW)[0])
            if ahead:
                rig.planner.prefetch(start, start + WINDOW, snap(WINDOW // POINTS))
            rig.append(1_000)
    after = rig.cache.stats()
    hits, misses = after.hits - before.hits, after.misses - before.misses
    return seconds, 100 * hits / (hits + misses)
