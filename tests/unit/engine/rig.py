"""An engine that stands still: the hub's timers go by a manual clock, on the test's own thread."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from types import SimpleNamespace

from livewidget.engine.hub import Hub
from livewidget.engine.monitor import PerformanceMonitor
from livewidget.engine.session import ChartSession
from livewidget.engine.streamer import DataStreamer
from livewidget.testing import ManualClock, RecordingTransport

from ...golden.browser import Page, read_packet

LEAST_S = 1e-6  # a timer that is due now still takes a moment


NO_ENGINE = SimpleNamespace(alive=False)  # of a streamer whose source is never started


@dataclass
class Timer:
    call: object
    live: bool = True

    def cancel(self) -> None:
        self.live = False


@dataclass
class StillEngine:
    """What a hub and a streamer ask of an engine."""

    clock: ManualClock
    timers: list = field(default_factory=list)
    order: object = field(default_factory=itertools.count)
    alive: bool = False

    @property
    def loop(self):
        return self

    def call_later(self, delay, call):
        timer = Timer(call)
        due = self.clock.monotonic() + max(delay, LEAST_S)
        heapq.heappush(self.timers, (due, next(self.order), timer))
        return timer

    def post(self, call):
        call()

    def run(self, seconds):
        """Let time pass, and whatever is due in it."""
        end = self.clock.monotonic() + seconds
        while self.timers and self.timers[0][0] <= end:
            due, _, timer = heapq.heappop(self.timers)
            self.clock.advance(max(0.0, due - self.clock.monotonic()))
            if timer.live:
                timer.call()
        self.clock.advance(max(0.0, end - self.clock.monotonic()))


class Rig:
    """A hub with charts, and browsers that say what a test has them say."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.engine = StillEngine(self.clock)
        self.transport = RecordingTransport()
        self.hub = Hub(self.transport, self.engine, self.clock)
        self.streamers: dict[int, DataStreamer] = {}
        self.sessions: dict[int, ChartSession] = {}

    def chart(self, number=1, *, cap=30.0, **options):
        streamer = DataStreamer(engine=self.engine, clock=self.clock)
        session = ChartSession(number, streamer, cap=cap, **options)
        self.streamers[number], self.sessions[number] = streamer, session
        self.hub.add(session, PerformanceMonitor(streamer, self.clock))
        return session

    def run(self, seconds, *, push=True, step=0.02):
        """Let time pass, each chart taking a row now and then."""
        for _ in range(round(seconds / step)):
            if push:
                for streamer in self.streamers.values():
                    streamer.push({"time": self.clock.now(), "y": self.clock.monotonic()})
            self.engine.run(step)

    def say(self, kind, client="A", **content):
        self.transport.receive({"kind": kind, "client": client, **content})

    def view(self, client="A", chart=1, view=1, *, width=800, visible=True):
        self.say("view", client, chart=chart, view=view, width=width, visible=visible, ratio=1)

    def ack(self, client="A", tick=None, charts=None, trip_ms=0.0):
        now = self.clock.now() / 1e6
        newest = self.hub.tick if tick is None else tick
        there = now - trip_ms / 2
        times = {"sent": now - trip_ms, "received": there, "now": there}
        self.say("ack", client, tick=newest, charts=charts or {}, **times)

    def live(self, seconds, client="A", push=True):
        """Let time pass while a browser acknowledges all that came, twice a second."""
        for _ in range(round(seconds * 2)):
            self.run(0.5, push=push)
            self.ack(client)

    def packets(self):
        return [packet for _, buffers in self.transport.of_kind("tick") for packet in buffers]

    def parts(self, chart=None):
        parts = [part for packet in self.packets() for part in read_packet(packet)[1]]
        return [part for part in parts if chart in (None, part.chart)]

    def page(self):
        """A browser that takes all messages recorded."""
        page = Page()
        for packet in self.packets():
            page.take(packet)
        return page
