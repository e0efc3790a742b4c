"""HoloViews with streamz: a `Buffer` under a DynamicMap, drawn by Bokeh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.base import GREY, RED, Array, Load, Update
from benchmarks.peers.feed import Y_RANGE


def start(load: Load, times: Array, values: Array, begun: float) -> Sequence[Update]:
    """Show the charts; return what updates each."""
    del begun
    import holoviews as hv

    hv.extension("bokeh", logo=False, inline=True)
    return [_chart(load, times, values) for _ in range(load.charts)]


def _chart(load: Load, times: Array, values: Array) -> Update:
    import holoviews as hv
    import pandas as pd
    from holoviews.streams import Buffer
    from IPython import get_ipython
    from IPython.display import display
    from streamz import Stream

    def frame(x: Array, y: Array) -> Any:
        columns = {"x": x, **dict(zip(load.names, y, strict=True))}
        return pd.DataFrame(columns).set_index("x")

    stream = Stream()
    buffer = Buffer(frame(times, values), length=load.rows, index=True)
    stream.sink(buffer.send)
    width, height = load.size

    def curves(data: Any) -> Any:
        drawn = [
            hv.Curve(data, "x", name).opts(color=GREY if n else RED, framewise=True)
            for n, name in enumerate(load.names)
        ]
        return hv.Overlay(drawn).opts(width=width, height=height, ylim=Y_RANGE, show_legend=False)

    display(hv.DynamicMap(curves, streams=[buffer]))
    loop = get_ipython().kernel.io_loop

    def update(new_times: Array, new_values: Array) -> None:
        loop.add_callback(stream.emit, frame(new_times, new_values))

    return update
