"""Twenty charts in one notebook, all in sight, at 1,000,000 samples a second in all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.browser.notebook import Notebook

from benchmarks.browser import ROOT, SAMPLES, browser_of, lab_of
from benchmarks.harness import Figure, Outcome, Plot, distribution, percentile
from benchmarks.rig import SENSOR_NOISE

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHARTS, SERIES = 20, 5
LEAST_FPS, MOST_MS = 10, 150
SETTLED_S = 12.0  # the window fills, and the controllers find their rungs
# Four rows of five: what a dashboard of twenty looks like, with no chart out of sight.
VIEWPORT = {"width": 1920, "height": 1600}

CELL = """
import sys, time
sys.path.append({root!r})
from IPython.display import HTML, display
from ipywidgets import GridBox, Layout
from benchmarks.rig import Feed, live
from livewidget import LiveChart
rate = {samples} // {series} // {charts}
feeds = [Feed({series}, rate, time.time_ns(), noise={noise}) for _ in range({charts})]
charts = [LiveChart(live(feed, rate), window=10, height=170, monitor=False) for feed in feeds]
grid = GridBox(charts, layout=Layout(grid_template_columns="repeat(5, minmax(0, 1fr))"))
grid
"""

PROBE = """(() => {
  const seen = window.__twenty = { at: [], ages: [], cost: 0, long: 0, began: performance.now() };
  new PerformanceObserver((list) => { seen.long += list.getEntries().length; })
    .observe({ entryTypes: ["longtask"] });
  [...document.querySelectorAll(".livewidget")].forEach((each, place) => {
    const { counters } = each.__livewidget.runtime;
    const { drew, aged } = counters;
    seen.at[place] = [];
    counters.drew = (ms) => {
      seen.at[place].push(performance.now());
      seen.cost += ms;
      drew.call(counters, ms);
    };
    counters.aged = (ms) => {
      if (Number.isFinite(ms)) seen.ages.push(ms);
      aged.call(counters, ms);
    };
  });
})()"""

ASKED = """
import json
told = [chart.stats() for chart in charts]
fates = ("stored", "filtered", "rejected", "dropped", "in_flight")
print(json.dumps(dict(
    carried=sum(each["rate"] for each in told),
    lost=sum(each["received"] - sum(each[fate] for fate in fates) for each in told),
    dropped=sum(each["dropped"] for each in told),
    cpu=told[0]["cpu"],
    settings=sorted({each["quality"]["setting"] for each in told}),
    reasons=sorted({each["quality"]["reason"] for each in told}),
)))
"""


def measure(*, quick: bool) -> Outcome:
    """Draw twenty charts of five series each."""
    seconds = 8.0 if quick else 30.0
    with browser_of() as browser, lab_of() as lab:
        cell = CELL.format(
            root=str(ROOT), samples=SAMPLES, series=SERIES, charts=CHARTS, noise=SENSOR_NOISE
        )
        lab.write("current.ipynb", [cell], "current")
        page = browser.new_page(viewport=VIEWPORT)
        notebook = Notebook(page, lab.url, "current", renderer="auto")  # as it is for a person
        notebook.open()
        notebook.js("jupyterapp.commands.execute('application:toggle-left-area')")
        notebook.run(timeout=60)
        notebook.until(f"document.querySelectorAll('.livewidget').length === {CHARTS}", 30)
        page.wait_for_timeout(1000 * SETTLED_S)
        notebook.js(PROBE)
        with spent(page) as seen_spent:
            page.wait_for_timeout(1000 * seconds)
        seen = notebook.js("({ ...window.__twenty, took: performance.now() - __twenty.began })")
        visible = """[...document.querySelectorAll('.livewidget')]
            .filter((each) => each.__livewidget.stats().visible).length"""
        seen["spent"] = seen_spent
        seen["visible"] = notebook.js(visible)
        told = notebook.ask(ASKED)
        notebook.js("lab.kernel.shutdown()")
    return _told(seen, told)


@contextmanager
def spent(page: Page) -> Iterator[dict[str, float]]:
    """Give the parts of the time that the page's main thread spends on what, once it is over."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def read() -> dict[str, float]:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return {each["name"]: each["value"] for each in metrics}

    before, found = read(), dict[str, float]()
    yield found
    after = read()
    took = after["Timestamp"] - before["Timestamp"]
    for name in ("Task", "Script", "Layout", "RecalcStyle"):
        key = f"{name}Duration"
        found[name] = 100 * (after[key] - before[key]) / took
    session.detach()


def _told(seen: dict[str, Any], told: dict[str, Any]) -> Outcome:
    rates = [1000 * len(each) / seen["took"] for each in seen["at"]]
    gaps = [b - a for each in seen["at"] for a, b in itertools.pairwise(each)]
    p50, p99 = (percentile(seen["ages"], each) for each in (50, 99))
    chosen = "; ".join(told["settings"])
    busy = 100 * seen["cost"] / seen["took"]
    parts = ", ".join(f"{name} {value:.0f} %" for name, value in seen["spent"].items())
    figures = [
        Figure("frames of the slowest chart", min(rates), "frames/s", chosen, LEAST_FPS, True),
        Figure("arrival to pixel p99", p99, "ms", f"p50 {p50:.0f} ms", MOST_MS),
        Figure("longest gap between two frames", max(gaps), "ms", "of all charts"),
        Figure("charts in sight", seen["visible"], "", "all have to be", CHARTS, True),
        Figure("carried", told["carried"] * SERIES, "samples/s", f"{SAMPLES:,} asked for"),
        Figure("lost uncounted", told["lost"], "events", f"{told['dropped']:,} dropped", 0),
        Figure("kernel", told["cpu"], "% of a core", (told["reasons"][0] or "at the best")),
        Figure("drawing", busy, "% of the page's time", parts),
        Figure("tasks over 50 ms", seen["long"] / seen["took"] * 1000, "a second", ""),
    ]
    plot = Plot(
        "Twenty charts: arrival to pixel",
        "percentile",
        "ms",
        lines={"all charts": distribution(seen["ages"])},
        target=MOST_MS,
        log="y",
    )
    note = (
        f"{CHARTS} charts of {SERIES} series each in one notebook, {SAMPLES:,} samples/s in all, a "
        "10 s window, cap 30, headless Chromium without a GPU on the same two cores as the kernel "
        "and JupyterLab. The controllers have had twelve seconds; what they chose is told beside "
        "the frames. Age is from the arrival of the oldest new event to the task after its paint."
    )
    return Outcome("Twenty charts", figures, [plot], note)
