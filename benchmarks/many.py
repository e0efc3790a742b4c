"""Many connections in one process: how long an event takes from its server to the buffer."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import suppress

import numpy as np

from benchmarks.blaster import EVENTS_S, blaster
from benchmarks.filling import FRAME_S
from benchmarks.harness import Figure, Outcome, Plot, distribution, percentile
from livewidget.data.batch import Batch
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine

CONNECTIONS = 200
WARM_UP_S = 3.0
MS = 1e6  # ns


class Arrivals(BufferManager):
    """A buffer that notes how old, in ms, each event is that it gets."""

    def __init__(self, ages: list[float]) -> None:
        super().__init__()
        self._ages = ages

    def append(self, batch: Batch) -> None:
        """Keep the rows, and note their ages."""
        super().append(batch)
        self._ages += ((time.time_ns() - batch.times) / MS).tolist()


def measure(*, quick: bool) -> Outcome:
    """Measure the ages of events in the buffers, beside those in as many bare loops."""
    seconds = 4.0 if quick else 15.0
    runs = {"livewidget": _stream(seconds), "bare loops": _bare(seconds)}
    ages, rate, busy = runs["livewidget"]
    _, bare_rate, bare_busy = runs["bare loops"]
    bare99 = percentile(runs["bare loops"][0], 99)
    p50, p99 = percentile(ages, 50), percentile(ages, 99)
    figures = [
        Figure("age in the buffer, p99", p99, "ms", f"p50 {p50:.1f} ms; bare {bare99:.1f} ms", 100),
        Figure("carried", rate, "events/s", f"bare loops {bare_rate:.0f}", 0.98 * bare_rate, True),
        Figure("one core", 100 * busy, "% busy", f"bare loops {100 * bare_busy:.0f} %"),
    ]
    lines = {name: distribution(each[0]) for name, each in runs.items()}
    title = f"{CONNECTIONS} connections, {EVENTS_S} events a second each"
    plot = Plot(title, "percentile", "ms from server to buffer", lines=lines, target=100)
    note = (
        f"{CONNECTIONS} WebSocket connections with a buffer each, on one engine in one process. "
        "The server, another process, stamps each event when it sends it, by the machine's clock; "
        f"its age is taken when the buffer has it. All are drained every {1e3 * FRAME_S:.0f} ms, "
        "as charts drain them. The bare loops are tasks of one loop that call `json.loads`; they "
        "have no buffer and no batches, so that theirs is the age on arrival."
    )
    return Outcome("Many connections", figures, [plot], note)


def _stream(seconds: float) -> tuple[list[float], float, float]:
    """Return the ages in ms, events a second, and how busy one core was."""
    ages: list[float] = []
    wanted = {"time": "time", "columns": ("value",), "proxy": False}
    with blaster("many", CONNECTIONS) as port:
        url = f"ws://127.0.0.1:{port}"
        streamers = [
            DataStreamer(url, buffer=Arrivals(ages), **wanted).start() for _ in range(CONNECTIONS)
        ]
        ended = threading.Event()

        async def drain() -> None:
            while not ended.is_set():
                for streamer in streamers:
                    streamer.drain()
                await asyncio.sleep(FRAME_S)

        Engine.shared().spawn(drain(), "benchmark-drain")
        outcome = _watch(ages, seconds)
    ended.set()  # after the server: nobody waits for its farewell
    for streamer in streamers:
        streamer.stop()
    return outcome


def _bare(seconds: float) -> tuple[list[float], float, float]:
    """Return the same of bare receive loops."""
    ages: list[float] = []
    with blaster("many", CONNECTIONS) as port:
        url = f"ws://127.0.0.1:{port}"
        receiving = threading.Thread(target=lambda: asyncio.run(_receive_all(url, ages)))
        receiving.start()
        outcome = _watch(ages, seconds)
    receiving.join()  # the server's end is theirs
    return outcome


async def _receive_all(url: str, ages: list[float]) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed

    async def receive() -> None:
        async with connect(url, proxy=None) as connection:
            with suppress(ConnectionClosed):
                while True:
                    event = json.loads(await connection.recv())
                    ages.append(1e3 * (time.time() - event["time"]))

    await asyncio.gather(*(receive() for _ in range(CONNECTIONS)))


def _watch(ages: list[float], seconds: float) -> tuple[list[float], float, float]:
    while not ages:  # all have connected
        time.sleep(0.01)
    time.sleep(WARM_UP_S)
    first, begun, spent = len(ages), time.perf_counter(), time.process_time()
    time.sleep(seconds)
    last, took = len(ages), time.perf_counter() - begun
    busy = (time.process_time() - spent) / took
    return np.array(ages[first:last]).tolist(), (last - first) / took, busy
