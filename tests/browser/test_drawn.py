"""Pictures that the kernel draws: what a person sees of them, on white and on black."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import ONE_KERNEL

if TYPE_CHECKING:
    from .notebook import Notebook

pytestmark = [pytest.mark.browser, ONE_KERNEL]

THEMES = ("JupyterLab Light", "JupyterLab Dark")

SCATTER = """
import numpy as np
from livewidget import DataStreamer, Schema
from livewidget.widgets.scatter import LiveScatter

for each in globals().get("drawn", []):
    each.close()
schema = Schema.of({"time": "time", "lon": "float", "lat": "float", "cluster": "int"}, "time")
places = DataStreamer(schema=schema)
rng = np.random.default_rng(0)
cluster = np.arange(600) % 6 - 1
middle = rng.uniform(-0.02, 0.02, (6, 2))
middle[0] = 0
at = middle[cluster + 1] + rng.normal(size=(600, 2)) * np.where(cluster < 0, 0.02, 0.002)[:, None]
places.push({"time": [time.time_ns()] * 600, "lon": 16.4 + at[:, 0], "lat": 48.2 + at[:, 1],
             "cluster": cluster})
scatter = LiveScatter(places, x="lon", y="lat", title="Taxis", fps=10)
drawn = [scatter]
scatter
"""

HEAT = """
from livewidget.widgets.heatmap import LiveHeatMap

pairs = DataStreamer()
names = ["BTC", "ETH", "SOL", "ADA", "DOGE"]
table = np.clip(np.corrcoef(rng.normal(size=(5, 6)) + rng.normal(size=6)), -1, 1)
table[4, 1] = table[1, 4] = np.nan
pairs.push({"time": [time.time_ns()] * 25, "left": np.repeat(names, 5), "right": np.tile(names, 5),
            "correlation": table.ravel()})
heat = LiveHeatMap(pairs, title="Correlation of five instruments", fps=10)
drawn.append(heat)
heat
"""


def test_points_and_cells_are_seen_on_white_and_on_black(notebook: Notebook) -> None:
    notebook.page.set_viewport_size({"width": 1100, "height": 1300})
    notebook.show(SCATTER, HEAT)
    notebook.until("document.querySelectorAll('.bqplot .dot').length >= 600")
    notebook.until("document.querySelectorAll('.bqplot .heatmapcell').length === 25")
    missing = (
        "document.querySelectorAll('.bqplot .heatmapcell[style*=\"154, 154, 154\"]').length === 2"
    )
    notebook.until(missing)
    for theme in THEMES:
        notebook.theme(theme)
        for place, name in enumerate(("scatter", "heatmap")):
            notebook.scroll_to(place)
            notebook.screenshot(f"drawn-{name}-{theme.split()[1].lower()}")
