"""Frames and latency in a real JupyterLab, with bqplot marks at 1,000,000 samples a second."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.lab import FLAGS, Lab, chromium
from tests.browser.notebook import Notebook

from benchmarks.harness import Figure, Outcome, Plot, distribution, percentile
from benchmarks.rig import SENSOR_NOISE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SAMPLES = 1_000_000  # a second, of all series together
FPS = {2: 30, 5: 20}
CAP = 30
FRAME_MS = 1000 / CAP
VIEWPORT = {"width": 1500, "height": 900}  # leaves the plot about 1,000 pixels
ROOT = Path(__file__).parents[1]
LINE = ".livewidget .curve path.line"
NATIVE_LINE = ".bqplot path.line"

CELL = """
import sys, time
sys.path.append({root!r})
from benchmarks.rig import Feed, live
from livewidget import LiveChart
feed = Feed({series}, {rate}, time.time_ns(), noise={noise})
chart = LiveChart(live(feed, {rate}), window=10, max_fps={cap})
chart
"""

# The same picture by bqplot's own means: two points a pixel column, set from the kernel at the cap.
NATIVE_CELL = """
import threading, time
import bqplot
import numpy as np
from IPython.display import display
scales = {{"x": bqplot.LinearScale(), "y": bqplot.LinearScale()}}
x = np.arange(2000.0)
marks = [bqplot.Lines(x=x, y=np.sin(x / 50 + n), scales=scales) for n in range({series})]
axes = [bqplot.Axis(scale=scales["x"]), bqplot.Axis(scale=scales["y"], orientation="vertical")]
figure = bqplot.Figure(marks=marks, axes=axes, layout={{"width": "1060px", "height": "380px"}})
display(figure)
noise = np.random.default_rng(1).normal(scale={noise}, size=(64, 2000))
ended = threading.Event()
def run():
    step = 0
    while not ended.wait(1 / {cap}):
        step += 1
        for n, mark in enumerate(marks):
            with mark.hold_sync():
                mark.x, mark.y = x + step, np.sin(x / 50 + n) + noise[(step + n) % 64]
