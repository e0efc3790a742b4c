"""Perspective: a table with a limit, and its widget with a line chart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.peers.base import Array, Load, Update


def start(load: Load, times: Array, values: Array, begun: float) -> Sequence[Update]:
    """Show the charts; return what updates each."""
    del begun
    return [_chart(load, times, values) for _ in range(load.charts)]


def _chart(load: Load, times: Array, values: Array) -> Update:
    import perspective
    from IPython.display import display
    from perspective.widget import PerspectiveWidget

    split = load.series > 1
    schema = {"x": "float", "y": "float"} | ({"series": "string"} if split else {})
    table = perspective.table(schema, limit=load.points)
    widget = PerspectiveWidget(
        table,
        plugin="X/Y Line",
        columns=["x", "y"],
        split_by=["series"] if split else [],
        settings=False,
    )
    width, height = load.size
    widget.layout.width, widget.layout.height = f"{width}px", f"{height}px"

    def update(new_times: Array, new_values: Array) -> None:
        rows = {"x": np.tile(new_times, load.series), "y": new_values.ravel()}
        if split:
            rows["series"] = np.repeat(np.array(load.names), len(new_times))
        table.update(_arrow(rows))

    update(times, values)
    display(widget)
    return update


def _arrow(rows: dict[str, Array]) -> bytes:
    import pyarrow as pa

    table = pa.table(rows)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    made: bytes = sink.getvalue().to_pybytes()
    return made
