"""Sliding windows put together of their panes, at a cost that does not grow with their length.

A window is put together of two parts, as a queue is of two stacks: the panes before a split, of
which the sums from each pane up to the split are at hand, and those after it, of which there is
one running sum. Where a window begins at the split or after it, the split moves on and the sums
are made anew. So a pane is merged about three times, however many windows it is in, and nothing is
ever subtracted. Tangwongsan, Hirzel, Schneider and Wu, "General incremental sliding-window
aggregation" (2015); "Low-latency sliding-window aggregation in worst-case constant time" (2017).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from livewidget.pipeline.windows.base import Mask, Part
from livewidget.pipeline.windows.cells import Cells, Metrics

Panes = Mapping[int, Cells]


class Stacks:
    """The sums of panes that sliding windows are put together of: see above. Not thread-safe.

    `front` has the sum from each pane there is up to `split`; `back` that from there to `pushed`.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._starts: list[int] = []
        self._front: list[Cells] = []
        self._back = Cells(metrics)
        self._split: int | None = None
        self._pushed = 0

    def window(self, panes: Panes, there: list[int], first: int, end: int, size: int) -> Cells:
        """Return the sum of the panes from `first` to `end` (without it), not to be changed.

        `there` are all panes there are, sorted. Windows are asked for by rising `first`.
        """
        self._prepare(panes, there, first, size)
        for pane in _between(there, self._pushed, end):
            panes[pane].settle()
            self._back.absorb(panes[pane], size)
        self._pushed = max(self._pushed, end)
        return self._joined(size)

    def peek(self, panes: Panes, there: list[int], first: int, end: int, size: int) -> Cells:
        """Return the sum of a window as it stands, where rows may still come; nothing changes."""
        if self._split is None or first >= self._split:
            whole, begin = Cells(self._metrics), first
        else:
            at = bisect_left(self._starts, first)
            whole = self._front[at].copy() if at < len(self._front) else Cells(self._metrics)
            whole.absorb(self._back, size)
            begin = self._pushed
        for pane in _between(there, begin, end):
            whole.absorb(panes[pane], size)
        return whole

    def amend(self, pane: int, rows: Part, size: int) -> None:
        """Add rows to the sums that a pane is in already."""
        if self._split is None or pane >= self._pushed:
            return
        if pane >= self._split:
            self._back.update(rows.slots, rows.times, rows.columns, size)
            return
        at = bisect_left(self._starts, pane)
        if at == len(self._starts) or self._starts[at] != pane:
            after = self._front[at].copy() if at < len(self._front) else Cells(self._metrics)
            self._starts.insert(at, pane)
            self._front.insert(at, after)
        for cells in self._front[: at + 1]:
            cells.update(rows.slots, rows.times, rows.columns, size)

    def drop(self, gone: Mask) -> None:
        """Forget slots."""
        for cells in (*self._front, self._back):
            cells.drop(gone)

    def cells(self) -> int:
        """Return how many cells all sums have."""
        return sum(cells.count for cells in (*self._front, self._back))

    def save(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "split": self._split,
            "pushed": self._pushed,
            "starts": list(self._starts),
            "front": [cells.save() for cells in self._front],
            "back": self._back.save(),
        }

    def load(self, saved: dict[str, Any]) -> None:
        """Go on from there."""
        self._split = saved["split"]
        self._pushed = int(saved["pushed"])
        self._starts = [int(each) for each in saved["starts"]]
        self._front = [Cells.load(self._metrics, each) for each in saved["front"]]
        self._back = Cells.load(self._metrics, saved["back"])

    def _prepare(self, panes: Panes, there: list[int], first: int, size: int) -> None:
        """Have the sums from `first` on at hand."""
        if self._split is None:
            self._split = self._pushed = first
        if first >= self._split:
            self._pushed = max(self._pushed, first)
            self._flip(panes, _between(there, first, self._pushed), size)
        at = bisect_left(self._starts, first)
        del self._starts[:at], self._front[:at]

    def _flip(self, panes: Panes, starts: list[int], size: int) -> None:
        self._split, self._starts = self._pushed, starts
        self._front = []
        for pane in reversed(self._starts):
            own = panes[pane].copy()
            if self._front:
                own.absorb(self._front[-1], size)
            self._front.append(own)
        self._front.reverse()
        self._back = Cells(self._metrics)

    def _joined(self, size: int) -> Cells:
        if not self._front:
            return self._back
        if not self._back.count:
            return self._front[0]
        whole = self._front[0].copy()
        whole.absorb(self._back, size)
        return whole


def _between(there: list[int], first: int, end: int) -> list[int]:
    return there[bisect_left(there, first) : bisect_left(there, end)]
