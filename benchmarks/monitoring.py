"""What the monitor costs: a stream of 100,000 events a second with it and without, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.harness import Figure, Outcome, Plot, interleaved, quartiles
from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.engine.monitor import PerformanceMonitor
from livewidget.engine.streamer import DataStreamer
from livewidget.monitor.registry import Registry

RATE = 100_000  # events a second
HERTZ = 100  # batches a second
ROWS = RATE // HERTZ
LIMIT_PERCENT = 1.0
LIMIT_NS = 1_000.0
CALLS = 20_000
SCHEMA = Schema.of({"time": "time", "value": "float"}, "time")


def measure(*, quick: bool) -> Outcome:
    """Measure the CPU time of the process, with the monitor and without; then single calls."""
    seconds, rounds = (2.0, 5) if quick else (4.0, 15)
    jobs = {
        "without": lambda: _stream(seconds, monitored=False),
        "with": lambda: _stream(seconds, monitored=True),
    }
    spent = interleaved(jobs, rounds, warm_up=1)
    percent = {name: [100 * each / seconds for each in times] for name, times in spent.items()}
    added = [a - b for a, b in zip(percent["with"], percent["without"], strict=True)]
    low, middle, high = quartiles(added)
    base = quartiles(percent["without"])[1]
    figures = [
        Figure(
            f"the monitor beside {RATE:,} events/s",
            middle,
            "% of a core",
            f"{base:.1f} % without it, {quartiles(percent['with'])[1]:.1f} % with it",
            LIMIT_PERCENT,
            low=low,
            high=high,
        )
    ]
    figures += _calls(9 if quick else 31)
    bars = {name: quartiles(each)[1] for name, each in percent.items()}
    plot = Plot(f"{RATE:,} events/s, with the monitor and without", "", "% of a core", bars=bars)
    note = (
        f"Batches of {ROWS:,} rows, {HERTZ} a second, each run {seconds:g} s. The CPU time is that "
        "of all threads of the process; the difference is taken between neighbours in time. The "
        "monitor takes a sample a second of all its metrics into both its streams, evaluates the "
        "default alert rules, times the collector and probes the loop five times a second."
    )
    return Outcome("The monitor", figures, [plot], note)


def _stream(seconds: float, *, monitored: bool) -> float:
    """Stream for so long; return the CPU seconds that the process took."""
    streamer = DataStreamer(schema=SCHEMA)
    monitor = PerformanceMonitor(streamer)
    if monitored:
        assert monitor.alerts.alerts is not None
    try:
        streamer.push(next(_batches()))
        begun, spent = time.perf_counter(), time.process_time()
        for number, batch in enumerate(_batches()):
            due = begun + number / HERTZ
            if due - begun >= seconds:
                break
            time.sleep(max(0.0, due - time.perf_counter()))
            streamer.push(batch)
        return time.process_time() - spent
    finally:
        monitor.close()
        streamer.stop()


def _batches() -> Iterator[Batch]:
    values = np.random.default_rng(5).normal(size=ROWS)
    step = 10**9 // RATE
    offsets = np.arange(ROWS) * step
    while True:
        yield Batch(SCHEMA, (time.time_ns() + offsets - 10**9, values))


def _calls(rounds: int) -> list[Figure]:
    registry = Registry()
    counter = registry.counter("rows_total")
    stage = registry.counter("stage_rows_total", labels=("stage",))
    histogram = registry.histogram("took_seconds", unit="seconds")
    values = np.random.default_rng(6).lognormal(-6, 1, 1_000)
    bound = stage.labels("source")
    jobs = {
        "counter.add": _timed(lambda: bound.add(5), CALLS),
        "counter.labels(...).add": _timed(lambda: stage.labels("source").add(5), CALLS),
        "counter.add, without labels": _timed(lambda: counter.add(5), CALLS),
        "histogram.observe": _timed(lambda: histogram.observe(0.01), CALLS),
        "histogram.observe_many of 1,000": _timed(lambda: histogram.observe_many(values), 200),
    }
    figures = []
    for name, times in interleaved(jobs, rounds).items():
        low, middle, high = (1e9 * each for each in quartiles(times))
        limit = LIMIT_NS if name == "counter.add" else None
        reference = f"{middle / 1_000:.0f} ns a value" if "1,000" in name else "the call included"
        figures.append(Figure(name, middle, "ns", reference, limit, low=low, high=high))
    return figures


def _timed(call: Callable[[], object], times: int) -> Callable[[], float]:
    """Return the job that gives the CPU seconds of one call."""

    def job() -> float:
        begun = time.thread_time()
        for _ in range(times):
            call()
        return (time.thread_time() - begun) / times

    return job
