"""While a cell spins in pure Python: the interpreter lock's convoy."""

from __future__ import annotations

import sys
import threading
import time

from benchmarks.harness import Figure, Outcome, Plot, distribution, percentile
from benchmarks.rig import Feed, NullTransport, live, serve
from livewidget.engine.buffer import BufferManager
from livewidget.engine.hub import Hub
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import SWITCH_INTERVAL, Engine

SERIES = 5
RATE = 200_000  # rows a second, each of five samples
PYTHONS_OWN = 0.005  # s, sys.getswitchinterval() of a fresh interpreter


def measure(*, quick: bool) -> Outcome:
    """Draw five series at 1,000,000 samples a second beside a thread that spins, and alone."""
    seconds = 4.0 if quick else 20.0
    runs = {
        "spinning": _run(seconds, SWITCH_INTERVAL, spin=True),
        "spinning, Python's own switch interval": _run(seconds, None, spin=True),
        "idle kernel": _run(seconds, SWITCH_INTERVAL, spin=False),
    }
    idle = percentile(runs["idle kernel"][0], 99)
    figures = []
    for name, (work, fps, rows) in runs.items():
        bound = name == "spinning"
        p50, p99 = percentile(work, 50), percentile(work, 99)
        carried = f"{rows / 1e6 * SERIES:.2f} M samples/s carried"
        figures += [
            Figure(
                f"{name}: frames", fps, "frames/s", carried, 20 if bound else None, at_least=True
            ),
            Figure(
                f"{name}: frame work p99",
                p99,
                "ms",
                f"p50 {p50:.1f} ms; idle kernel p99 {idle:.1f} ms",
                15 if bound else None,
            ),
        ]
    lines = {name: distribution(work) for name, (work, _, _) in runs.items()}
    plot = Plot("Frame work of five series", "percentile", "ms", lines=lines, target=15, log="y")
    note = (
        f"The engine sets a switch interval of {SWITCH_INTERVAL * 1e3:g} ms for the process; "
        "without that (`Engine.switch_interval = None`) Python's own is "
        f"{PYTHONS_OWN * 1e3:g} ms. Work is the wall time of a beat that drew: drain, view, diff, "
        "encoding, sending."
    )
    return Outcome("Beside a cell that spins", figures, [plot], note)


def _run(seconds: float, interval: float | None, *, spin: bool) -> tuple[list[float], float, float]:
    """Return the work of each frame in ms, frames a second, and rows carried a second."""
    sys.setswitchinterval(PYTHONS_OWN)
    Engine.switch_interval = interval
    feed = Feed(SERIES, RATE, time.time_ns())
    streamer = DataStreamer(live(feed, RATE), schema=feed.schema, buffer=BufferManager(feed.schema))
    hub, transport = serve(streamer)
    work = _watch(hub, transport)
    streamer.start()
    ended = threading.Event()
    spinner = threading.Thread(target=_spin, args=(ended,))
    try:
        if spin:
            spinner.start()
        time.sleep(1.0)  # the first second is warm-up
        work.clear()
        before, begun = streamer.account().received, time.perf_counter()
        time.sleep(seconds)
        took = time.perf_counter() - begun
        rows = (streamer.account().received - before) / took
        return list(work), len(work) / took, rows
    finally:
        ended.set()
        if spin:
            spinner.join()
        streamer.stop()
        hub.engine.close()


def _spin(ended: threading.Event) -> None:
    """Be a cell that never lets go of the interpreter by itself."""
    count = 0
    while not ended.is_set():
        for _ in range(10_000):
            count += 1


def _watch(hub: Hub, transport: NullTransport) -> list[float]:
    """Have the wall time in ms of each beat that sends a frame put in a list."""
    work: list[float] = []
    draw = hub._draw

    def timed(now: float) -> float:
        frames, begun = len(transport.sent_at), time.perf_counter()
        delay = draw(now)
        if len(transport.sent_at) > frames:
            work.append(1e3 * (time.perf_counter() - begun))
        return delay

    hub._draw = timed  # type: ignore[method-assign]
    return work
