"""A page that is too slow, and a load that comes and goes: quality gives way."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .chart import Chart
from .conftest import ONE_KERNEL
from .slowness import slowed

if TYPE_CHECKING:
    from .notebook import Notebook

pytestmark = ONE_KERNEL
LATENCY_MS = 150
STALL_MS = 500
RECOVERED_S = 5
WINDOW_S = 2
LEAST_FPS = 4
SLOWER = (4, 8, 16, 32)
SETTLED_MS = 6000
PATIENCE_S = 10
LINES = 5
FEED = f"""
LINES, BATCHES = {LINES}, 50
rate = [{{rate}}]  # rows a second; each is a value of every line
names = [f"s{{{{place}}}}" for place in range(LINES)]
noise = np.random.default_rng(1).normal(scale=0.3, size=(LINES, 1 << 16))
chart = make(y=names, {{options}})
def run(ended=stop):
    made, until = 0, time.time_ns()
    while not ended.wait(1 / BATCHES):
        now = time.time_ns()
        rows = int((now - until) * rate[0] / 1e9)
        if not rows:
            continue
        times = until + np.arange(1, rows + 1) * ((now - until) // rows)
        until = now
        waves = np.sin(times / 1e9) + noise.take(np.arange(made, made + rows), 1, mode="wrap")
        made += rows
        try:
            chart.push(dict(zip(names, waves, strict=True), time=times))
        except ClosedError:
            return
threading.Thread(target=run, name="feed", daemon=True).start()
def quality():
    told = chart.stats()
    return {{{{**told["quality"], "decisions": told["decisions"]}}}}
chart
"""

WATCH = """(() => {
  const { runtime } = document.querySelector(".livewidget").__livewidget;
  const { counters } = runtime;
  const { drew, aged } = counters;
  window.seen = { at: [], ages: [], cost: [] };
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


def quality(notebook: Notebook) -> dict[str, Any]:
    found: dict[str, Any] = notebook.ask("print(json.dumps(quality()))")
    return found


def watched(notebook: Notebook, seconds: float) -> dict[str, list[float]]:
    """What is drawn in so many seconds: when, at what cost, how old; all in ms."""
    notebook.js("(() => { seen.at = []; seen.ages = []; seen.cost = []; })()")
    notebook.page.wait_for_timeout(1000 * seconds)
    found: dict[str, list[float]] = notebook.js("seen")
    return found


def test_a_slow_page_gets_less_and_says_so(notebook: Notebook) -> None:
    notebook.show(FEED.format(rate=200_000, options="window=10"))
    chart = Chart(notebook)
    chart.until_moving(30, 20)
    notebook.js(WATCH)
    with slowed(notebook.page, SLOWER[0]) as slow:
        # A quick machine has time for all of it, four times slower too: then it is not slow yet.
        for times in SLOWER:
            slow(times)
            notebook.page.wait_for_timeout(SETTLED_MS)
            if quality(notebook)["level"]:
                break
        seen = watched(notebook, 6)
        told = quality(notebook)
    middle = float(np.median(seen["ages"]))
    assert re.search(r"[0-9]+ (ms|%|of [0-9])", told["decisions"][0]["text"]), told
    assert told["reason"] or not told["level"]  # it may be back at its best for a look
    # Where the kernel, the server and other programs leave the page too little, that is said.
    helpless = any("nothing is left to give up" in each["text"] for each in told["decisions"])
    assert middle < LATENCY_MS or helpless, (middle, told)
    assert len(seen["at"]) / 6 > LEAST_FPS, told


def test_a_hundredfold_load_comes_and_goes(notebook: Notebook) -> None:
    notebook.show(FEED.format(rate=40, options=f"window={WINDOW_S}, max_fps=15"))
    chart = Chart(notebook)
    chart.until_moving(30, 20)
    notebook.until_kernel("quality()['level'] == 0", PATIENCE_S)
    notebook.js(WATCH)
    with slowed(notebook.page, 4):
        notebook.ask("rate[0] *= 100")
        seen = watched(notebook, 4)
    notebook.ask("rate[0] /= 100")
    # What came with the burst is in sight for a window longer.
    notebook.until_kernel("quality()['level'] == 0", WINDOW_S + RECOVERED_S)
    longest = max(b - a for a, b in pairwise(seen["at"]))
    assert longest < STALL_MS, quality(notebook)
    chart.until_now()
