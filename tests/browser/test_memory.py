"""What charts hold is given back, in the kernel and in the browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .chart import Chart
from .conftest import ONE_KERNEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from .notebook import Notebook

MB = 1_000_000

TEN_CHARTS = """
from comm import get_comm_manager
for chart in charts:
    chart.close()
charts.clear()
for _ in range(10):
    display(feed(make(height=80), batches=10))
print(json.dumps([len(get_comm_manager().comms), sorted(threads())]))
"""


# Weak references to what a view, its chart and its figure hold, kept by the page until it is freed.
WATCH = """(() => {
  window.watched ??= [];
  for (const view of document.querySelectorAll(".livewidget")) {
    const { runtime, store } = view.__livewidget;
    const parts = [".lw-toolbar", ".lw-plot", ".lw-strip", ".lw-plot svg"];
    const { figure, model } = runtime.renderer;
    const models = [figure, ...figure.get("marks"), ...figure.get("axes")];
    const held = [runtime, store, ...models, ...parts.map((part) => view.querySelector(part))];
    watched.push(...held.map((each) => new WeakRef(each)));
    window.manager = model.widget_manager;
  }
})()"""
MODELS = "Object.keys(manager._models).length"
STILL_HELD = "watched.filter((each) => each.deref()).length"


# Of one kernel: what is freed in a page does not depend on it.
@ONE_KERNEL
def test_fifty_charts_made_and_closed_leave_nothing(
    notebook: Notebook, record_property: Callable[[str, object], None]
) -> None:
    notebook.set_cells(TEN_CHARTS)
    notebook.js("delete window.watched")
    heaps, kernels, models = [], [], []
    for _ in range(5):
        notebook.run()
        notebook.until("document.querySelectorAll('.livewidget').length === 10")
        Chart(notebook).until_moving(2)
        notebook.js(WATCH)
        kernels.append(json.loads(notebook.printed()))
        models.append(notebook.js(MODELS))
        heaps.append(notebook.heap_bytes())
    record_property("heap_mb", [round(heap / MB, 1) for heap in heaps])
    record_property("models", models)
    record_property("comms_and_threads", kernels)
    assert kernels[-1] == kernels[1]
    assert models[-1] == models[1]  # the widget manager's list
    # JupyterLab never lets go of a closed comm, and code that is compiled stays. Not the models,
    # 40 kB of a chart, nor the texts of module and styles, 96 kB.
    assert heaps[-1] - heaps[1] < 30 * 70_000
    notebook.set_cells("")
    notebook.ask("for chart in charts: chart.close()")
    notebook.heap_bytes()
    assert notebook.js(STILL_HELD) == 0


FAST = """
chart = feed(make(window=2, y=["value"]), batches=100, rows=1000)
"""


@pytest.mark.timeout(200)
@ONE_KERNEL
@pytest.mark.parametrize("total", [3_200_000, pytest.param(5_500_000, marks=pytest.mark.long)])
def test_100_000_events_a_second_mostly_hidden(
    notebook: Notebook, total: int, record_property: Callable[[str, object], None]
) -> None:
    notebook.show(FAST + "display(chart)")
    chart = Chart(notebook)
    chart.until_moving()
    # Ten windows fill the buffer: from then on nothing may grow.
    notebook.until_kernel("chart.stats()['received'] > 2_200_000", timeout=40)
    before = memory(notebook)
    notebook.js("lab.cover()")
    notebook.until("!lab.panel.isVisible")
    notebook.until_quiet()
    ticks = notebook.wire()["ticks"]
    notebook.until_kernel(f"chart.stats()['received'] > {total}", timeout=60)
    assert notebook.wire()["ticks"] == ticks
    notebook.js("lab.uncover()")
    chart.until_now(3)
    chart.until_moving(20)
    after = memory(notebook)
    record_property("kernel_mb", [round(each[0] / MB) for each in (before, after)])
    record_property("heap_mb", [round(each[1] / MB) for each in (before, after)])
    assert after[0] - before[0] < 30 * MB
    assert after[1] - before[1] < 10 * MB


def memory(notebook: Notebook) -> tuple[int, int]:
    """What the kernel has in memory, and what the page's scripts hold; bytes."""
    kernel = notebook.ask("import gc; gc.collect(); print(psutil.Process().memory_info().rss)")
    return int(kernel), notebook.heap_bytes()
