"""Each notebook as a person sees it: all of its cells run in JupyterLab, its charts moving."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livewidget.testing import KafkaServer

from .chart import Chart
from .conftest import ONE_KERNEL, failed
from .notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext

    from .lab import Lab

# Of one kernel: what they show does not depend on the kernel.
pytestmark = ONE_KERNEL


NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture
def open_copy(
    request: pytest.FixtureRequest, lab: Lab, context: BrowserContext, kernel: str
) -> Iterator[Callable[[str], Notebook]]:
    """Open a copy of a notebook on the kernel under test; no error may come on its console."""
    opened: list[Notebook] = []

    def open_copy(name: str) -> Notebook:
        document = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())
        document["metadata"]["kernelspec"]["name"] = kernel
        (lab.notebooks / f"{name}-{kernel}.ipynb").write_text(json.dumps(document))
        shutil.copytree(NOTEBOOKS / "images", lab.notebooks / "images", dirs_exist_ok=True)
        notebook = Notebook(context.new_page(), lab.url, kernel, prefix=f"{name}-")
        opened.append(notebook)
        notebook.open()
        return notebook

    yield open_copy
    for notebook in opened:
        if failed(request.node):
            notebook.screenshot(f"failed-{request.node.name}")
            lab.show_log()
        notebook.js("lab.kernel.shutdown()")
        notebook.page.close()
        notebook.assert_no_errors()


def start_all(notebook: Notebook, first: int = 0) -> None:
    """Run all cells from `first` on and do not wait for them."""
    script = """(() => {
      lab.panel.content.activeCellIndex = arg;
      lab.panel.content.deselectAll();
      window.allRan = false;
      void jupyterapp.commands.execute("notebook:run-all-below").then(() => {
        window.allRan = true;
      });
    })()"""
    notebook.js(script, first)


def finish_all(notebook: Notebook, timeout: float = 60) -> None:
    """Wait until all cells have run. AssertionError where one of them raised."""
    notebook.until("window.allRan", timeout)
    for place in range(notebook.js("lab.cells.cells.length")):
        if notebook.js("lab.cells.cells[arg].cell_type === 'code'", place):
            errors = [o for o in notebook.outputs(place) if o["output_type"] == "error"]
            assert not errors, "\n".join(errors[0]["traceback"])


# JupyterLab makes an output only once it comes near the screen, and scrolls to the cell that runs.
SHOW = """((place) => {
  const charts = lab.panel.content.widgets.filter(({ model }) =>
    model.type === "code" && model.sharedModel.source.includes("LiveChart("));
  charts[place].node.scrollIntoView();
  return document.querySelectorAll(".livewidget").length > place;
})(arg)"""


def there(notebook: Notebook, place: int = 0) -> Chart:
    """The chart at this place, once it is there."""
    notebook.until(SHOW, 30, place)
    return Chart(notebook, place)


def until_in_sight(chart: Chart, expression: str, timeout: float = 30) -> None:
    """Wait as `Chart.until`, with the chart in sight."""
    chart.until(f"(chart.scrollIntoView({{ block: 'center' }}), {expression})", timeout)


def until_moving(chart: Chart, frames: int = 20) -> None:
    """Wait until so many more frames are drawn, with the chart in sight."""
    until_in_sight(chart, f"Number(chart.dataset.frames) >= {chart.frames() + frames}")


def pictures(notebook: Notebook) -> list[int]:
    """The widths of the pictures in the text, 0 for one that is not found."""
    script = "[...document.querySelectorAll('.jp-MarkdownOutput img')].map((i) => i.naturalWidth)"
    found: list[int] = notebook.js(script)
    return found


def test_quickstart(open_copy: Callable[[str], Notebook]) -> None:
    notebook = open_copy("quickstart")
    start_all(notebook)
    finish_all(notebook)
    assert min(pictures(notebook)) > 0
    machine = there(notebook)
    until_moving(machine)
    assert "passed while paused" in machine.notice()
    notebook.screenshot(f"quickstart-{notebook.kernel}")
    until_moving(there(notebook, 1), 5)
    notebook.screenshot(f"quickstart-traffic-{notebook.kernel}")


def test_websocket(open_copy: Callable[[str], Notebook]) -> None:
    notebook = open_copy("websocket")
    start_all(notebook)
    chart = there(notebook)
    until_in_sight(chart, "chart.dataset.state === 'reconnecting'")
    notebook.screenshot(f"websocket-reconnecting-{notebook.kernel}")
    finish_all(notebook)
    until_in_sight(chart, "chart.dataset.state === 'live'")
    until_moving(chart)
    notebook.screenshot(f"websocket-{notebook.kernel}")
    assert all(path.count("M") >= 2 for path in chart.paths()), "the gap is drawn as a gap"


def test_push_from_a_loop(open_copy: Callable[[str], Notebook]) -> None:
    notebook = open_copy("push-from-a-loop")
    notebook.run(1)
    chart = there(notebook)
    # ipykernel 6 hears of a view before the busy cell, or after it.
    notebook.until_kernel("chart._hub.watched(chart.chart)")
    start_all(notebook, 2)
    until_moving(chart, 5)
    assert not notebook.js("window.allRan"), "the chart is alive beside the cell"
    notebook.screenshot(f"push-from-a-loop-{notebook.kernel}")
    fast = there(notebook, 1)
    until_moving(fast)
    assert not notebook.js("window.allRan"), "and beside one that waits"
    finish_all(notebook)
    notebook.screenshot(f"push-faster-{notebook.kernel}")


def test_sources(open_copy: Callable[[str], Notebook]) -> None:
    pytest.importorskip("aiomqtt", reason="aiomqtt is not installed")
    notebook = open_copy("sources")
    last = notebook.js("lab.cells.cells.length") - 1  # it stops the feeds
    for place in range(last):
        if notebook.js("lab.cells.cells[arg].cell_type === 'code'", place):
            notebook.run(place)
    for place in range(11):
        until_moving(there(notebook, place), 3)
        if place in (0, 3):
            notebook.screenshot(f"sources-{place}-{notebook.kernel}")
    start_all(notebook, last)
    finish_all(notebook, 120)


def test_history(open_copy: Callable[[str], Notebook]) -> None:
    notebook = open_copy("history")
    for place in range(7):
        if notebook.js("lab.cells.cells[arg].cell_type === 'code'", place):
            notebook.run(place)
    recorded = there(notebook)
    until_in_sight(recorded, "stats.stop - stats.start > 7000e9 && stats.points[0] > 800")
    until_moving(recorded, 3)
    notebook.screenshot(f"history-notebook-{notebook.kernel}")
    notebook.restart_kernel()
    begin = notebook.js("lab.cells.cells.findIndex((cell) => cell.source.includes('.recover('))")
    for place in (begin, begin + 1):  # the last cell closes the chart
        notebook.run(place)
    until_in_sight(there(notebook, 1), "stats.points[0] > 800")
    notebook.screenshot(f"history-notebook-recovered-{notebook.kernel}")
    start_all(notebook, begin + 2)
    finish_all(notebook)


def test_market(open_copy: Callable[[str], Notebook]) -> None:
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    if not KafkaServer.is_available():
        pytest.skip("noida-db, the server of Kafka's protocol, is not installed")
    notebook = open_copy("market")
    start_all(notebook)
    chart = there(notebook)
    until_moving(chart)
    notebook.screenshot(f"market-{notebook.kernel}")
    finish_all(notebook, 120)
    notebook.screenshot(f"market-end-{notebook.kernel}")


def run_all_but_the_last(notebook: Notebook) -> int:
    """Run each cell to its end but the last, which stops the streams; return its place."""
    last: int = notebook.js("lab.cells.cells.length") - 1
    for place in range(last):
        if notebook.js("lab.cells.cells[arg].cell_type === 'code'", place):
            notebook.run(place)
    return last


def test_windows(open_copy: Callable[[str], Notebook]) -> None:
    notebook = open_copy("windows")
    last = run_all_but_the_last(notebook)
    assert min(pictures(notebook)) > 0
    for place in range(10):
        chart = there(notebook, place)
        until_in_sight(chart, "chart.dataset.state === 'live' && stats.points[0] > 2")
        notebook.screenshot(f"windows-{place}-{notebook.kernel}")
    start_all(notebook, last)
    finish_all(notebook)


def test_market_analytics(open_copy: Callable[[str], Notebook]) -> None:
    """It runs without a server of Kafka's protocol, too."""
    notebook = open_copy("market-analytics")
    last = run_all_but_the_last(notebook)
    for place in range(5):  # averages, candles, volatility, who leads, alerts
        chart = there(notebook, place)
        until_in_sight(chart, "chart.dataset.state === 'live' && stats.points[0] > 20")
        notebook.screenshot(f"market-analytics-{place}-{notebook.kernel}")
    panel = notebook.page.locator(".lw-panel")
    panel.scroll_into_view_if_needed()
    assert "from its mean" in panel.locator("tbody tr").first.inner_text()
    notebook.screenshot(f"market-analytics-panel-{notebook.kernel}")
    start_all(notebook, last)
    finish_all(notebook)


def test_anomalies(open_copy: Callable[[str], Notebook]) -> None:
    notebook = open_copy("anomalies")
    last = run_all_but_the_last(notebook)
    for place in range(5):  # unusual, forecast, trend, one's own model, alerts
        chart = there(notebook, place)
        until_in_sight(chart, "chart.dataset.state === 'live' && stats.points[0] > 20")
        notebook.screenshot(f"anomalies-{place}-{notebook.kernel}")
    start_all(notebook, last)
    finish_all(notebook)
