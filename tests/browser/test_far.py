"""A page far from its kernel, or one that is not heard beside a cell: it is drawn all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from .chart import Chart
from .kernel import LIVE, PRELUDE
from .lab import USER_SETTINGS
from .late import far
from .notebook import Notebook

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from .lab import Lab

BUSY_S = 8
SOON_S = 6  # and the cell is still running

FAR_MS = 120  # each way, as to another continent


@pytest.fixture
def run_both(
    lab: Lab, context: BrowserContext, kernel: str
) -> Iterator[Callable[[str], tuple[Notebook, Chart]]]:
    """Show a chart and run a long cell behind it, at once, in a page that is loaded for it."""
    opened: list[Notebook] = []

    def run_both(script: str) -> tuple[Notebook, Chart]:
        lab.write(f"first-{kernel}.ipynb", [PRELUDE, LIVE, f"time.sleep({BUSY_S})"], kernel)
        page = context.new_page()
        page.add_init_script(script)
        notebook = Notebook(page, lab.url, kernel, prefix="first-")
        opened.append(notebook)
        notebook.open()
        notebook.run(0)
        notebook.start(1)
        notebook.start(2)
        return notebook, Chart(notebook)

    yield run_both
    for notebook in opened:
        notebook.js("lab.kernel.shutdown()")
        notebook.page.close()
        notebook.assert_no_errors()


@pytest.fixture
def without_subshells(lab: Lab) -> Iterator[None]:
    """JupyterLab as a frontend that knows none."""
    path = lab.folder / USER_SETTINGS / "apputils-extension/kernels-settings.jupyterlab-settings"
    path.write_text(json.dumps({"commsOverSubshells": "disabled"}))
    yield
    path.unlink()


def test_a_far_kernel_costs_neither_the_first_frames_nor_quality(
    run_both: Callable[[str], tuple[Notebook, Chart]],
) -> None:
    # JupyterLab asks for a subshell when the first widget comes. What widgets say before it has
    # one waits in the main shell, for this cell.
    notebook, chart = run_both(far(FAR_MS))
    chart.until("chart.dataset.frames >= 10", SOON_S)
    assert notebook.js("lab.ran[2]") is False
    notebook.finish(2)
    chart.until_now()
    told = notebook.ask("print(json.dumps(chart.stats()['decisions']))")
    assert not [each for each in told if "from arrival to pixel" in each["text"]], told


@pytest.mark.usefixtures("without_subshells")
def test_it_is_drawn_where_nothing_is_heard_beside_a_cell(
    run_both: Callable[[str], tuple[Notebook, Chart]],
) -> None:
    notebook, chart = run_both("")
    chart.until("chart.dataset.frames >= 10", SOON_S)
    assert notebook.js("lab.ran[2]") is False
    notebook.finish(2)
    chart.until_now()
