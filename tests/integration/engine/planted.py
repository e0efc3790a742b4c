"""A whole stream with a chart and a page that draws, in which any stage can be made slow."""

from __future__ import annotations

import asyncio
import threading
import time

import numpy as np

from livewidget.buffers.queue import Queue
from livewidget.engine.hub import Hub
from livewidget.engine.monitor import PerformanceMonitor
from livewidget.engine.session import ChartSession
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.engine.watch import Watch
from livewidget.pipeline.operator import Bound, Operator
from livewidget.testing import ListStore, RecordingTransport

ROWS = 200  # that the source gives at once
BEAT_S = 0.02
RATE = ROWS / BEAT_S
BATCH = 50  # rows worked on at once: what is slow still gives something new for each frame
CAP = 30.0
LOOK_S = 0.15
_BUSY = 0.95  # of a page's time: it does other things, too


class Costly(Operator):
    name = "costly"

    def __init__(self, work):
        self._work = work

    def bind(self, schema, clock):
        def step(batch, tally):
            self._work(len(batch))
            return batch

        return Bound(schema, step)


class CostlyStore(ListStore):
    def __init__(self, work):
        super().__init__("a disk")
        self._work = work

    def append(self, batch, first):
        super().append(batch, first)
        self._work(len(batch))


class CostlyTransport(RecordingTransport):
    def __init__(self, work):
        super().__init__()
        self._work = work

    def send(self, content, buffers):
        super().send(content, buffers)
        self._work(1)


class Planted:
    """`slower` says how many times too slow a stage is: "operator", "store", "sink", "link".

    `source_hz` makes the source give a row that seldom, `draw_ms` the page draw that slowly,
    `heard` the link carry so many messages a second; `batch_s` is what an operator's batch costs
    however many rows it has.
    """

    def __init__(
        self, *, source_hz=None, draw_ms=5.0, heard=None, batch_s=0.0, workers=1, **slower
    ):
        self._slower = slower
        self._over = threading.Event()
        self._hz = source_hz
        self._draw_ms = draw_ms
        self._heard = heard
        self.engine = Engine()
        self.streamer = DataStreamer(
            self._rows(),
            pipeline=Costly(self._work("operator", RATE, batch_s)),
            queue=Queue(rows=2_000, batch_rows=BATCH),
            workers=workers,
            store=CostlyStore(self._work("store", RATE)),
            engine=self.engine,
        )
        sink = self._work("sink", RATE)
        self.streamer.send_to(lambda batch: sink(len(batch)), as_batch=True, batch_rows=BATCH)
        self.transport = CostlyTransport(self._work("link", CAP))
        self.hub = Hub(self.transport, self.engine)
        self.session = ChartSession(1, self.streamer, cap=CAP)
        monitor = PerformanceMonitor(self.streamer)
        self.watch = Watch(self.streamer, self.session, self.hub, every_s=LOOK_S)
        self.engine.call(lambda: self.hub.add(self.session, monitor))
        self.engine.spawn(self._page(), "a page")

    def __enter__(self):
        self.streamer.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.engine.call(lambda: self.hub.remove(1, "done"))
        self.streamer.stop()
        self.engine.close()

    def _work(self, name, rate, least=0.0):
        """What a stage does with so many items: nothing, or less than `rate` of them a second.

        At `least` so many seconds at once.
        It lets other threads run meanwhile, as a disk or a server would, and is quick at the end.
        """
        cost = self._slower.get(name, 0.0) / rate

        def work(items):
            if (cost or least) and not self._over.is_set():
                self._over.wait(max(least, items * cost))

        return work

    async def _rows(self):
        rng = np.random.default_rng(1)
        due = time.monotonic()
        while True:
            yield {"y": rng.normal(size=1 if self._hz else ROWS)}
            due = max(due + (1 / self._hz if self._hz else BEAT_S), time.monotonic() - 0.1)
            await asyncio.sleep(due - time.monotonic())

    async def _page(self):
        """Look at the chart, and tell ten times a second what has come and was drawn."""
        say = self.transport.receive
        say({"kind": "view", "client": "A", "chart": 1, "view": 1, "width": 800, "visible": True})
        begun = told = time.monotonic()
        sequence = 0
        while True:
            await asyncio.sleep(0.1)
            now = time.monotonic()
            most = int((now - told) * _BUSY * 1000 / self._draw_ms)
            if not most:
                continue
            drawn = min(self.session.sequence - sequence, most)
            # What it has no time for it never draws; a frame that it is at is told next time.
            told = told + most * self._draw_ms / 1000 / _BUSY if drawn == most else now
            sequence = self.session.sequence
            tick = self.hub.tick
            if self._heard is not None:
                tick = min(tick, int((now - begun) * self._heard))
            wall = time.time() * 1000
            say(
                {
                    "kind": "ack",
                    "client": "A",
                    "tick": tick,
                    "sent": wall,
                    "received": wall,
                    "now": wall,
                    "charts": {"1": {"drawn": drawn, "draw_ms": self._draw_ms, "age_ms": [20.0]}},
                }
            )

    def named(self):
        """What bounds the rate now: one reading."""
        return {each["name"] for each in self.watch.parts()["stages"] if each["limits"]}
