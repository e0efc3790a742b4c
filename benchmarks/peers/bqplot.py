"""bqplot set natively: each update sets x and y of each mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.base import GREY, RED, Array, Load, Update
from benchmarks.peers.feed import Y_RANGE, Rolling


def start(load: Load, times: Array, values: Array, begun: float) -> Sequence[Update]:
    """Show the charts; return what updates each."""
    del begun
    return [_chart(load, times, values) for _ in range(load.charts)]


def _chart(load: Load, times: Array, values: Array) -> Update:
    import bqplot as bq
    from IPython.display import display

    low, high = Y_RANGE
    scales = {"x": bq.LinearScale(), "y": bq.LinearScale(min=low, max=high)}
    marks: list[Any] = [
        bq.Lines(x=times, y=line, scales=scales, colors=[GREY if place else RED])
        for place, line in enumerate(values)
    ]
    axes = [bq.Axis(scale=scales["x"]), bq.Axis(scale=scales["y"], orientation="vertical")]
    width, height = load.size
    layout = {"width": f"{width}px", "height": f"{height}px", "min_width": "0px"}
    margin = {"top": 10, "bottom": 25, "left": 35, "right": 10}
    display(bq.Figure(marks=marks, axes=axes, layout=layout, fig_margin=margin))
    rolling = Rolling(times, values)

    def update(new_times: Array, new_values: Array) -> None:
        x, lines = rolling.add(new_times, new_values)
        for mark, line in zip(marks, lines, strict=True):
            with mark.hold_sync():
                mark.x, mark.y = x.copy(), line.copy()

    return update
