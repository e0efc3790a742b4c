"""The parts that the kernel-side claims share, most of them with `livewidget bench`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np

from livewidget.app.bench.rig import (
    SENSOR_NOISE,
    START,
    WIDTH,
    WINDOW_S,
    Chart,
    Feed,
    NullTransport,
    serve,
)

__all__ = [
    "SENSOR_NOISE",
    "START",
    "WIDTH",
    "WINDOW_S",
    "Chart",
    "Feed",
    "NullTransport",
    "live",
    "serve",
    "surging",
]

BEAT_S = 0.01  # between two batches of a live source


async def live(feed: Feed, rate: float) -> AsyncIterator[dict[str, Any]]:
    """Yield the rows that have come due, on the engine's loop."""
    begun, made = time.perf_counter(), 0
    while True:
        due = int((time.perf_counter() - begun) * rate)
        if due > made:
            yield feed.columns(due - made)
            made = due
        await asyncio.sleep(BEAT_S)


async def surging(rate: Callable[[], float], series: int) -> AsyncIterator[dict[str, Any]]:
    """Yield rows of now, so many a second as `rate()` says at the time; as `live` otherwise."""
    rng = np.random.default_rng(1)
    until = time.time_ns()
    while True:
        await asyncio.sleep(BEAT_S)
        now = time.time_ns()
        rows = int((now - until) * rate() / 1e9)
        if rows:
            times = until + (now - until) * np.arange(1, rows + 1) // rows
            wave = np.sin(times / 1e9)
            noise = rng.normal(scale=SENSOR_NOISE, size=(series, rows))
            yield {"time": times} | {f"s{n}": wave + each for n, each in enumerate(noise)}
            until = now
