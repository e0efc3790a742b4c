"""The bqplot figure inside a chart, and how it is freed."""

from __future__ import annotations

from typing import Any

import numpy as np
from bqplot import Axis, DateScale, Figure, LinearScale, Lines
from ipywidgets import Widget


def new_figure() -> Figure:
    """Return a figure with a date axis, a number axis and one mark that holds every line.

    The browser sets its data and domains itself; the kernel never sees them.
    """
    x, y = DateScale(allow_padding=False), LinearScale(allow_padding=False)
    lines = Lines(
        x=np.array([]),
        y=np.array([]),
        scales={"x": x, "y": y},
        preserve_domain={"x": True, "y": True},
        stroke_width=1.5,
    )
    axes = [Axis(scale=each, grid_lines="solid", num_ticks=6 - n) for n, each in enumerate((x, y))]
    axes[1].orientation = "vertical"  # as an argument bqplot 0.13 takes it and warns
    return Figure(
        marks=[lines],
        axes=axes,
        animation_duration=0,
        fig_margin={"top": 12, "bottom": 36, "left": 60, "right": 16},
        min_aspect_ratio=0.01,
        max_aspect_ratio=100,
    )


def close_tree(widget: Widget) -> None:
    """Close a widget and all that it holds: each has a comm of its own."""
    for held in _held(widget):
        close_tree(held)
    if widget.comm is not None:
        widget.close()


def _held(widget: Widget) -> list[Widget]:
    found: list[Any] = []
    for name in widget.keys:
        value = getattr(widget, name)
        if isinstance(value, Widget):
            found.append(value)
        elif isinstance(value, dict):
            found += [each for each in value.values() if isinstance(each, Widget)]
        elif isinstance(value, (list, tuple)):
            found += [each for each in value if isinstance(each, Widget)]
    return found
