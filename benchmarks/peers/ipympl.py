"""ipympl: matplotlib draws in the kernel, and the widget sends what changed as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.base import GREY, RED, Array, Load, Update
from benchmarks.peers.feed import Y_RANGE, Rolling


def start(load: Load, times: Array, values: Array, begun: float) -> Sequence[Update]:
    """Show the charts; return what updates each."""
    del begun
    import matplotlib as mpl

    mpl.use("module://ipympl.backend_nbagg")
    return [_chart(load, times, values) for _ in range(load.charts)]


def _chart(load: Load, times: Array, values: Array) -> Update:
    from IPython.display import display
    from matplotlib import pyplot as plt

    width, height = load.size
    with plt.ioff():
        figure, axes = plt.subplots(figsize=(width / 100, height / 100), dpi=100)
    lines = [axes.plot(times, line, color=GREY if n else RED)[0] for n, line in enumerate(values)]
    axes.set_ylim(*Y_RANGE)
    axes.margins(x=0)
    for part in ("toolbar_visible", "header_visible", "footer_visible"):
        setattr(figure.canvas, part, False)
    display(figure.canvas)
    rolling = Rolling(times, values)

    def update(new_times: Array, new_values: Array) -> None:
        x, seen = rolling.add(new_times, new_values)
        for line, y in zip(lines, seen, strict=True):
            line.set_data(x, y)
        axes.set_xlim(x[0], x[-1])
        figure.canvas.draw_idle()

    return update
