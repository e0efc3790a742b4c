"""What is looked at: the range, how wide, and whether it can be seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viewport:
    """One chart's viewport.

    `span` is (start, stop) in ns since the epoch, UTC, of a zoomed view, or None to follow the
    data. `width` is the plot area's width in pixels. `token` is the number of the browser's
    `range` message that asked for it, 0 for none.
    """

    width: int = 800
    span: tuple[int, int] | None = None
    token: int = 0
