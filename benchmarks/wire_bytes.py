"""Bytes to the browser, beside bqplot set natively with the same data."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.harness import Figure, Outcome, Plot
from benchmarks.rig import START, WIDTH, WINDOW_S, Feed
from livewidget.data.frame import SeriesDiff
from livewidget.data.viewport import Viewport
from livewidget.engine.buffer import BufferManager
from livewidget.engine.session import ChartSession
from livewidget.engine.streamer import DataStreamer
from livewidget.wire.encode import encode_frame, encode_packets

RATE = 1_000  # samples a second
FPS = 30
ENVELOPE = 16 + 72 + 24  # bytes: packet, frame and section headers of `wire/layout.md`
POINT = 16  # bytes: a float64 for each of x and y


def measure(*, quick: bool) -> Outcome:
    """Count the bytes of frames in a full 60 s window, and what bqplot sends for the same."""
    frames = list(_frames(5 * FPS if quick else 60 * FPS))
    ours = statistics.fmean(size for size, _, _ in frames)
    native = _native_bytes()
    beyond = sum(size - ENVELOPE for size, _, _ in frames)
    sent, changed = (sum(each[place] for each in frames) for place in (1, 2))
    figures = [
        Figure(
            "bytes a frame over bqplot's own",
            100 * ours / native,
            "%",
            f"{ours:.0f} bytes; bqplot {native:,.0f} bytes",
            0.5,
        ),
        Figure(
            "bytes beyond the envelope for each point sent",
            beyond / sent,
            "bytes",
            f"{sent / len(frames):.2f} points a frame, envelope {ENVELOPE} bytes",
            POINT,
        ),
        Figure(
            "the same for each point that really changed",
            beyond / changed,
            "bytes",
            f"{changed / len(frames):.2f} points a frame; the open bucket goes whole",
        ),
        Figure("bytes a second", ours * FPS, "bytes/s", f"bqplot {native * FPS:,.0f} bytes/s"),
    ]
    bars = {"livewidget": ours, "bqplot set natively": native}
    plot = Plot("Bytes a frame", "", "bytes", bars=bars, log="y")
    note = (
        f"One series, {RATE:,} samples/s, a full {WINDOW_S:.0f} s window, {WIDTH} pixels, "
        f"{FPS} frames/s of event time. bqplot's bytes are those of the comm message when x "
        "and y of a `Lines` mark are set to the window's samples."
    )
    return Outcome("Bytes to the browser", figures, [plot], note)


def _frames(count: int) -> Iterator[tuple[int, int, int]]:
    """Yield for each frame: bytes of its packet, points in it, points that were not there."""
    feed = Feed(1, RATE, START)
    streamer = DataStreamer(schema=feed.schema, buffer=BufferManager(feed.schema))
    session = ChartSession(1, streamer, window=WINDOW_S)
    session.look(Viewport(WIDTH))
    streamer.push(feed.batch(round(WINDOW_S * RATE)))
    held = _Held()
    held.apply(session.advance())
    due = 0.0
    for tick in range(1, count + 1):
        due += RATE / FPS
        rows, due = int(due), due % 1
        streamer.push(feed.batch(rows))
        frame = session.advance()
        if frame is not None:
            packets = encode_packets(tick, encode_frame(frame))
            yield sum(len(packet) for _, packet in packets), *held.apply(frame)


class _Held:
    """The points that a browser holds of the one series, as a set."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float]] = []

    def apply(self, frame: Any) -> tuple[int, int]:
        """Take a frame; return the points in it and how many of them were not held."""
        known = set(self._points[-8:])
        diff: SeriesDiff = frame.series[0]
        new = list(zip(diff.x.tolist(), diff.y.tolist(), strict=True))
        kept = self._points[diff.trim : len(self._points) - diff.cut]
        self._points = kept + new
        return len(new), sum(point not in known for point in new)


def _native_bytes() -> float:
    """Return the bytes of the message that sets a bqplot mark to the whole window."""
    import bqplot

    feed = Feed(1, RATE, START)
    window = feed.columns(round(WINDOW_S * RATE))
    scales = {"x": bqplot.DateScale(), "y": bqplot.LinearScale()}
    mark = bqplot.Lines(x=window["time"][:2], y=window["s0"][:2], scales=scales)
    sizes: list[int] = []

    def publish(_: object, data: Any = None, **more: Any) -> None:
        sizes.append(len(repr(data)) + sum(memoryview(b).nbytes for b in more.get("buffers") or ()))

    mark.comm.publish_msg = publish
    with mark.hold_sync():
        mark.x, mark.y = window["time"], np.ascontiguousarray(window["s0"])
    return float(sum(sizes))
