"""The older past in memory: a week where an hour of the ring was, and what packing costs."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Figure, Outcome, Plot, percentile, quartiles
from livewidget.buffers.aged import AgedBuffer
from livewidget.buffers.segment import MINUTE, SECOND
from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.sketches.ladder import snap

HOUR = 60 * MINUTE
WEEK = 7 * 24 * HOUR
RATE = 10  # rows a second
POINTS = 2_000
START = 1_700_000_000 * SECOND // HOUR * HOUR
SCHEMA = Schema.of({"time": "time", "y": "float"}, "time")
PACE = 1_000_000  # rows a second: what the CPU time is told for
PIECE = 65_536  # rows that a ring hands on at once


def measure(*, quick: bool) -> Outcome:
    """Measure what a week takes, how fast it is read, and the CPU time of a fast stream."""
    span = WEEK // 7 if quick else WEEK
    most = 3600 * RATE * Storage.row_bytes(SCHEMA)
    buffer, raw = _filled(span, most), _filled(span, 64 * 2**20)
    whole = (START + span - max(START, buffer.since(MINUTE))) / HOUR
    stats = raw.stats()
    figures = [
        Figure(
            f"a stream of {RATE} rows a second in the memory of one hour of the ring",
            whole,
            "hours",
            f"{buffer.nbytes:,} of {most:,} bytes; all there were: {span // HOUR} hours",
            span / HOUR,
            at_least=True,
        ),
        Figure(
            "bytes of a row as it came, without loss",
            stats["nbytes"] / stats["raw_rows"],
            "bytes",
            f"{stats['ratio']:.1f} times fewer than plain; levels and sketches included",
        ),
        _read(buffer, span, 100 if quick else 500),
    ]
    cpu = {
        "one number": _costs(1, 30 if quick else 150),
        "two numbers": _costs(2, 30 if quick else 150),
    }
    for name, (inline, writer, both) in cpu.items():
        figures.append(_figure(f"CPU of {PACE:,} rows/s, time and {name}", inline, 0.1))
        title = f"of which in the ring's thread, with a thread to pack, {name}"
        figures.append(_figure(title, writer, 0.1, f"both threads {both:.3f} cores"))
    bars = {name: percentile(inline, 50) for name, (inline, _, _) in cpu.items()}
    plot = Plot(f"Packing {PACE:,} rows a second", "columns", "cores", bars=bars, target=0.1)
    note = (
        "A week: a temperature of two decimals with noise, times off by up to 20 ms. An hour of "
        "the ring is its rows, each written twice. Read: random ranges of an hour and more, at "
        f"{POINTS:,} points. CPU: prices as they walk, then noise of full precision; segments of "
        f"{PIECE:,} rows, packed, with their levels, sums and sketches, aged while memory is short."
    )
    return Outcome("The older past in memory", figures, [plot], note)


def _figure(name: str, costs: list[float], limit: float, reference: str = "") -> Figure:
    low, middle, high = quartiles(costs)
    return Figure(name, middle, "cores", reference or "a core", limit, low=low, high=high)


def _filled(span: int, most: int) -> AgedBuffer:
    """Return a buffer that took a stream of `span` ns in pieces as a ring hands them on."""
    buffer = AgedBuffer(SCHEMA, max_bytes=most)
    chance = np.random.default_rng(1)
    rows = span // SECOND * RATE
    for first in range(0, rows, 10_000):
        places = np.arange(first, min(rows, first + 10_000))
        off = chance.integers(-20_000_000, 20_000_000, len(places))
        times = START + places * (SECOND // RATE) + off
        days = places / (24 * 3600 * RATE)
        ys = 18 + 6 * np.sin(2 * np.pi * days) + chance.normal(0, 0.1, len(places))
        buffer.append(Batch(SCHEMA, (times, np.round(ys, 2))))
    return buffer


def _read(buffer: AgedBuffer, span: int, count: int) -> Figure:
    chance, seconds = random.Random(4), []
    for _ in range(count):
        length = round(HOUR * (span / HOUR) ** chance.random())
        start = START + chance.randint(0, span - length)
        begun = time.perf_counter()
        list(buffer.read(start, start + length, width=snap(max(MINUTE, length // POINTS))))
        seconds.append(time.perf_counter() - begun)
    middle = f"median {1e3 * percentile(seconds, 50):.2f} ms"
    return Figure("read of a range of it, p95", 1e3 * percentile(seconds, 95), "ms", middle)


def _costs(numbers: int, count: int) -> tuple[list[float], list[float], float]:
    """Return cores at the pace, a piece each: packed by the writer; the writer's part; all."""
    schema = Schema.of({"time": "time"} | {f"y{each}": "float" for each in range(numbers)}, "time")
    pieces = [_piece(schema, turn) for turn in range(count)]
    per_core = PIECE / PACE
    buffer = AgedBuffer(schema, max_bytes=32 * 2**20)
    inline = [_cpu(buffer, piece) / per_core for piece in pieces]
    with ThreadPoolExecutor(1) as pool:
        buffer = AgedBuffer(schema, max_bytes=32 * 2**20, submit=pool.submit)
        begun, writer = time.process_time(), []
        for piece in pieces:
            writer.append(_cpu(buffer, piece) / per_core)
            pool.submit(int).result()  # a stream leaves it the time
    both = (time.process_time() - begun) / per_core / count
    return inline[count // 3 :], writer[count // 3 :], both


def _cpu(buffer: AgedBuffer, piece: Batch) -> float:
    begun = time.thread_time()
    buffer.append(piece)
    return time.thread_time() - begun


def _piece(schema: Schema, turn: int) -> Batch:
    chance = np.random.default_rng(turn)
    step = SECOND // PACE
    start = START + turn * PIECE * step
    times = start + np.sort(chance.integers(0, PIECE * step, PIECE))
    walk = np.round(100 + 0.01 * np.cumsum(chance.normal(size=PIECE)), 2)
    columns: list[npt.NDArray[np.float64]] = [walk, chance.normal(size=PIECE)]
    return Batch(schema, (times, *columns[: len(schema.names) - 1]))
