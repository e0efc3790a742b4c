"""A view that cannot be seen gets no frames, and shows now when it returns."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from .chart import Chart
from .conftest import ONE_KERNEL
from .kernel import LIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .notebook import Notebook


# Of one kernel: what is seen does not depend on it.
pytestmark = ONE_KERNEL


@contextmanager
def hidden(notebook: Notebook) -> Iterator[None]:
    """Behind another tab of JupyterLab."""
    notebook.js("lab.cover()")
    notebook.until("!lab.panel.isVisible")
    yield
    notebook.js("lab.uncover()")


@contextmanager
def covered(notebook: Notebook) -> Iterator[None]:
    """Behind another page of the browser, where a page still says that it is visible."""
    front = notebook.page.context.new_page()
    front.goto("about:blank")
    front.bring_to_front()
    yield
    front.close()
    notebook.page.bring_to_front()


@contextmanager
def scrolled_away(notebook: Notebook) -> Iterator[None]:
    """Far above what is looked at."""
    notebook.js("lab.scroll(1e6)")
    yield
    notebook.js("lab.scroll(0)")


@pytest.mark.parametrize("away", [hidden, covered, scrolled_away])
def test_out_of_sight_means_no_frames(notebook: Notebook, away) -> None:
    notebook.show(LIVE, "print('\\n' * 120)")
    notebook.js("lab.scroll(0)")
    chart = Chart(notebook)
    chart.until_moving()
    with away(notebook):
        # It takes the page a moment to know; from then on nothing may come.
        notebook.until_quiet()
        before = notebook.wire()["ticks"]
        rows = notebook.ask("print(chart.stats()['received'])")
        notebook.until_kernel(f"chart.stats()['received'] > {rows} + 100")
        assert notebook.wire()["ticks"] == before
    chart.until_moving()
    chart.until_now(2)
