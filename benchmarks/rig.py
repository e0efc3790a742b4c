"""The parts that the kernel-side claims share, most of them with `livewidget bench`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

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
