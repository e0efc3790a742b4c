"""The stores on servers: random ranges of 50 million rows at 2,000 points, from real servers."""

from __future__ import annotations

import random
import time

import numpy as np

from benchmarks.harness import Figure, Outcome, Plot, Points, distribution, percentile
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.sketches.ladder import snap
from livewidget.storage.base import Store
from livewidget.storage.postgres import PostgresStore
from livewidget.storage.redis import RedisStore
from livewidget.testing.postgres import PostgresServer
from livewidget.testing.redis import RedisServer

ROWS = 50_000_000
QUICK_ROWS = 2_000_000
POINTS = 2_000
STEP = 1_000_000  # ns: 1,000 rows a second, 14 hours in all
START = 1_700_000_000_000_000_000  # ns since the epoch
WRITTEN = 100_000  # rows appended at once: what the engine has at hand when it is behind
REDIS_MS, POSTGRES_MS = 5.0, 50.0
SCHEMA = Schema.of({"time": "time", "y": "float"}, "time")


def measure(*, quick: bool, rows: int | None = None) -> Outcome:
    """Fill each store, then read random ranges of all lengths; `rows` beats the usual number."""
    rows = rows or (QUICK_ROWS if quick else ROWS)
    count = 300 if quick else 3_000
    figures: list[Figure] = []
    lines: dict[str, Points] = {}
    with RedisServer() as redis, RedisStore(redis.url, ttl="48h") as store:
        lines["Redis"] = _measured(store, "Redis", REDIS_MS, rows, count, figures)
    with PostgresServer(settings=("shared_buffers=512MB",)) as postgres:
        given = {"partition": 3_600, "timeout": 120}
        with PostgresStore(postgres.dsn, **given) as kept:  # type: ignore[arg-type]
            name = "PostgreSQL"
            lines[name] = _measured(kept, name, POSTGRES_MS, rows, count, figures)
    plot = Plot("Reads of a range of a server", "percentile", "ms", lines=lines, log="y")
    note = (
        f"{rows:,} rows of a time and a number, appended {WRITTEN:,} at a time. Reads: random "
        f"places, lengths even on a logarithmic scale from {POINTS:,} rows to all; a store keeps "
        "64 MB at hand. The servers run on the same machine."
    )
    return Outcome("The stores on servers", figures, [plot], note)


def _measured(
    store: Store, name: str, most_ms: float, rows: int, count: int, figures: list[Figure]
) -> Points:
    """Fill and read a store; add its figures and return how long reads took."""
    begun = time.perf_counter()
    for first in range(0, rows, WRITTEN):
        store.append(_batch(first, min(WRITTEN, rows - first)), first)
    pace = rows / (time.perf_counter() - begun)
    found, own = ([1e3 * each for each in times] for times in _reads(store, count))
    middle = (
        f"median {percentile(found, 50):.2f} ms, most {max(found):.1f} ms; of the reader's own CPU "
        f"time {percentile(own, 50):.2f} ms, p99 {percentile(own, 99):.2f} ms"
    )
    title = f"{name}: read of {rows:,} rows at {POINTS:,} points, p99"
    figures += [
        Figure(title, percentile(found, 99), "ms", middle, most_ms),
        Figure(f"{name}: rows appended", pace, "rows/s", f"{WRITTEN:,} at a time, on one thread"),
    ]
    return distribution(found)


def _batch(first: int, size: int) -> Batch:
    rows = np.arange(first, first + size)
    noise = np.random.default_rng(first).normal(size=size)
    return Batch(SCHEMA, (START + rows * STEP, np.sin(rows / 1e5) + 0.1 * noise))


def _reads(store: Store, count: int) -> tuple[list[float], list[float]]:
    """Return how long reads take, and how long the reader's thread works for them."""
    span = store.span()
    assert span is not None
    low, high = span
    chance = random.Random(4)
    taken: list[tuple[float, float]] = []
    for turn in range(count + count // 10):
        length = round(POINTS * STEP * ((high - low) / (POINTS * STEP)) ** chance.random())
        start = chance.randint(low, max(low, high - length))
        begun, worked = time.perf_counter(), time.thread_time()
        list(store.read(start, start + length, width=snap(length // POINTS)))
        if turn >= count // 10:  # what came before is the warm-up
            taken.append((time.perf_counter() - begun, time.thread_time() - worked))
    return [each for each, _ in taken], [each for _, each in taken]
