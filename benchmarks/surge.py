"""A load that goes up a hundredfold at once and back, on a page that is too slow for it."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.browser.notebook import Notebook
from tests.browser.slowness import slowed

from benchmarks.browser import ROOT, browser_of, lab_of
from benchmarks.harness import Figure, Outcome, Plot, distribution

if TYPE_CHECKING:
    from collections.abc import Callable

SERIES, ROWS, TIMES = 5, 40, 100
WINDOW_S, CAP = 2, 15
SLOWER = 24  # times than it is: too slow for the surge on any machine of today
DECIDED_MS, STALL_MS, RECOVERED_S = 1000, 500, 5
SURGE_S, REST_S, PATIENCE_S = 4.0, 4.0, 15.0
VIEWPORT = {"width": 1500, "height": 900}

CELL = f"""
import json, sys, time
sys.path.append({str(ROOT)!r})
from benchmarks.rig import surging
from livewidget import LiveChart
rate = [{ROWS}]
chart = LiveChart(surging(lambda: rate[0], {SERIES}), x="time", window={WINDOW_S}, max_fps={CAP})
chart
"""

PROBE = """(() => {
  const { counters } = document.querySelector(".livewidget").__livewidget.runtime;
  const { drew } = counters;
  window.__surge = [];
  counters.drew = (ms) => { window.__surge.push(performance.now()); drew.call(counters, ms); };
})()"""

ASKED = """
told = chart.stats()
print(json.dumps(dict(level=told["quality"]["level"], decisions=told["decisions"])))
"""


@dataclass
class Surge:
    """One surge: when quality gave way first, was back whole (ms), and the longest gap (ms)."""

    decided: float | None
    recovered: float | None
    gap: float
    why: str


def measure(*, quick: bool) -> Outcome:
    """Have some surges, each on a page that is slow as long as it lasts."""
    with browser_of() as browser, lab_of() as lab:
        lab.write("current.ipynb", [CELL], "current")
        page = browser.new_page(viewport=VIEWPORT)
        notebook = Notebook(page, lab.url, "current", renderer="auto")
        notebook.open()
        notebook.run(timeout=60)
        surges = surges_of(notebook, 3 if quick else 12)
        notebook.js("lab.kernel.shutdown()")
    return told_of(surges)


def surges_of(notebook: Notebook, count: int) -> list[Surge]:
    """Have `count` surges of the chart of `CELL`, which has just been shown."""
    notebook.until("document.querySelector('.livewidget')?.__livewidget", 30)
    notebook.page.wait_for_timeout(1000 * REST_S)
    notebook.js(PROBE)
    with slowed(notebook.page, 1) as slow:
        return [_surge(notebook, slow) for _ in range(count)]


def _surge(notebook: Notebook, slow: Callable[[int], object]) -> Surge:
    """Have one surge, from a chart that is drawn at its best, and let it end."""
    _until_best(notebook)
    notebook.js("window.__surge.length = 0")
    slow(SLOWER)
    began = _rate(notebook, ROWS * TIMES)
    notebook.page.wait_for_timeout(1000 * SURGE_S)
    drawn: list[float] = notebook.js("window.__surge")
    told = notebook.ask(ASKED)
    slow(1)
    ended = _rate(notebook, ROWS)
    given = [each for each in told["decisions"] if int(each["time"]) / 1e6 > began]
    first = min(given, key=lambda each: int(each["time"]), default=None)
    best = _until_best(notebook)
    notebook.page.wait_for_timeout(1000 * REST_S)
    return Surge(
        decided=None if first is None else int(first["time"]) / 1e6 - began,
        recovered=None if best is None else max(0.0, best - ended),
        gap=max(b - a for a, b in itertools.pairwise(drawn)),
        why="" if first is None else first["text"],
    )


def _rate(notebook: Notebook, rows: int) -> float:
    """Have so many rows a second from now on; return when that was, in ms of the wall."""
    found: float = notebook.ask(f"rate[0] = {rows}; print(time.time() * 1e3)")
    return found


def _until_best(notebook: Notebook) -> float | None:
    """Wait until the chart is drawn at its best; return since when, None where it is not."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        told: dict[str, Any] = notebook.ask(ASKED)
        if told["level"] == 0:
            return max((int(each["time"]) / 1e6 for each in told["decisions"]), default=0.0)
        notebook.page.wait_for_timeout(100)
    return None


def told_of(surges: list[Surge]) -> Outcome:
    """Return the figures of some surges, each with its target."""
    decided, recovered, gaps = (
        [value for each in surges if (value := getattr(each, name)) is not None]
        for name in ("decided", "recovered", "gap")
    )
    count = len(surges)
    late = sum(each > DECIDED_MS for each in decided)
    slow = count - len(recovered) + sum(each > 1000 * RECOVERED_S for each in recovered)
    why = max(surges, key=lambda each: each.decided or 0.0).why
    kept_up = f"of {count}; {count - len(decided)} were not too much for the page"
    figures = [
        Figure("quality gives way after, worst", max(decided, default=0), "ms", why, DECIDED_MS),
        Figure("surges where that took longer", late, "", kept_up, 0),
        Figure("longest gap between two frames", max(gaps), "ms", "of all surges", STALL_MS),
        Figure(
            "at its best again after, worst",
            max(recovered, default=0),
            "ms",
            "once the load was gone; what it brought is in sight for a window longer",
            1000 * (RECOVERED_S + WINDOW_S),
        ),
        Figure("surges where that took longer than 5 s", slow, "", f"of {count}", 0),
    ]
    plot = Plot(
        "From the rise of the load to the first decision",
        "percentile",
        "ms",
        lines={"all surges": distribution(decided or [0.0])},
        target=DECIDED_MS,
    )
    note = (
        f"One chart of {SERIES} series, {ROWS} rows/s in a window of {WINDOW_S} s, and "
        f"{ROWS * TIMES:,} rows/s for {SURGE_S:.0f} s, cap {CAP}; for as long the devtools make "
        f"the page's processor {SLOWER} times slower."
    )
    return Outcome("A hundredfold load", figures, [plot], note)
