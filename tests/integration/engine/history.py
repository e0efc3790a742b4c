"""A random history of one chart: what happens to its data, its view and its link."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.data.viewport import Viewport
from livewidget.engine.session import ChartSession
from livewidget.engine.streamer import DataStreamer
from livewidget.testing import ManualClock
from livewidget.wire.encode import encode_frame, encode_packets

from ...golden.browser import Store, read_packet

S = 1_000_000_000
KEYS = ("", "AAPL", "MSFT", "Ünicode", "four", "five")
VALUES = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 1.5, 2.0, 1e300, -7.25])
SCHEMA = Schema.of({"time": "time", "y": "float", "z": "float", "s": "text"}, "time")


class NoEngine:
    """A streamer without a source never uses its engine."""

    alive = False


@dataclass
class History:
    """The kernel's side, and the parts that a browser is sent."""

    chart: int
    keyed: bool
    every: bool
    limit: int
    newest: int = 1000 * S
    packets: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = ManualClock(now=self.newest)
        self.streamer = DataStreamer(schema=SCHEMA, engine=NoEngine(), clock=self.clock)
        self.session = ChartSession(
            self.chart,
            self.streamer,
            y=("y", "z"),
            by="s" if self.keyed else None,
            window=20.0,
            max_series=3,
            every=self.every,
        )
        self.session.look(Viewport(width=50))
        self.push(seed=0, size=1, shift=0.0)

    def push(self, seed: int, size: int, shift: float) -> None:
        """Rows of up to 10 s, from `shift` s after the newest on; some of one time."""
        random = np.random.default_rng(seed)
        steps = random.choice([0, S // 1000, S // 10, S], size=size)
        times = self.newest + round(shift * S) + np.cumsum(steps)
        if seed % 3 == 0:
            random.shuffle(times)
        self.newest = max(self.newest, int(times.max()))
        data = {
            "time": times.astype("datetime64[ns]"),
            "y": random.choice(VALUES, size),
            "z": random.choice(VALUES[3:], size),
            "s": random.choice(np.array(KEYS[: 1 + seed % len(KEYS)]), size),
        }
        self.streamer.push(Batch.of(data, SCHEMA))

    def gap(self, shift: float) -> None:
        self.streamer.gap(None, self.newest + round(shift * S), "on purpose")

    def resize(self, width: int) -> None:
        look = self.session.viewport
        self.session.look(Viewport(width, look.span, look.token))

    def zoom(self, start: float, length: float) -> None:
        look = self.session.viewport
        low = self.newest - round(start * S)
        self.session.look(Viewport(look.width, (low, low + round(length * S)), look.token + 1))

    def back_to_live(self) -> None:
        look = self.session.viewport
        self.session.look(Viewport(look.width, None, look.token + 1))

    def window(self, seconds: float) -> None:
        self.session.set_window(seconds)

    def pause(self) -> None:
        self.session.pause(self.clock.now())

    def resume(self) -> None:
        self.session.resume(self.clock.now())

    def hide_and_return(self) -> None:
        self.session.revive()

    def frame(self, *, snapshot: bool = False) -> list[bytes]:
        """The next frame's packets."""
        if snapshot:
            self.session.ask_snapshot()
        frame = self.session.advance()
        if frame is None:
            return []
        pieces = encode_frame(frame, self.limit)
        return [packet for _, packet in encode_packets(1, pieces, self.limit)]

    def truth(self) -> Store:
        """What a browser holds that came just now: a snapshot of the view as it is."""
        view = self.session._view
        store = Store()
        if view is not None:
            frame = view.frame(self.session._label, snapshot=True)
            pieces = encode_frame(frame) if frame is not None else []
            for _, packet in encode_packets(1, pieces):
                for part in read_packet(packet)[1]:
                    store.take(part)
        return store


seconds = st.floats(-25, 25, allow_nan=False).map(lambda each: round(each, 2))
pushes = st.tuples(
    st.just("push"),
    st.integers(0, 2**16),
    st.one_of(st.integers(1, 4), st.integers(1, 80)),
    st.one_of(st.just(0.0), st.floats(0, 3), seconds),
)
frames = st.tuples(st.just("frame"), st.sampled_from(["ok", "ok", "ok", "lost", "part lost"]))
others = st.one_of(
    st.tuples(st.just("gap"), st.floats(0, 2)),
    st.tuples(st.just("resize"), st.integers(1, 300)),
    st.tuples(st.just("window"), st.sampled_from([0.001, 1.0, 20.0, 500.0])),
    st.tuples(st.just("zoom"), seconds, st.floats(0.001, 40)),
    st.sampled_from([("back_to_live",), ("pause",), ("resume",), ("hide_and_return",)]),
)
histories = st.lists(st.one_of(pushes, frames, pushes, frames, others), min_size=3, max_size=40)
