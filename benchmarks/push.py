"""From push to frame bytes, with the frame loop running beside it on the same core."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.harness import Figure, Outcome, Plot, interleaved, quartiles
from benchmarks.rig import Feed, serve
from livewidget.buffers.ring import RingBuffer
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer

TARGETS = {1_000: 10e6, 100: 3e6}
SERIES = 2
CALLS = 2_000


def measure(*, quick: bool) -> Outcome:
    """Measure throughput for two batch sizes, then the cost of one push beside its references."""
    core = min(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        figures, bars = _throughput(1.0 if quick else 4.0)
    finally:
        os.sched_setaffinity(0, before)
    figures += _costs(8 if quick else 40)
    plot = Plot("Push to frame bytes on one core", "batch", "M rows a CPU second", bars=bars)
    note = (
        f"Rows of a time and {SERIES} numbers. Throughput: all threads on one core; counted is the "
        "CPU time of the whole process, from the first push until every row is in the ring, frames "
        "included. Cost of a call: CPU time of the thread that calls, on all cores; the drain "
        "comes later, on the engine's thread. A ready `Batch` is what sources and programs push; a "
        "mapping of arrays is checked and copied first."
    )
    return Outcome("From push to frame bytes", figures, [plot], note)


def _throughput(seconds: float) -> tuple[list[Figure], dict[str, float]]:
    figures, bars = [], {}
    for rows, target in TARGETS.items():
        for kind, told in (("batch", "a Batch"), ("mapping", "a mapping")):
            rate, wall, fps = _rate(rows, kind, int(target * seconds))
            reference = f"{wall / 1e6:.1f} M rows/s by the clock, {fps:.0f} frames/s beside it"
            wanted = target if kind == "batch" else None
            name = f"pushed as {told} of {rows:,} rows"
            figures.append(Figure(name, rate, "rows/CPU s", reference, wanted, at_least=True))
            bars[f"{kind} of {rows:,}"] = rate / 1e6
    return figures, bars


def _rate(rows: int, kind: str, total: int) -> tuple[float, float, float]:
    """Push `total` rows; return rows a CPU second, rows a second, and frames a second."""
    feed = Feed(SERIES, TARGETS[rows], time.time_ns())
    streamer = DataStreamer(buffer=BufferManager(feed.schema), schema=feed.schema)
    ready = list(_cut(feed, rows, kind, total))
    hub, transport = serve(streamer)
    push = streamer.push
    try:
        for data in ready[: len(ready) // 5]:  # the ring grows to its budget
            push(data)
        transport.sent_at.clear()
        pushed = ready[len(ready) // 5 :]
        begun, spent = time.perf_counter(), time.process_time()
        for data in pushed:
            push(data)
        streamer.drain()
        took, spent = time.perf_counter() - begun, time.process_time() - spent
        done = len(pushed) * rows
        return done / spent, done / took, len(transport.sent_at) / took
    finally:
        hub.engine.close()


def _cut(feed: Feed, rows: int, kind: str, total: int) -> Iterator[Any]:
    """Yield batches (or mappings) of `rows`, cut from one long one."""
    whole = feed.batch(total)
    for low in range(0, total, rows):
        batch = whole.take(slice(low, low + rows))
        times = batch.times.view("datetime64[ns]")
        yield (
            batch
            if kind == "batch"
            else dict(zip(batch.schema.names, (times, *batch.columns[1:]), strict=True))
        )


def _costs(rounds: int) -> list[Figure]:
    """Compare one push with a bare append to the ring, and with waking a loop."""
    feed = Feed(SERIES, 1e6)
    figures = []
    for rows in TARGETS:
        batch, columns = feed.batch(rows), feed.columns(rows)
        ring = RingBuffer(feed.schema)
        streamer = DataStreamer(schema=feed.schema)
        with _Loop() as loop:
            jobs = {
                "ring": lambda ring=ring, batch=batch: _each(lambda: ring.append(batch)),
                "wake": lambda: _each(lambda: loop.call_soon_threadsafe(_nothing)),
                "batch": lambda s=streamer, batch=batch: _pushes(s, batch),
                "mapping": lambda s=streamer, columns=columns: _pushes(s, columns),
            }
            times = {name: quartiles(each) for name, each in interleaved(jobs, rounds).items()}
        figures += _told(rows, times)
    return figures


def _told(rows: int, times: dict[str, tuple[float, float, float]]) -> list[Figure]:
    figures = []
    for kind, name in (("batch", "a Batch"), ("mapping", "a mapping")):
        for other, said, limit in (
            ("ring", "bare ring append", 3.0),
            ("wake", "call_soon_threadsafe", 0.1),
        ):
            cost, reference = times[kind][1], times[other][1]
            text = f"{1e6 * cost:.2f} us a push; {said} {1e6 * reference:.2f} us"
            figures.append(
                Figure(
                    f"push of {name} of {rows:,} over {said}", cost / reference, "x", text, limit
                )
            )
    return figures


def _each(call: Callable[[], object]) -> float:
    """Return the CPU seconds of this thread for one of many calls."""
    begun = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - begun) / CALLS


def _pushes(streamer: DataStreamer, data: Any) -> float:
    """Return the CPU seconds of one push; what was pushed is carried off between the rounds."""
    chunk, spent = 100, 0.0
    for _ in range(CALLS // chunk):
        begun = time.thread_time()
        for _ in range(chunk):
            streamer.push(data)
        spent += time.thread_time() - begun
        streamer.drain()
    return spent / CALLS


class _Loop:
    """An asyncio loop in a thread."""

    def __enter__(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self._loop

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _nothing() -> None:
    pass
