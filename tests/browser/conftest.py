"""One JupyterLab and one Chromium for all browser tests; a notebook page for each kernel."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from .chart import Chart
from .kernel import LIVE, PRELUDE
from .lab import FLAGS, Lab, chromium
from .notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from playwright.sync_api import Browser, BrowserContext

KERNELS = {"current": sys.executable, "ipykernel6": os.environ.get("LIVEWIDGET_KERNEL6_PYTHON")}
# For what does not depend on the kernel: a page, its pictures, a store.
ONE_KERNEL = pytest.mark.parametrize("kernel", ["current"], indirect=True)
OUTCOMES = pytest.StashKey[list[pytest.TestReport]]()
NO_KERNEL6 = "LIVEWIDGET_KERNEL6_PYTHON names no python with ipykernel 6"
VIEWPORT = {"width": 1100, "height": 850}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash.setdefault(OUTCOMES, []).append(report)
    return report


def failed(item: pytest.Item) -> bool:
    """Whether a test has failed so far; its fixtures are still up."""
    return any(report.failed for report in item.stash.get(OUTCOMES, []))


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    kernels = {name: python for name, python in KERNELS.items() if python}
    lab = Lab(tmp_path_factory.mktemp("lab"), kernels)
    try:
        lab.wait_ready()
        yield lab
    finally:
        lab.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium: install it, or name it in LIVEWIDGET_CHROMIUM")
    # Left open, Playwright's loop would be in the way of later tests that are coroutines.
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=VIEWPORT)
    yield context
    context.close()


@pytest.fixture(scope="package")
def kernels() -> list[str]:
    """The names of all kernelspecs, for a test that has them all at once."""
    if not KERNELS["ipykernel6"]:
        pytest.skip(NO_KERNEL6)
    return list(KERNELS)


@pytest.fixture(scope="package", params=KERNELS)
def kernel(request: pytest.FixtureRequest) -> str:
    """The name of a kernelspec; a test runs on ipykernel 7 and 6, or on ONE_KERNEL."""
    if KERNELS[request.param] is None:
        pytest.skip(NO_KERNEL6)
    return str(request.param)


@pytest.fixture(scope="package")
def open_notebook(lab: Lab, context: BrowserContext, kernel: str) -> Iterator[Notebook]:
    """A page that stays open: loading JupyterLab costs seconds."""
    lab.write(f"{kernel}.ipynb", [""], kernel)
    notebook = Notebook(context.new_page(), lab.url, kernel)
    notebook.open()
    yield notebook
    # Its kernel lives on: a page that comes later would load charts while they are being closed.
    notebook.ask(PRELUDE)
    notebook.page.close()


@pytest.fixture
def notebook(
    request: pytest.FixtureRequest, lab: Lab, open_notebook: Notebook
) -> Iterator[Notebook]:
    """The open page, and nothing left of the last test; no error may come on its console."""
    open_notebook.errors.clear()
    open_notebook.set_cells("")
    open_notebook.ask(PRELUDE)
    yield open_notebook
    if failed(request.node):
        open_notebook.screenshot(f"failed-{request.node.name}")
        lab.show_log()
    # A page's animation frames are asked for where it is in front.
    open_notebook.page.bring_to_front()
    open_notebook.assert_no_errors()


@pytest.fixture
def live(notebook: Notebook) -> Chart:
    """A chart that moves, in the first cell."""
    notebook.show(LIVE)
    chart = Chart(notebook)
    chart.until_moving()
    return chart
