"""The way between page and server is cut for half a minute: the chart comes back by itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from livewidget.testing import FaultProxy

from .chart import Chart
from .kernel import LIVE, PRELUDE
from .notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from .lab import Lab

CUT_SECONDS = 30
# JupyterLab tries again after a random time of up to 31 s, then 63.
BACK_SECONDS = 110


@pytest.fixture
def proxied(lab: Lab, browser: Browser, kernels: list[str]) -> Iterator[tuple[FaultProxy, list]]:
    """A page for each kernel, all behind one proxy: one cut serves them all."""
    with FaultProxy(lab.port) as proxy:
        pages = []
        for kernel in kernels:
            lab.write(f"cut-{kernel}.ipynb", [""], kernel)
            # A context each: of the pages of one, all but the front one count as covered.
            page = browser.new_context().new_page()
            notebook = Notebook(page, f"http://127.0.0.1:{proxy.port}", kernel, "cut-")
            notebook.open()
            pages.append(notebook)
        yield proxy, pages
        for notebook in pages:
            notebook.js("lab.panel.sessionContext.shutdown()")
            notebook.page.context.close()


@pytest.mark.timeout(300)
def test_a_cut_of_thirty_seconds_heals(proxied: tuple[FaultProxy, list[Notebook]]) -> None:
    proxy, pages = proxied
    charts = []
    for notebook in pages:
        notebook.ask(PRELUDE)
        notebook.show(LIVE)
        charts.append(Chart(notebook))
        charts[-1].until_moving()
    proxy.cut()
    for chart in charts:
        chart.until_state("stale", 15)
        chart.notebook.screenshot(f"cut-{chart.notebook.kernel}")
    threading.Event().wait(CUT_SECONDS)
    proxy.heal()
    for chart in charts:
        chart.until_moving(5, BACK_SECONDS)
        chart.until_state("live")
        chart.until_now()
