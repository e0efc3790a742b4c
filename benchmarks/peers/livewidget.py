"""livewidget: what comes is pushed; bqplot marks, or its canvas where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.peers.base import GREY, RED, WINDOW_S, Array, Load, Update

MOST_BYTES = 2**29  # 33,000,000 rows of a time and a value
HISTORY = 1_000_000  # rows in a push of the history


def start(
    load: Load, times: Array, values: Array, begun: float, renderer: str = "bqplot"
) -> Sequence[Update]:
    """Show the charts; return what updates each."""
    return [_chart(load, times, values, begun, renderer) for _ in range(load.charts)]


def _streamer(load: Load) -> Any:
    """Return a streamer whose buffer has room for the window, which may be over the default."""
    from livewidget import BufferManager, DataStreamer, Schema

    schema = Schema.of({"time": "time"} | dict.fromkeys(load.names, "float"), "time")
    buffer = BufferManager(schema, retention=10 * WINDOW_S, max_bytes=MOST_BYTES)
    return DataStreamer(buffer=buffer, schema=schema)


def _chart(load: Load, times: Array, values: Array, begun: float, renderer: str) -> Update:
    from IPython.display import display

    from livewidget import LiveChart

    options: dict[str, Any] = {"renderer": renderer} if hasattr(LiveChart, "renderer") else {}
    chart = LiveChart(
        _streamer(load),
        y=list(load.names),
        window=WINDOW_S,
        max_fps=min(60, max(30, load.updates)),
        height=load.size[1],
        colors=[RED] + [GREY] * (load.series - 1),
        max_series=max(20, load.series),
        monitor=load.charts == 1,
        **options,
    )
    chart.layout.width = f"{load.size[0]}px"
    display(chart)
    origin = int(begun * 1e9)

    def update(new_times: Array, new_values: Array) -> None:
        stamps = (origin + (new_times * 1e9).astype(np.int64)).view("datetime64[ns]")
        chart.push({"time": stamps, **dict(zip(load.names, new_values, strict=True))})

    for place in range(0, len(times), HISTORY):
        chunk = slice(place, place + HISTORY)
        update(times[chunk], values[:, chunk])
    return update
