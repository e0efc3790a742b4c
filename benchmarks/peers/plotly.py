"""Plotly's FigureWidget: each update sets x and y of each trace in one batch."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.base import GREY, RED, Array, Load, Update
from benchmarks.peers.feed import Y_RANGE, Rolling


def start(load: Load, times: Array, values: Array, begun: float) -> Sequence[Update]:
    """Show the charts; return what updates each."""
    del begun
    return [_chart(load, times, values) for _ in range(load.charts)]


def _chart(load: Load, times: Array, values: Array) -> Update:
    import plotly.graph_objects as go
    from IPython.display import display

    width, height = load.size
    figure = go.FigureWidget(
        [
            go.Scatter(x=times, y=line, mode="lines", line={"color": GREY if n else RED})
            for n, line in enumerate(values)
        ],
        layout={
            "width": width,
            "height": height,
            "showlegend": False,
            "margin": {"l": 35, "r": 10, "t": 10, "b": 25},
            "yaxis": {"range": list(Y_RANGE)},
        },
    )
    display(figure)
    rolling = Rolling(times, values)

    def update(new_times: Array, new_values: Array) -> None:
        x, lines = rolling.add(new_times, new_values)
        with figure.batch_update():
            for trace, line in zip(figure.data, lines, strict=True):
                trace.x, trace.y = x.copy(), line.copy()

    return update
