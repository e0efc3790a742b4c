"""The notebooks as files; the JupyterLab and the Chromium are those of the browser tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..browser.conftest import browser, context, failed, kernel, lab, pytest_runtest_makereport
from ..browser.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext

    from ..browser.lab import Lab

__all__ = ["browser", "context", "kernel", "lab", "pytest_runtest_makereport"]

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
