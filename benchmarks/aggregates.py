"""From an event to the aggregate on the chart, at 100,000 events a second in a real browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.browser import FRAME_MS, LINE, browser_of, lab_of, watch
from benchmarks.harness import Figure, Outcome, Plot, distribution, percentile

RATE = 100_000  # events a second
EARLY_S = 0.025  # between two looks at an open window
LIMIT_MS = 100 + FRAME_MS
ROOT = Path(__file__).parents[1]

CELL = """
import sys, time
sys.path.append({root!r})
from benchmarks.rig import Feed, live
from livewidget import DataStreamer, LiveChart
feed = Feed(1, {rate}, time.time_ns())
base = DataStreamer(live(feed, {rate})).start()
windows = base.stream.window("1s", early={early})
chart = LiveChart(windows.agg(mean=("s0", "mean"), p95=("s0", "p95"), n=("s0", "count")), y="mean",
                  window=10)
chart
"""

# Of each frame: when it had been painted, and the time of the newest point, ms since the epoch.
PROBE = """(() => {
  const { runtime } = document.querySelector(".livewidget").__livewidget;
  const seen = window.__bench = { frames: [] };
  const { drew } = runtime.counters;
  runtime.counters.drew = (ms) => {
    const { track } = runtime.store.series[0];
    const base = Number(runtime.store.origin / 1000n) / 1000;
    const newest = base + track.x[track.length - 1] / 1e6;
    const channel = new MessageChannel();
    channel.port1.onmessage = () =>
      seen.frames.push([performance.timeOrigin + performance.now(), newest]);
    channel.port2.postMessage(0);
    drew.call(runtime.counters, ms);
  };
})()"""


def measure(*, quick: bool) -> Outcome:
    """Watch the windows of a stream on a chart, and take the age of each event when it shows."""
    seconds = 8.0 if quick else 40.0
    with browser_of() as browser, lab_of() as lab:
        cell = CELL.format(root=str(ROOT), rate=RATE, early=EARLY_S)
        seen = watch(browser, lab, cell, LINE, PROBE, seconds)
    ages = ages_of(seen["frames"])
    p50, p99 = (percentile(ages, each) for each in (50, 99))
    told = f"{RATE:,} events/s, {len(seen['frames']) / seconds:.0f} frames/s"
    figures = [
        Figure("event to its aggregate on the chart, p50", p50, "ms", told),
        Figure("event to its aggregate on the chart, p99", p99, "ms", told, LIMIT_MS),
    ]
    plots = [
        Plot(
            "From an event to its aggregate on the chart",
            "percentile",
            "ms",
            lines={"windows of 1 s, drawn while open": distribution(ages)},
            target=LIMIT_MS,
            log="y",
        )
    ]
    note = (
        f"Windows of a second (mean, p95, count) over {RATE:,} events/s, looked at every "
        f"{1000 * EARLY_S:.0f} ms while open, in JupyterLab in headless Chromium on the same two "
        "cores. An event's age is from its own time to the paint of the first frame that shows a "
        "result of its time or later; the target is 100 ms and a frame at the cap."
    )
    return Outcome("Aggregates on a chart", figures, plots, note)


def ages_of(frames: list[list[float]]) -> list[float]:
    """Return ages of events, ms, one for each ms of event time, from [painted, newest shown]."""
    ages = []
    shown = None
    for painted, newest in frames:
        if shown is None or newest > shown:
            begin = newest if shown is None else shown
            ages += [painted - at for at in np.arange(begin + 1.0, newest + 0.5)]
            shown = newest
    return ages
