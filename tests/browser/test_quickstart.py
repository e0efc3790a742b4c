"""The quickstart notebook, run as a newcomer runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .chart import Chart

if TYPE_CHECKING:
    from .notebook import Notebook


NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def sources(name: str) -> list[str]:
    cells = json.loads((NOTEBOOKS / name).read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_the_quickstart_moves(notebook: Notebook) -> None:
    notebook.show(*sources("quickstart.ipynb"))
    notebook.scroll_to(0)
    chart = Chart(notebook)
    chart.until_moving(10, timeout=20)
    before = chart.paths()
    assert any(before)
    chart.until_moving(10, timeout=20)
    assert chart.paths() != before
    notebook.screenshot(f"quickstart-{notebook.kernel}")
