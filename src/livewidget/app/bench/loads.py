"""The standard loads: what `livewidget bench` has this machine do."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from livewidget.app.bench.harness import fastest
from livewidget.app.bench.rig import NO_ENGINE, START, Chart, Feed
from livewidget.data.batch import Batch
from livewidget.data.clock import SystemClock
from livewidget.data.history import History
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.pipeline.calculate import Filter
from livewidget.pipeline.chain import Pipeline
from livewidget.pipeline.operator import Operator, Tally
from livewidget.pipeline.windows.operator import Window
from livewidget.sketches.ladder import snap

Samples = tuple[float, ...]
Job = Callable[[], Samples]

CLOCKED = 1.25  # what the clock on the wall measures depends on the disk and on other programs
POINTS = 2_000  # of a read
_PARTS = 4  # of a round, of which the fastest counts
_YARDSTICK = 50_000
_PUSHED = {1: 250, 100: 10_000, 10_000: 100_000}  # rows a part, by rows a push
_BATCH = 10_000
_WORKED = 10  # batches a part: a second of event time
_KEYS = 1_000
_RATE = 100_000  # events a second of event time
_BUFFERED, _READS = 200_000, 10
_WINDOWS = (10_000, 1_000_000)  # points in sight
_FRAMES, _NEW = 5, 1_000
_LEAST_POINTS = 1_000
_SCHEMA = Schema.of({"time": "time", "key": "text", "value": "float"}, "time")


@dataclass(frozen=True, slots=True)
class Kind:
    """What one sample is; see `Measured`."""

    key: str
    name: str
    unit: str
    more: bool = False
    relevant: float = 1.1


@dataclass(frozen=True, slots=True)
class Load:
    """Some work whose speed is measured.

    `open` makes ready what it needs, to be taken down by the stack, and returns the job of one
    round, which gives a sample of each kind. It raises MissingExtraError where a package lacks.
    """

    kinds: Sequence[Kind]
    open: Callable[[ExitStack], Job]


def loads(size: float = 1.0) -> dict[str, Load]:
    """Return the loads that need nothing but the processor; `size` 1 is the standard."""
    return {
        "machine": Load([Kind("machine", "the machine itself", "ms")], _yardstick(size)),
        "push": Load(
            [_rate(f"push-{rows}", f"push, {rows:,} at a time") for rows in _PUSHED], _push(size)
        ),
        "pipeline": Load(
            [_rate("pipeline", "filter and 1 s windows")],
            _worked(size, [Filter("value > 80"), _window(None, ("count", "mean", "max"))]),
        ),
        "window": Load(
            [_rate("window", f"1 s windows with p95, {_KEYS:,} keys")],
            _worked(size, [_window("key", ("count", "mean", "min", "max", "p95"))]),
        ),
        "buffer": Load(
            [
                _rate("buffer-append", "buffer, append"),
                Kind("buffer-read", f"buffer, read at {POINTS:,} points", "ms"),
            ],
            _buffer(size),
        ),
        "frame": Load(
            [
                Kind(f"frame-{points}", f"frame, {scaled(points, size):,} points in sight", "ms")
                for points in _WINDOWS
            ],
            _frames(size),
        ),
    }


def scaled(count: int, size: float, least: int = _LEAST_POINTS) -> int:
    """Return a count at this size, not below `least` where the whole is above it."""
    return min(count, max(least, round(count * size)))


def _rate(key: str, name: str) -> Kind:
    return Kind(key, name, "rows/CPU s", more=True)


def _yardstick(size: float) -> Callable[[ExitStack], Job]:
    """Return work that has nothing to do with livewidget: Python's and numpy's, half each."""
    turns = scaled(_YARDSTICK, size)
    values = np.random.default_rng(1).normal(size=2 * turns)

    def work() -> None:
        total = 0
        for number in range(turns):
            total += number % 7
        np.sort(values)
        np.cumsum(values)

    return lambda _: lambda: (1e3 * fastest([work] * _PARTS),)


def _push(size: float) -> Callable[[ExitStack], Job]:
    def begin(_: ExitStack) -> Job:
        return lambda: tuple(
            _pushed(rows, scaled(total, size, 10 * rows)) for rows, total in _PUSHED.items()
        )

    return begin


def _pushed(rows: int, total: int) -> float:
    """Return the rows a CPU second, from the call to the ring."""
    feed = Feed(2, 1e6)
    streamer = DataStreamer(schema=feed.schema, engine=NO_ENGINE)

    def push(given: list[dict[str, Any]]) -> None:
        for columns in given:
            streamer.push(columns)
        streamer.drain()

    parts = [[feed.columns(rows) for _ in range(total // rows)] for _ in range(_PARTS)]
    return total / fastest(partial(push, given) for given in parts)


def _window(by: str | None, metrics: Sequence[str]) -> Operator:
    return Window("1s", by=by, aggregate={name: ("value", name) for name in metrics})


def _later() -> Iterator[Batch]:
    """Yield batches of keyed events without end, their times rising."""
    chance = np.random.default_rng(7)
    names = tuple(f"sensor-{number:04}" for number in range(_KEYS))
    keys = [chance.integers(0, _KEYS, _BATCH).astype(np.int32) for _ in range(_WORKED)]
    values = [chance.normal(100, 15, _BATCH) for _ in range(_WORKED)]
    times = START + np.arange(_BATCH) * (10**9 // _RATE)
    while True:
        for key, value in zip(keys, values, strict=True):
            yield Batch(_SCHEMA, (times, Text(key, names), value))
            times = times + _BATCH * 10**9 // _RATE


def _worked(size: float, operators: Sequence[Operator]) -> Callable[[ExitStack], Job]:
    """Return the rows a CPU second through operators that go on from round to round."""
    batches = scaled(_WORKED, size, 1)

    def begin(_: ExitStack) -> Job:
        step, later = Pipeline(operators).bind(_SCHEMA, SystemClock()).step, _later()

        def work(given: list[Batch]) -> None:
            tally = Tally()
            for batch in given:
                step(batch, tally)

        def job() -> Samples:
            parts = [list(islice(later, batches)) for _ in range(_PARTS)]
            return (batches * _BATCH / fastest(partial(work, given) for given in parts),)

        return job

    return begin


def _buffer(size: float) -> Callable[[ExitStack], Job]:
    rows = scaled(_BUFFERED, size, 10 * POINTS)

    def begin(stack: ExitStack) -> Job:
        feed, chance = Feed(1, 1e4), random.Random(4)
        buffer = stack.enter_context(BufferManager(feed.schema, max_rows=rows))
        for _ in range(2):  # it has come round: part of a run has gone
            buffer.append(feed.batch(rows))

        def append(given: list[Batch]) -> None:
            for batch in given:
                buffer.append(batch)

        def job() -> Samples:
            each = rows // 10 // _PARTS
            parts = [[feed.batch(each) for _ in range(10)] for _ in range(_PARTS)]
            took = fastest(partial(append, given) for given in parts)
            span = buffer.span()
            assert span is not None
            read_all(buffer, [(*span, snap((span[1] - span[0]) // POINTS))])  # levels are built
            asked = ranges(span, _READS, chance)
            spent = fastest([lambda: read_all(buffer, asked)] * _PARTS)
            return 10 * each / took, 1e3 * spent / _READS

        return job

    return begin


def read_all(history: History, asked: Sequence[tuple[int, int, int]]) -> None:
    """Read ranges, as `ranges` returns them."""
    for start, stop, width in asked:
        for _ in history.read(start, stop, width=width):
            pass


def ranges(span: tuple[int, int], count: int, chance: random.Random) -> list[tuple[int, int, int]]:
    """Return random ranges in a span, with the bucket width (ns) for `POINTS` points.

    Lengths are even on a logarithmic scale from a hundredth to all, and the same in each round.
    """
    low, high = span
    chosen = []
    for turn in range(count):
        length = round((high - low) * 0.01 ** (turn / count))
        start = chance.randint(low, high - length)
        chosen.append((start, start + length, snap(max(1, length // POINTS))))
    return chosen


def _frames(size: float) -> Callable[[ExitStack], Job]:
    def begin(_: ExitStack) -> Job:
        charts = [Chart(1, scaled(points, size)) for points in _WINDOWS]
        return lambda: tuple(map(_frame, charts))

    return begin


def _frame(chart: Chart) -> float:
    """Return the CPU time (ms) of a frame with new rows."""
    parts = [sum(chart.timed_frame(_NEW) for _ in range(_FRAMES)) for _ in range(_PARTS)]
    return 1e3 * min(parts) / _FRAMES
