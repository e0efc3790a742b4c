"""Several views, pages and lives of one chart: all are live, or say why not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from .chart import Chart
from .conftest import ONE_KERNEL
from .kernel import LIVE
from .notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from .lab import Lab

NARROW = """
import ipywidgets
boxes.append(ipywidgets.Box([chart], layout=ipywidgets.Layout(width="420px", overflow="hidden")))
boxes[-1]
"""


@ONE_KERNEL
def test_two_views_of_different_width_are_live(notebook: Notebook) -> None:
    notebook.show(LIVE, NARROW)
    wide, narrow = Chart(notebook, 0), Chart(notebook, 1)
    wide.until_moving()
    narrow.until_moving()
    assert narrow.stats()["area"]["width"] < 420 < wide.stats()["area"]["width"]
    before = [view.paths() for view in (wide, narrow)]
    wide.until_moving()
    assert all(view.paths() != old for view, old in zip((wide, narrow), before, strict=True))
    notebook.screenshot(f"two-views-{notebook.kernel}")


@ONE_KERNEL
def test_a_second_browser_is_live_too(live: Chart, browser: Browser, lab: Lab) -> None:
    live.notebook.save()
    context = browser.new_context()
    try:
        other = Notebook(context.new_page(), lab.url, live.notebook.kernel)
        other.open()
        there = Chart(other)
        there.until_moving()
        live.notebook.page.bring_to_front()
        live.until_moving()
        there.until_moving()
        other.assert_no_errors()
    finally:
        context.close()
    live.until_moving()


def test_a_refreshed_page_is_live_within_two_seconds(live: Chart) -> None:
    live.notebook.refresh()
    ready = time.monotonic()
    live.until_moving(3)
    assert time.monotonic() - ready < 2
    live.until_now()


def test_a_restarted_kernel_is_an_end_and_no_error(live: Chart) -> None:
    live.notebook.restart_kernel()
    live.until_state("ended")
    assert "ended" in live.root.locator(".lw-chip").inner_text()
    live.notebook.screenshot(f"ended-{live.notebook.kernel}", live.root)


def test_rerunning_the_cell_frees_the_old_chart(live: Chart) -> None:
    notebook = live.notebook
    notebook.set_cells("chart = feed(make()); print(len(chart.comm and comms())); chart")
    notebook.ask("from comm import get_comm_manager\ncomms = lambda: get_comm_manager().comms")
    notebook.run()
    counts = []
    for _ in range(4):
        notebook.ask("charts.clear()")
        notebook.run()
        Chart(notebook).until_moving(2)
        counts.append(int(notebook.printed()))
    assert len(set(counts[1:])) == 1, counts
    assert notebook.page.locator(".livewidget").count() == 1


@pytest.fixture
def box_around_a_closed_chart(live: Chart) -> Iterator[None]:
    ask = live.notebook.ask
    ask("import ipywidgets; boxes.append(ipywidgets.Box([make()])); charts[-1].close()")
    yield
    ask("boxes.pop().close()")
    live.notebook.refresh()
    live.notebook.errors.clear()


@pytest.mark.usefixtures("box_around_a_closed_chart")
@ONE_KERNEL
def test_a_closed_chart_in_a_box_does_not_spoil_a_refreshed_page(live: Chart) -> None:
    """A box outlives the chart it holds; ipywidgets asks it for its state all the same."""
    live.notebook.refresh()
    Chart(live.notebook).until_moving(3)
