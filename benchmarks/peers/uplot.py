"""uPlot in a bare page: the limit of a browser that has no kernel to hear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.peers.base import GREY, RED, WINDOW_S, Load
from benchmarks.peers.feed import Y_RANGE, pulses

PAGE = Path(__file__).parent / "page" / "index.html"
BURST = "(() => { const at = Date.now() / 1000 + 1; __peer.hasty = at; return at; })()"


def setup(load: Load) -> dict[str, Any]:
    """Return what the page's `startPeer` is called with."""
    return {
        "load": load.to_json(),
        "begins": pulses(600).tolist(),
        "window_s": WINDOW_S,
        "red": RED,
        "grey": GREY,
        "y_range": list(Y_RANGE),
        "size": list(load.size),
    }
