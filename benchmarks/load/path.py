"""One run of the path: a producer, a pipeline, a buffer, a chart session, perhaps a store."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.harness import percentile
from benchmarks.rig import NullTransport, serve
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.engine.buffer import BufferManager
from livewidget.engine.session import ChartSession
from livewidget.engine.streamer import DataStreamer
from livewidget.pipeline import Calculate, Filter, Validate
from livewidget.storage.embedded import EmbeddedStore

SYMBOLS = tuple(f"S{place}" for place in range(8))
SCHEMA = Schema.of({"time": "time", "symbol": "text", "bid": "float", "ask": "float"}, "time")
BEATS_S = 100  # pushes a second of a paced producer
WARM_UP_S = 1.0
BRIEF_S = 0.5  # of warm-up for a producer that goes as fast as it can: it fills all at once


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of one run.

    `rate` is events a second, None: as fast as it goes. `rows` is those of a push (None: a
    hundredth of a second). `workers` is that of the streamer, None: no pipeline. `store` is
    "none", "ahead" (written ahead by a thread), "ahead, strict" (and synced), or "in line": the
    producer writes each push to the store itself, synced, before it goes on.
    """

    rate: float | None
    seconds: float
    rows: int | None = None
    workers: int | None = 1
    store: str = "none"


@dataclass(frozen=True, slots=True)
class Carried:
    """What a run gave: rates in rows a second, times in ms, cores, bytes.

    `frame_ms` and `store_ms` are p50 and p99, None where there is nothing to tell. `lost` is the
    part of the rows offered that was dropped. `exact` is whether the account came out.
    """

    rate: float
    offered: float
    frame_ms: tuple[float, float] | None
    store_ms: tuple[float, float] | None
    lost: float
    cores: float
    rows_a_cpu_s: float
    rss: int
    frames: float
    row_bytes: float
    disk_bytes: float
    exact: bool


class Producer(threading.Thread):
    """Pushes rows by the clock, or as fast as it goes, until it is told to end.

    `spent` is the CPU time of making them, which is not livewidget's.
    """

    def __init__(self, load: Load, push: Callable[[Batch], object]) -> None:
        super().__init__(name="producer")
        self.made, self.spent = 0, 0.0
        self.ended = threading.Event()
        self._load = load
        self._push = push
        self._rows = load.rows or max(1, round((load.rate or 1e6) / BEATS_S))
        noise = np.random.default_rng(1).normal(size=(2, self._rows))
        codes = np.arange(self._rows, dtype=np.int32) % len(SYMBOLS)
        self._rest = (Text(codes, SYMBOLS), 100 + noise[0], 101 + noise[1])

    def run(self) -> None:
        """Push."""
        begun, rate = time.perf_counter(), self._load.rate
        while not self.ended.is_set():
            if rate is not None:
                early = begun + self.made / rate - time.perf_counter()
                if early > 0 and self.ended.wait(early):
                    return
            since = time.thread_time()
            batch = self._batch()
            self.spent += time.thread_time() - since
            try:
                self._push(batch)
            except TimeoutError:
                continue  # it was not taken: offered by the clock, not carried
            self.made += self._rows

    def _batch(self) -> Batch:
        now = time.time_ns()
        times = np.arange(now - self._rows + 1, now + 1)
        return Batch(SCHEMA, (times, *self._rest))


def run(load: Load) -> Carried:
    """Run the path under a load, after a second of warm-up. In a process of its own."""
    with ExitStack() as stack:
        folder = None
        if load.store != "none":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd())))
        buffer, push_also = _buffer(load, folder, stack)
        pipeline = () if load.workers is None else _pipeline()
        streamer = DataStreamer(
            schema=SCHEMA, by="symbol", pipeline=pipeline, workers=load.workers or 0, buffer=buffer
        )
        stored = _watch_store(buffer)
        hub, transport = serve(streamer)
        frames = _watch_frames(transport)

        def push(batch: Batch) -> None:
            streamer.push(batch)
            if push_also is not None:
                push_also(batch)

        producer = Producer(load, push)
        producer.start()
        try:
            time.sleep(BRIEF_S if load.rate is None else WARM_UP_S)
            return _measured(load, streamer, producer, transport, (frames, stored), folder)
        finally:
            producer.ended.set()
            producer.join()
            hub.engine.close()


