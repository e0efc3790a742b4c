"""The peers, in the order of the report."""

from __future__ import annotations

from benchmarks.peers.base import Peer

PEERS = {
    "livewidget": Peer(
        "livewidget, bqplot marks",
        "livewidget",
        "livewidget",
        ".livewidget .lw-plot",
        "`chart.push` of what came; `renderer='bqplot'`",
        profiled=True,
    ),
    "canvas": Peer(
        "livewidget, canvas",
        "livewidget_canvas",
        "livewidget",
        ".livewidget .lw-plot",
        "`chart.push` of what came; `renderer='canvas'`",
        profiled=True,
    ),
    "bqplot": Peer(
        "bqplot",
        "bqplot",
        "bqplot",
        ".bqplot",
        "x and y of each mark set at each update, under `hold_sync`",
        whole=True,
        most_points=1_000_000,
    ),
    "bokeh": Peer(
        "Bokeh",
        "bokeh",
        "bokeh",
        ".jp-OutputArea-output",
        "`ColumnDataSource.stream` with a rollover, in jupyter_bokeh's widget",
    ),
    "plotly": Peer(
        "plotly",
        "plotly",
        "plotly",
        ".js-plotly-plot",
        "FigureWidget, x and y of each trace set at each update, in one `batch_update`",
        whole=True,
        most_points=1_000_000,
    ),
    "perspective": Peer(
        "Perspective",
        "perspective",
        "perspective-python",
        "perspective-viewer",
        "PerspectiveWidget on a table with a limit, updated with Arrow; X/Y Line",
        ink="blue",
    ),
    "ipympl": Peer(
        "ipympl",
        "ipympl",
        "ipympl",
        ".jupyter-matplotlib-canvas-div, .jupyter-matplotlib canvas",
        "`set_data` and `draw_idle`: the kernel draws and sends the picture that changed",
    ),
    "holoviews": Peer(
        "HoloViews with streamz",
        "holoviews",
        "holoviews",
        ".jp-OutputArea-output",
        "a streamz Stream into `Buffer` under a DynamicMap, drawn by Bokeh",
        whole=True,
        most_points=1_000_000,
    ),
    "uplot": Peer(
        "uPlot, bare page",
        "",
        "uplot",
        ".uplot",
        "`setData` in the page that makes the rows: no kernel, no wire",
        profiled=True,
    ),
}
