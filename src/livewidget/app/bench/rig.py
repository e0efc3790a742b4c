"""What the loads are made of: batches without end, a chart without a browser."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from livewidget.app.bench.harness import cpu_seconds
from livewidget.data.batch import Batch
from livewidget.data.errors import SourceError
from livewidget.data.events import State
from livewidget.data.schema import Schema
from livewidget.data.viewport import Viewport
from livewidget.engine.buffer import BufferManager
from livewidget.engine.hub import Hub
from livewidget.engine.monitor import PerformanceMonitor
from livewidget.engine.session import ChartSession
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.engine.transport import Handler, Message
from livewidget.wire.encode import encode_frame

WIDTH = 800  # CSS pixels of the plot area
WINDOW_S = 60.0
START = 1_700_000_000_000_000_000  # ns since the epoch
ACK_TICKS = 30  # a second of them
FRAME_S = 1 / 30
LONGEST_S = 120.0
SENSOR_NOISE = 0.05  # as of `Synthetic.sensors`


class Feed:
    """Makes batches of `series` noisy waves, `rate` rows a second of event time, end to end.

    `noise` is its standard deviation where the wave's amplitude is 1.
    """

    def __init__(
        self, series: int, rate: float, start: int = START, noise: float = SENSOR_NOISE
    ) -> None:
        self.names = tuple(f"s{place}" for place in range(series))
        self.schema = Schema.of({"time": "time"} | dict.fromkeys(self.names, "float"), "time")
        self._period = 1e9 / rate
        self._start = start
        self._made = 0
        self._noise = np.random.default_rng(1).normal(scale=noise, size=(series, 1 << 16))

    def columns(self, rows: int) -> dict[str, Any]:
        """Return the next rows as a mapping of arrays, as a user would push them."""
        index = np.arange(self._made, self._made + rows)
        self._made += rows
        times = self._start + (index * self._period).astype(np.int64)
        values = np.sin(index / 1e4) + self._noise.take(index, axis=1, mode="wrap")
        return {
            "time": times.view("datetime64[ns]"),
            **dict(zip(self.names, values, strict=True)),
        }

    def batch(self, rows: int) -> Batch:
        """Return the next rows as a ready batch."""
        return Batch.of(self.columns(rows), self.schema)


NO_ENGINE: Any = SimpleNamespace(alive=False)


class Chart:
    """A chart that is drawn by hand: no engine, no browser."""

    def __init__(self, series: int, points: int) -> None:
        self.feed = Feed(series, points / WINDOW_S)
        buffer = BufferManager(self.feed.schema, retention=1.2 * WINDOW_S, max_bytes=2**31)
        self.streamer = DataStreamer(buffer=buffer, schema=self.feed.schema, engine=NO_ENGINE)
        self.session = ChartSession(1, self.streamer, window=WINDOW_S)
        self.session.look(Viewport(WIDTH))
        for begun in range(0, points, 1_000_000):
            self.streamer.push(self.feed.batch(min(1_000_000, points - begun)))
            self.streamer.drain()
        self.frame()

    def frame(self) -> bytes:
        """Draw one frame: from what was pushed to bytes."""
        frame = self.session.advance()
        return b"" if frame is None else b"".join(encode_frame(frame))

    def timed_frame(self, rows: int) -> float:
        """Push `rows`, and return the CPU seconds that the frame then takes."""
        self.streamer.push(self.feed.batch(rows))
        return cpu_seconds(self.frame)


class NullTransport:
    """Swallows what is sent and acknowledges once a second, as one visible page does."""

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self.sent_at: list[float] = []
        self.bytes = 0

    def send(self, content: Message, buffers: list[bytes | memoryview]) -> None:
        """Count a message."""
        self.bytes += sum(len(each) for each in buffers)
        if content.get("kind") != "tick":
            return
        if buffers:
            self.sent_at.append(time.perf_counter())
        if content["tick"] % ACK_TICKS == 0:
            self.acknowledge(content["tick"], content["sent"])

    def acknowledge(self, tick: int, sent: float) -> None:
        """Say that all up to `tick` was drawn."""
        drawn = {"sequence": tick, "drawn": ACK_TICKS, "draw_ms": 5.0, "age_ms": [20.0]}
        times = {"sent": sent, "received": sent + 3, "now": sent + 3}
        self.hear({"kind": "ack", "client": "page", "tick": tick, "charts": {"1": drawn}} | times)

    def open_view(self) -> None:
        """Come to see chart 1."""
        sight = {"client": "page", "chart": 1, "view": 1, "visible": True, "ratio": 1}
        self.hear({"kind": "view", "width": WIDTH} | sight)

    def hear(self, content: Message) -> None:
        """Hand the engine a browser's message."""
        if self.handler is not None:
            self.handler(content, [])

    def expect(self) -> None:
        """Do nothing: the page tells at once."""

    def deaf(self) -> bool:
        """Whether nothing can be heard: never."""
        return False


def serve(
    streamer: DataStreamer, cap: float = 30.0, transport: NullTransport | None = None
) -> tuple[Hub, NullTransport]:
    """Draw a streamer at the cap on its engine, for one page that sees it."""
    transport = transport or NullTransport()
    hub = Hub(transport)
    session = ChartSession(1, streamer, window=WINDOW_S, cap=cap)
    monitor = PerformanceMonitor(streamer)
    hub.engine.call(lambda: hub.add(session, monitor))
    transport.open_view()
    return hub, transport


def fill(source: object, rows: int, **options: Any) -> None:
    """Stream `source` into a buffer until `rows` rows are in it, drained as charts drain it.

    Raises SourceError: too few came.
    """
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
        raise SourceError(f"{buffer.stats()['rows']} rows of {rows} came: {streamer.state}")
