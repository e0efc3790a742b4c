"""What a histogram took in lately."""

from __future__ import annotations

from collections import deque
from typing import Any

from livewidget.monitor.histogram import Snapshot
from livewidget.monitor.metrics import HistogramSeries

STEPS = 12  # that the span is cut into: what is told is of the span and a twelfth at most
_SHOWN = range(15)  # octaves from a thousandth: of seconds that is 1 ms to 16 s


class Recent:
    """The values of the last `span_s` seconds of a histogram. One reader; not thread-safe."""

    def __init__(self, series: HistogramSeries, span_s: float) -> None:
        self._series = series
        self._span = span_s
        self._kept: deque[tuple[float, Snapshot]] = deque()

    def tend(self, now: float) -> None:
        """Keep a step of the way, where nobody reads: else the span would begin where one did."""
        if not self._kept or now - self._kept[-1][0] >= self._span / STEPS:
            self.read(now)

    def read(self, now: float) -> Snapshot:
        """Return what came in the span before `now` (s); all, before a span has passed."""
        snapshot, kept = self._series.value, self._kept
        if not kept:
            kept.append((now, Snapshot.empty()))
        while len(kept) > 1 and kept[1][0] <= now - self._span:
            kept.popleft()
        since = kept[0][1]
        if now - kept[-1][0] >= self._span / STEPS:
            kept.append((now, snapshot))
        return snapshot.since(since)


def shown_ms(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the `histogram` of a status, from one of seconds; None where it is empty."""
    if not snapshot.total:
        return None
    below = snapshot.below(_SHOWN)
    counts = [after - before for before, after in zip([0, *below], below, strict=False)]
    return {
        "bounds_ms": [2**k for k in _SHOWN],
        "counts": [*counts, snapshot.total - below[-1]],
    }
