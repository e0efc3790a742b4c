"""A streamer that runs until its buffer holds so many rows, drained as charts drain it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from livewidget.data.events import State
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine

FRAME_S = 1 / 30
LONGEST_S = 120.0


def fill(source: object, rows: int, **options: Any) -> None:
    """Stream `source` into a buffer until `rows` rows are in it. Raises RuntimeError: too few."""
    full = threading.Event()
    buffer = BufferManager()
    streamer = DataStreamer(source, buffer=buffer, **options)

    async def drain() -> None:
        while not full.is_set():
            streamer.drain()
            if (buffer.stats()["rows"] >= rows) or streamer.state[0] is State.FAILED:
                full.set()
            await asyncio.sleep(FRAME_S)

    with streamer:
        Engine.shared().spawn(drain(), "benchmark-drain")
        full.wait(LONGEST_S)
    if buffer.stats()["rows"] < rows:
        raise RuntimeError(f"{buffer.stats()['rows']} rows of {rows} came: {streamer.state}")


class Cost:
    """What a job takes: CPU seconds of this process, and how busy its core was."""

    def __init__(self, job: Callable[[], object]) -> None:
        self._job = job
        self.busy: list[float] = []

    def __call__(self) -> float:
        """Run the job once and return its CPU seconds."""
        begun, spent = time.perf_counter(), time.process_time()
        self._job()
        took, spent = time.perf_counter() - begun, time.process_time() - spent
        self.busy.append(spent / took)
        return spent
