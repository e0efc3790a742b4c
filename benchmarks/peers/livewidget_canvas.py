"""livewidget with its canvas renderer; ImportError where it has none."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import livewidget as marks
from benchmarks.peers.base import Array, Load, Update


def start(load: Load, times: Array, values: Array, begun: float) -> Sequence[Update]:
    """Show the charts; return what updates each."""
    from livewidget import LiveChart

    if not hasattr(LiveChart, "renderer"):
        raise ImportError("this livewidget has no canvas renderer")
    return marks.start(load, times, values, begun, renderer="canvas")
