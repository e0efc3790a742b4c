"""What a page keeps of a cell that is run again and of a tab in front, with and without a chart.

JupyterLab itself keeps something of both: a soak that took its leaks for ours would say nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.browser.notebook import Notebook

from benchmarks.soak.cells import ROOT
from benchmarks.soak.watch import Devtools
from benchmarks.soak.world import uncover

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from tests.browser.lab import Lab

WARM_UP = 5  # rounds: what they load stays for good
ROUNDS = 12
SHOWN_MS = 300  # a figure has been drawn by then
EMPTY, FIGURE, CHART = "a cell without a widget", "a plain bqplot figure", "a livewidget chart"
# Each closes all that it made before: a person's own cell often does not, and keeps more.
CELLS = {
    EMPTY: "1 + 1",
    FIGURE: """
import bqplot, ipywidgets
ipywidgets.Widget.close_all()
scales = {"x": bqplot.LinearScale(), "y": bqplot.LinearScale()}
axes = [bqplot.Axis(scale=scales["x"]), bqplot.Axis(scale=scales["y"], orientation="vertical")]
bqplot.Figure(marks=[bqplot.Lines(x=[0, 1], y=[0, 1], scales=scales)], axes=axes)
""",
    CHART: f"""
import sys
sys.path.append({json.dumps(str(ROOT))})
from livewidget import LiveChart
from livewidget.sources import Synthetic
LiveChart(Synthetic.sensors(rate=500), window=2, max_fps=20)
""",
}


def plain(browser: Browser, lab: Lab) -> dict[str, list[dict[str, Any]]]:
    """Return a look at a fresh page after each round, for each of `CELLS`; about a minute."""
    return {name: _rounds(browser, lab, cell) for name, cell in CELLS.items()}


def _rounds(browser: Browser, lab: Lab, cell: str) -> list[dict[str, Any]]:
    lab.write("plain.ipynb", [cell], "current")
    context = browser.new_context()
    notebook = Notebook(context.new_page(), lab.url, "plain")
    try:
        notebook.open()
        devtools, seen = Devtools(notebook.page), []
        for turn in range(WARM_UP + ROUNDS):
            notebook.run()
            notebook.page.wait_for_timeout(SHOWN_MS)
            notebook.js("lab.cover()")
            notebook.page.wait_for_timeout(SHOWN_MS)
            uncover(notebook)
            if turn >= WARM_UP:
                devtools.look(collect=True)  # what one collection frees the next one takes
                seen.append(devtools.look(collect=True))
        notebook.js("lab.kernel.shutdown()")
        return seen
    finally:
        context.close()
