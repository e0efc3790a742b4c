"""Long runs: on the JupyterLab and the Chromium of the browser tests, with one kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..browser.conftest import (
    browser,
    context,
    lab,
    notebook,
    open_notebook,
    pytest_runtest_makereport,
)

__all__ = [
    "browser",
    "context",
    "lab",
    "notebook",
    "open_notebook",
    "pytest_runtest_makereport",
]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("long")


@pytest.fixture(scope="package")
def kernel() -> str:
    """Long runs are not repeated for ipykernel 6."""
    return "current"
