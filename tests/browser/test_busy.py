"""A cell that spins in pure Python does not stop the chart."""

from __future__ import annotations

from itertools import pairwise

from .chart import Chart
from .kernel import LIVE
from .notebook import Notebook

SECONDS = 20
SPIN = f"until = time.time() + {SECONDS}\nwhile time.time() < until:\n    pass"
# Of the kernel that hears the browser meanwhile, and of the one that goes on blindly.
LEAST_FPS = {"current": 8, "ipykernel6": 3}

RECORD = """
(() => {
  window.drawnAt = [];
  const chart = document.querySelector(".livewidget");
  new MutationObserver(() => drawnAt.push(performance.now()))
    .observe(chart, { attributes: true, attributeFilter: ["data-frames"] });
})()
"""


def test_a_spinning_cell_does_not_stop_the_chart(notebook: Notebook, record_property) -> None:
    notebook.show(LIVE, "")
    chart = Chart(notebook)
    chart.until_moving()
    notebook.set_cell(1, SPIN)
    notebook.js(RECORD)
    notebook.run(1, timeout=SECONDS + 20)
    drawn = notebook.js("drawnAt")
    gaps = [b - a for a, b in pairwise(drawn)]
    record_property("fps", len(drawn) / SECONDS)
    record_property("longest_gap_ms", max(gaps))
    assert len(drawn) / SECONDS > LEAST_FPS[notebook.kernel]
    assert max(gaps) < 2500
    chart.until_moving()
    chart.until_now()


def test_the_buttons_live_while_a_cell_waits(notebook: Notebook) -> None:
    notebook.show(LIVE, "")
    chart = Chart(notebook)
    chart.until_moving()
    notebook.set_cell(1, "chart.wait(until=lambda: chart.paused, timeout=20); print('paused')")
    notebook.start(1)
    notebook.until("lab.kernel.status === 'busy'")
    chart.press("Pause")
    assert notebook.finish(1) == "paused\n"


def test_pause_is_heard_beside_a_spinning_cell_where_the_kernel_can(notebook: Notebook) -> None:
    notebook.show(LIVE, "")
    chart = Chart(notebook)
    chart.until_moving()
    notebook.set_cell(
        1,
        "until = time.time() + 6\n"
        "while time.time() < until and not chart.paused:\n    pass\n"
        "print(chart.paused)",
    )
    notebook.start(1)
    notebook.until("lab.kernel.status === 'busy'")
    chart.press("Pause")
    assert notebook.finish(1) == f"{notebook.kernel != 'ipykernel6'}\n"
