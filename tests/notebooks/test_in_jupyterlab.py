"""Each notebook as a person sees it: all of its cells run in JupyterLab, its charts moving."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..browser.chart import Chart

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..browser.notebook import Notebook

pytestmark = pytest.mark.browser


def start_all(notebook: Notebook) -> None:
    """Run all cells and do not wait for them."""
    notebook.js("""(() => {
      window.allRan = false;
      void jupyterapp.commands.execute("notebook:run-all-cells").then(() => {
        window.allRan = true;
      });
    })()""")


def finish_all(notebook: Notebook, timeout: float = 60) -> None:
    """Wait until all cells have run. AssertionError where one of them raised."""
    notebook.until("window.allRan", timeout)
    for place in range(notebook.js("lab.cells.cells.length")):
        if notebook.js("lab.cells.cells[arg].cell_type === 'code'", place):
            errors = [o for o in notebook.outputs(place) if o["output_type"] == "error"]
            assert not errors, "\n".join(errors[0]["traceback"])


def in_sight(notebook: Notebook, place: int = 0) -> Chart:
    """The chart at this place, once it is there, scrolled to where it is seen whole."""
    notebook.until("document.querySelectorAll('.livewidget[data-frames]').length > arg", 30, place)
    chart = Chart(notebook, place)
    chart.root.evaluate("(element) => element.scrollIntoView({ block: 'center' })")
    return chart


def pictures(notebook: Notebook) -> list[int]:
    """The widths of the pictures in the text, 0 for one that is not found."""
    script = "[...document.querySelectorAll('.jp-MarkdownOutput img')].map((i) => i.naturalWidth)"
    found: list[int] = notebook.js(script)
    return found




def test_quickstart(open_copy: Callable[[str], Notebook]) -> None:
    notebook = open_copy("quickstart")
    assert min(pictures(notebook)) > 0
    start_all(notebook)
    finish_all(notebook)
    machine = in_sight(notebook)
    machine.until_moving()
    machine.until_now()
    machine.until("stats.series?.length !== 1")
    assert "passed while paused" in machine.notice()
    notebook.screenshot(f"quickstart-{notebook.kernel}")
    traffic = in_sight(notebook, 1)
    traffic.until_moving()
    notebook.screenshot(f"quickstart-traffic-{notebook.kernel}")


def test_websocket(open_copy: Callable[[str], Notebook]) -> None:
    notebook = open_copy("websocket")
    start_all(notebook)
    chart = in_sight(notebook)
    chart.until_state("live", 30)
    chart.until_state("reconnecting", 30)
    notebook.screenshot(f"websocket-reconnecting-{notebook.kernel}")
    finish_all(notebook)
    chart = in_sight(notebook)
    chart.until_state("live")
    chart.until_moving()
    notebook.screenshot(f"websocket-{notebook.kernel}")
    assert all(path.count("M") >= 2 for path in chart.paths()), "the gap is drawn as a gap"


def test_push_from_a_loop(open_copy: Callable[[str], Notebook]) -> None:
    notebook = open_copy("push-from-a-loop")
    start_all(notebook)
    chart = in_sight(notebook)
    chart.until_state("live", 30)
    chart.until_moving(20)
    assert notebook.js("lab.kernel.status") == "busy"
    notebook.screenshot(f"push-from-a-loop-{notebook.kernel}")
    fast = in_sight(notebook, 1)
    fast.until_moving(20, timeout=30)
    assert notebook.js("lab.kernel.status") == "busy"
    finish_all(notebook)
    in_sight(notebook, 1)
    notebook.screenshot(f"push-faster-{notebook.kernel}")
