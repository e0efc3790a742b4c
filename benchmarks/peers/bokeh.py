"""Bokeh's `stream` with a rollover, through jupyter_bokeh's widget."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.base import GREY, RED, Array, Load, Update
from benchmarks.peers.feed import Y_RANGE


def start(load: Load, times: Array, values: Array, begun: float) -> Sequence[Update]:
    """Show the charts; return what updates each."""
    del begun
    from bokeh.io import output_notebook
    from bokeh.resources import INLINE

    output_notebook(INLINE, hide_banner=True)  # the widget expects bokehjs in the page
    return [_chart(load, times, values) for _ in range(load.charts)]


def _chart(load: Load, times: Array, values: Array) -> Update:
    from bokeh.models import ColumnDataSource
    from bokeh.plotting import figure
    from IPython.display import display
    from jupyter_bokeh.widgets import BokehModel

    width, height = load.size
    source = ColumnDataSource({"x": times, **dict(zip(load.names, values, strict=True))})
    plot = figure(width=width, height=height, y_range=Y_RANGE, toolbar_location=None)
    plot.x_range.range_padding = 0
    for place, name in enumerate(load.names):
        plot.line("x", name, source=source, color=GREY if place else RED, line_width=2)
    display(BokehModel(plot))

    def update(new_times: Array, new_values: Array) -> None:
        new = {"x": new_times, **dict(zip(load.names, new_values, strict=True))}
        source.stream(new, rollover=load.rows)

    return update