threading.Thread(target=run, daemon=True).start()
"""

PROBE = """(() => {
  const { runtime } = document.querySelector(".livewidget").__livewidget;
  const { counters } = runtime;
  const seen = window.__bench = { at: [], cost: [], ages: [], strip: 0 };
  const { drew, aged } = counters;
  const { status } = runtime;
  const strip = document.querySelector(".livewidget .lw-strip");
  strip.open = true;
  runtime.status = (told) => {
    const began = performance.now();
    status.call(runtime, told);
    strip.getBoundingClientRect();
    seen.strip += performance.now() - began;
  };
  counters.drew = (ms) => {
    seen.at.push(performance.now());
    seen.cost.push(ms);
    drew.call(counters, ms);
  };
  counters.aged = (ms) => {
    if (Number.isFinite(ms)) seen.ages.push(ms);
    aged.call(counters, ms);
  };
})()"""

# bqplot draws when its paths change; all changes of one task are one frame.
NATIVE_PROBE = """(() => {
  const seen = window.__bench = { at: [], cost: [], ages: [] };
  const lines = [...document.querySelectorAll(".bqplot path.line")];
  let due = false;
  const drawn = () => { due = false; seen.at.push(performance.now()); };
  const observer = new MutationObserver(() => {
    if (!due) { due = true; requestAnimationFrame(drawn); }
  });
  for (const line of lines) observer.observe(line, { attributes: true, attributeFilter: ["d"] });
})()"""


def measure(*, quick: bool) -> Outcome:
    """Draw two and five series at the cap, and bqplot natively beside each."""
    seconds = 6.0 if quick else 30.0
    figures, gaps, ages = [], {}, {}
    with browser_of() as browser, lab_of() as lab:
        for series, fps in FPS.items():
            rate = SAMPLES // series
            shape = {"series": series, "cap": CAP, "rate": rate, "root": str(ROOT)}
            ours, rough = (
                watch(browser, lab, CELL.format(**shape, noise=each), LINE, PROBE, seconds * part)
                for each, part in ((SENSOR_NOISE, 1), (1, 1 / 3))
            )
            native = NATIVE_CELL.format(**shape, noise=3.7 * SENSOR_NOISE)
            theirs = watch(browser, lab, native, NATIVE_LINE, NATIVE_PROBE, seconds / 3)
            figures += _told(series, fps, ours, theirs)
            name, told = f"{series} series, noise that fills the plot: frames", "for information"
            figures.append(Figure(name, _rate(rough), "frames/s", told))
            gaps[f"{series} series"] = distribution(_gaps(ours))
            gaps[f"{series} series, bqplot natively"] = distribution(_gaps(theirs))
            ages[f"{series} series"] = distribution(ours["ages"])
    plots = [
        Plot("Gaps between frames", "percentile", "ms", lines=gaps, target=1.6 * FRAME_MS, log="y"),
        Plot("Arrival to pixel", "percentile", "ms", lines=ages, target=150, log="y"),
    ]
    note = (
        f"{SAMPLES:,} samples/s in all, a 10 s window, cap {CAP}, headless Chromium without a GPU "
        "on the same two cores as the kernel and JupyterLab. The reference is bqplot set from the "
        f"kernel with 2,000 points a series {CAP} times a second, nothing else going on. The lines "
        f"are waves of amplitude 1 with noise of {SENSOR_NOISE:g}, those of the reference as thick "
        "as the envelope of as many samples; a line costs by its ink, so noise that fills the plot "
        "is slower. Age is from the arrival of a frame's oldest new event to the task after its "
        "paint."
    )
    return Outcome("In the browser", figures, plots, note)


def _told(series: int, fps: int, ours: dict[str, Any], theirs: dict[str, Any]) -> list[Figure]:
    gap, native_gap = (percentile(_gaps(each), 95) for each in (ours, theirs))
    p50, p99 = (percentile(ours["ages"], each) for each in (50, 99))
    work = f"main thread {percentile(ours['cost'], 50):.1f} ms a frame at the median"
    name, width = f"{series} series", f"{ours['width']:.0f} pixels"
    native = f"bqplot natively {_rate(theirs):.1f} frames/s; {width}"
    # A clock of 30 Hz shows 29.9 where the last frame falls just beyond the end.
    return [
        Figure(f"{name}: frames", _rate(ours), "frames/s", native, 0.98 * fps, at_least=True),
        Figure(
            f"{name}: p95 gap between frames",
            gap / FRAME_MS,
            "frames",
            f"{gap:.1f} ms; bqplot natively {native_gap:.1f} ms",
            1.6,
        ),
        Figure(f"{name}: arrival to pixel p50", p50, "ms", work, 80),
        Figure(f"{name}: arrival to pixel p99", p99, "ms", work, 150),
        Figure(
            f"{name}: the performance strip's share of the frame budget",
            100 * ours["strip"] / (ours["at"][-1] - ours["at"][0]),
            "%",
            "unfolded: figures, sparklines and their layout",
            3,
        ),
        Figure(f"{name}: carried", ours["carried"] * series, "samples/s", f"{SAMPLES:,} asked for"),
    ]


def _gaps(seen: dict[str, Any]) -> list[float]:
    at = seen["at"]
    return [later - earlier for earlier, later in itertools.pairwise(at)]


def _rate(seen: dict[str, Any]) -> float:
    at = seen["at"]
    return 1000 * (len(at) - 1) / (at[-1] - at[0])


def watch(
    browser: Browser, lab: Lab, cell: str, drawn: str, probe: str, seconds: float
) -> dict[str, Any]:
    """Run a cell in a fresh notebook and return what the probe saw in so many seconds."""
    lab.write("current.ipynb", [cell], "current")
    page = browser.new_page(viewport=VIEWPORT)
    notebook = Notebook(page, lab.url, "current")
    try:
        notebook.open()
        notebook.run()
        notebook.until(f"document.querySelector('{drawn}')?.getAttribute('d')", 30)
        page.wait_for_timeout(3000)  # caches, compilers and the window fill
        notebook.js(probe)
        page.wait_for_timeout(1000 * seconds)
        seen: dict[str, Any] = notebook.js("window.__bench")
        if probe == PROBE:
            area = "document.querySelector('.livewidget').__livewidget.stats().area"
            seen["width"] = notebook.js(area)["width"]
            seen["carried"] = notebook.ask("print(chart.stats()['rate'])")
        notebook.js("lab.kernel.shutdown()")
        return seen
    finally:
        page.close()


@contextmanager
def browser_of() -> Iterator[Browser]:
    """Give a browser of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def lab_of() -> Iterator[Lab]:
    """Give a JupyterLab of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lab = Lab(Path(folder), {"current": sys.executable})
        try:
            lab.wait_ready()
            yield lab
        finally:
            lab.stop()
