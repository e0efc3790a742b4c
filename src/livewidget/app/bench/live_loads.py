"""The standard loads that need more than the processor: a disk, a socket, and time."""

from __future__ import annotations

import json
import math
import random
import struct
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from livewidget.app.bench.harness import percentile
from livewidget.app.bench.loads import (
    CLOCKED,
    POINTS,
    Job,
    Kind,
    Load,
    Samples,
    ranges,
    read_all,
    scaled,
)
from livewidget.app.bench.rig import Feed, NullTransport, fill, serve
from livewidget.app.bench.server import Blaster, frame
from livewidget.data.errors import SourceError
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.engine.transport import Message
from livewidget.storage.embedded.store import EmbeddedStore

_WRITTEN, _HELD, _READS, _PARTS = 20_000, 200_000, 10, 3
_STORE_BATCH = 1_000
_MESSAGES = 10_000
_EVENTS_S, _BEAT_S, _LIVE_S = 100_000, 0.01, 0.3
_LEAST_LIVE_S, _MOST_LIVE_S = 0.2, 10.0
_ARRIVAL = struct.Struct("<d")
_ARRIVAL_AT = 16 + 64  # in a packet of one frame; see wire/layout.md


def live_loads(size: float = 1.0) -> dict[str, Load]:
    """Return the loads of the store, of a WebSocket on loopback, and from arrival to browser."""
    return {
        "store": Load(
            [
                Kind("store-write", "store, write", "rows/s", more=True, relevant=CLOCKED),
                Kind("store-read", f"store, read at {POINTS:,} points", "ms", relevant=CLOCKED),
            ],
            _store(size),
        ),
        "websocket": Load(
            [Kind("websocket", "WebSocket in", "messages/CPU s", more=True)], _websocket(size)
        ),
        "latency": Load(
            [
                Kind(
                    f"latency-p{of}",
                    f"latency at {_EVENTS_S:,} events/s, p{of}",
                    "ms",
                    relevant=CLOCKED,
                )
                for of in (50, 99)
            ],
            _latency(size),
        ),
    }


def _store(size: float) -> Callable[[ExitStack], Job]:
    rows = scaled(_WRITTEN, size, 10 * _STORE_BATCH)

    def begin(stack: ExitStack) -> Job:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livewidget-bench-")))
        feed, chance = Feed(3, 1e3), random.Random(4)
        held = stack.enter_context(EmbeddedStore(place / "held"))
        _write(held, feed, scaled(_HELD, size, 10 * _STORE_BATCH))

        def job() -> Samples:
            with (
                tempfile.TemporaryDirectory(dir=place) as new,
                EmbeddedStore(Path(new) / "store") as store,
            ):
                took = _write(store, feed, rows)
            span = held.span()
            assert span is not None
            asked = ranges(span, _READS, chance)
            spent = min(_clocked(lambda: read_all(held, asked)) for _ in range(_PARTS))
            return rows / took, 1e3 * spent / _READS

        return job

    return begin


def _write(store: EmbeddedStore, feed: Feed, rows: int) -> float:
    """Append rows and wait until all are Parquet; return the seconds by the clock."""
    given = [feed.batch(_STORE_BATCH) for _ in range(rows // _STORE_BATCH)]

    def append() -> None:
        for turn, batch in enumerate(given):
            store.append(batch, turn * _STORE_BATCH)
        store.settle()

    return _clocked(append)


def _clocked(job: Callable[[], object]) -> float:
    """Return the seconds of a job by the clock: a disk and other threads have a part in it."""
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun


def _websocket(size: float) -> Callable[[ExitStack], Job]:
    messages = scaled(_MESSAGES, size)

    def begin(stack: ExitStack) -> Job:
        rows = (
            {"time": 1.7e9 + n / 1e3, "bid": 100.0 + n % 7, "ask": 101.0} for n in range(messages)
        )
        payload = b"".join(frame(json.dumps(row).encode()) for row in rows)
        url = stack.enter_context(Blaster(payload)).url
        engine = Engine.shared()

        def job() -> Samples:
            begun = engine.call(time.thread_time)
            fill(url, messages, time="time", columns=("bid", "ask"), proxy=False, reconnect=False)
            return (messages / (engine.call(time.thread_time) - begun),)

        return job

    return begin


class Page(NullTransport):
    """A page that sees chart 1 and tells the ages of its frames; acknowledges once a second."""

    def __init__(self) -> None:
        super().__init__()
        self.ages_ms: list[float] = []

    def send(self, content: Message, buffers: list[bytes | memoryview]) -> None:
        """Note how long ago the oldest new event of a frame came."""
        if content.get("kind") == "tick" and buffers:
            (arrival,) = _ARRIVAL.unpack_from(buffers[0], _ARRIVAL_AT)
            if not math.isnan(arrival):
                self.ages_ms.append(time.time() * 1e3 - arrival)
        super().send(content, buffers)


def _latency(size: float) -> Callable[[ExitStack], Job]:
    """Return p50 and p99 (ms) of the frames' ages, of a chart that is fed and drawn for a while."""
    seconds = max(_LEAST_LIVE_S, _LIVE_S * size)

    def job() -> Samples:
        feed, page = Feed(2, _EVENTS_S, time.time_ns()), Page()
        streamer = DataStreamer(schema=feed.schema)
        hub, _ = serve(streamer, transport=page)
        try:
            _feed(streamer, feed, seconds, page)
            ages = hub.engine.call(page.ages_ms.copy)
        finally:
            hub.engine.call(lambda: hub.remove(1, "the round is over"))
            streamer.stop()
        return percentile(ages, 50), percentile(ages, 99)

    return lambda _: job


def _feed(streamer: DataStreamer, feed: Feed, seconds: float, page: Page) -> None:
    """Push at a steady rate, each batch when it is due, until a frame has been drawn."""
    begun = time.perf_counter()
    for beat in range(round(_MOST_LIVE_S / _BEAT_S)):
        time.sleep(max(0.0, begun + beat * _BEAT_S - time.perf_counter()))
        if page.ages_ms and beat * _BEAT_S >= seconds:
            return
        streamer.push(feed.columns(round(_EVENTS_S * _BEAT_S)))
    raise SourceError(f"no frame was drawn in {_MOST_LIVE_S:.0f} s: the machine is too busy")