def _pipeline() -> list[Any]:
    return [
        Validate(bid={"required": True, "min": 0.0}, ask={"required": True, "min": 0.0}),
        Calculate(spread="ask - bid", mid="(ask + bid) / 2"),
        Filter("mid > 0"),
    ]


def _buffer(
    load: Load, folder: Path | None, stack: ExitStack
) -> tuple[BufferManager, Callable[[Batch], object] | None]:
    if folder is None:
        return BufferManager(retention=60), None
    if load.store == "in line":
        store = EmbeddedStore(folder / "store", sync="strict")
        store.open(SCHEMA)
        stack.callback(store.close)
        return BufferManager(retention=60), lambda batch: store.append(batch, store.rows)
    options = {"sync": "strict"} if load.store == "ahead, strict" else {}
    buffer = BufferManager(retention=60, store=folder / "store", store_options=options)
    stack.callback(buffer.close)
    return buffer, None


def _watch_frames(transport: NullTransport) -> list[float]:
    """Have the age in ms of each frame's oldest row noted once the transport has the frame."""
    ages: list[float] = []
    advance, send = ChartSession.advance, transport.send
    oldest = [math.nan]

    def noted(session: ChartSession) -> Any:
        frame = advance(session)
        oldest[0] = math.nan if frame is None else frame.arrival
        return frame

    def sent(content: Any, buffers: Any) -> None:
        send(content, buffers)
        if buffers and not math.isnan(oldest[0]):
            ages.append(time.time_ns() / 1e6 - oldest[0])

    ChartSession.advance = noted  # type: ignore[method-assign]
    transport.send = sent  # type: ignore[method-assign]
    return ages


def _watch_store(buffer: BufferManager) -> list[float]:
    """Have the ages in ms of each write's oldest and newest row noted once they are stored."""
    ages: list[float] = []
    if buffer.archive is not None:
        ahead = buffer.archive.ahead
        append = ahead.store.append

        def noted(batch: Batch, first: int) -> None:
            append(batch, first)
            now = time.time_ns()
            ages.extend((now - int(batch.times[place])) / 1e6 for place in (0, -1))

        ahead.store.append = noted  # type: ignore[method-assign]
    return ages


def _measured(
    load: Load,
    streamer: DataStreamer,
    producer: Producer,
    transport: Any,
    ages: tuple[list[float], list[float]],
    folder: Path | None,
) -> Carried:
    frames, stored = ages
    before = streamer.account()
    made, spent = producer.made, producer.spent
    for each in ages:
        each.clear()
    transport.sent_at.clear()
    begun, cpu = time.perf_counter(), time.process_time()
    time.sleep(load.seconds)
    after = streamer.account()
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    cpu -= producer.spent - spent
    done = after.stored + after.filtered - before.stored - before.filtered
    parts = after.stored + after.filtered + after.rejected + after.dropped + after.in_flight
    ring = streamer.buffer.ring
    size = 0 if folder is None else sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    return Carried(
        rate=done / took,
        offered=load.rate or (producer.made - made) / took,
        frame_ms=_tails(frames),
        store_ms=_tails(stored),
        lost=(after.dropped - before.dropped) / max(1, after.received - before.received),
        cores=cpu / took,
        rows_a_cpu_s=done / cpu,
        rss=psutil.Process().memory_info().rss,
        frames=len(transport.sent_at) / took,
        row_bytes=0.0 if ring is None else float(ring.row_bytes),
        disk_bytes=size / max(1, after.stored),
        exact=after.received == parts,
    )


def _tails(values: list[float]) -> tuple[float, float] | None:
    return (percentile(values, 50), percentile(values, 99)) if values else None


def to_json(carried: Carried) -> dict[str, Any]:
    """Return plain values, for another process."""
    return asdict(carried)
