"""Windows by time, tumbling and sliding: panes, and windows made of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.assign import Tiling
from livewidget.pipeline.windows.base import CORRECTION, EARLY, FINAL, Found, Mask, Part, Windows
from livewidget.pipeline.windows.bulk import Bulk
from livewidget.pipeline.windows.cells import Cells, Metrics, States
from livewidget.pipeline.windows.metric import Times
from livewidget.pipeline.windows.stacks import Stacks


class Timed(Windows):
    """Tumbling or sliding windows of all keys.

    A late row that is within `lateness` ns of a window's end gives a correction of it.
    """

    def __init__(
        self,
        tiling: Tiling,
        metrics: Metrics,
        lateness: int,
        emit: Callable[[Found], None],
        late: Callable[[int], None],
    ) -> None:
        super().__init__(emit, late)
        self._tiling = tiling
        self._metrics = metrics
        self._lateness = lateness
        self._panes: dict[int, Cells] = {}
        self._spare: Cells | None = None  # of a pane that is gone
        self._next: int | None = None  # the first window that is not closed; None: none is
        self._stacks = Stacks(metrics) if tiling.per > 1 else None
        self._bulk: Bulk | None = None  # rows of many panes, most of which are about to be closed

    def epochs(self, watermarks: Times) -> Times:
        """Return the last window that is closed."""
        return self._tiling.closed_at(watermarks)

    def gone(self, times: Times, before: Times) -> Mask | None:
        """Return the rows whose last window has ended, and longer ago than `lateness`."""
        last = self._tiling.panes(times) // self._tiling.step
        lowest = np.iinfo(np.int64).min + self._lateness
        return last <= self._tiling.closed_at(np.maximum(before, lowest) - self._lateness)

    def cuts(self, times: Times, before: Times) -> Places:
        """Return the rows some of whose windows have ended, one for each state of the windows."""
        epochs = self.epochs(before)
        rows = np.flatnonzero(self._behind(times, epochs))
        own = epochs[rows]
        return rows[np.append(True, own[1:] != own[:-1])] if len(rows) else rows

    def take(self, part: Part) -> None:
        """Take rows in; those that come after the end of one of their windows apart."""
        self._unfold()
        if (part.times < part.before).any():
            behind = self._behind(part.times, self.epochs(part.before))
            if behind.any():
                self._take_behind(part.take(behind))
                if behind.all():
                    return
                part = part.take(~behind)
        low, high = self._span(part)
        many = self._stacks is None and not self._lateness and Bulk.pays(low, high, self.size)
        if many:
            self._bulk = Bulk(part, self._tiling.panes(part.times), self._metrics, self.size)
        elif low == high:
            self._update(low, part)
        else:
            for pane, rows in self._by_pane(part):
                self._update(pane, rows)

    def close(self, watermark: int) -> None:
        """Close windows, and forget panes that no window needs any more."""
        due = self._tiling.closed(watermark)
        if self._bulk is not None:
            self._close_bulk(self._bulk, due)
        if self._next is not None and due < self._next and not self._lateness:
            return
        self._close_to(due)
        kept = self._tiling.closed(watermark - self._lateness) if self._lateness else due
        for pane in [pane for pane in self._panes if self._tiling.last_of(pane) <= kept]:
            self._spare = self._panes.pop(pane)
            self._spare.reset()

    def early(self, changed: Mask, at: int) -> None:
        """Tell of the open windows; of sliding ones of that which closes next."""
        self._unfold()
        if self._stacks is None:
            for pane in sorted(self._panes):
                if self._next is None or pane >= self._next:
                    self._tell(pane, self._panes[pane], EARLY, at, changed)
            return
        there = sorted(self._panes)
        window = self._following(there)
        if window is not None:
            first = window * self._tiling.step
            end = first + self._tiling.per
            cells = self._stacks.peek(self._panes, there, first, end, self.size)
            self._tell(window, cells, EARLY, at, changed)

    def finish(self) -> None:
        """Close all windows that have a row."""
        self._unfold()
        if self._panes:
            self._close_to(self._tiling.last_of(max(self._panes)))
            self._panes.clear()

    def alive(self) -> Mask:
        """Return which slots have a row in a pane."""
        self._unfold()
        alive = np.zeros(self.size, dtype=bool)
        for cells in self._panes.values():
            alive[cells.slots] = True
        return alive

    def drop(self, gone: Mask) -> None:
        """Forget slots in all panes."""
        self._unfold()
        for cells in self._panes.values():
            cells.drop(gone)
        self._panes = {pane: cells for pane, cells in self._panes.items() if cells.count}
        if self._stacks is not None:
            self._stacks.drop(gone)

    def cells(self) -> int:
        """Return how many cells all panes and sums have."""
        self._unfold()
        own = sum(cells.count for cells in self._panes.values())
        return own + (0 if self._stacks is None else self._stacks.cells())

    def save(self) -> dict[str, Any]:
        """Return the panes, and what is summed up of them."""
        self._unfold()
        return {
            "next": self._next,
            "panes": [{"pane": pane, **cells.save()} for pane, cells in self._panes.items()],
            "stacks": None if self._stacks is None else self._stacks.save(),
        }

    def load(self, saved: dict[str, Any]) -> None:
        """Go on from there."""
        self._next = saved["next"]
        self._panes = {
            int(each["pane"]): Cells.load(self._metrics, each) for each in saved["panes"]
        }
        if self._stacks is not None:
            self._stacks.load(saved["stacks"])

    def _unfold(self) -> None:
        """Have the rows of many panes in panes like any others."""
        if self._bulk is not None:
            bulk, self._bulk = self._bulk, None
            self._merge(bulk)

    def _merge(self, bulk: Bulk) -> None:
        for pane, cells in bulk.cells():
            if pane in self._panes:
                self._panes[pane].absorb(cells, self.size)
            else:
                self._panes[pane] = cells

    def _close_bulk(self, bulk: Bulk, due: int) -> None:
        """Close windows of a bulk, without a pane of each, where they come after all others."""
        self._bulk = None
        newest = max(self._panes, default=bulk.first - 1)
        self._merge(bulk.pop(newest))
        over = bulk.pop(due)
        if over:
            self._close_to(min(due, newest))
            order = np.lexsort((self.born[over.slots], over.panes))
            starts = self._tiling.origin + over.panes[order] * self._tiling.slide
            values = over.states.result(order)
            ends = starts + self._tiling.size
            self._emit(Found(over.slots[order], starts, ends, values))
        self._merge(bulk)

    def _behind(self, times: Times, epochs: Times) -> Mask:
        tiling = self._tiling
        first = -((tiling.per - 1 - tiling.panes(times)) // tiling.step)
        return first <= epochs

    def _span(self, part: Part) -> tuple[int, int]:
        """Return the first and the last pane of rows."""
        bounds = np.array([part.times.min(), part.times.max()])
        low, high = self._tiling.panes(bounds).tolist()
        return low, high

    def _by_pane(self, part: Part) -> list[tuple[int, Part]]:
        panes = self._tiling.panes(part.times)
        if (panes[1:] >= panes[:-1]).all():
            edges = np.flatnonzero(panes[1:] != panes[:-1]) + 1
            bounds = [0, *edges.tolist(), len(panes)]
            slices = [slice(a, b) for a, b in pairwise(bounds)]
            return [(int(panes[each.start]), part.take(each)) for each in slices]
        order = np.argsort(panes, kind="stable")
        own = panes[order]
        edges = np.flatnonzero(own[1:] != own[:-1]) + 1
        groups = np.split(order, edges)
        return [(int(panes[rows[0]]), part.take(rows)) for rows in groups]

    def _update(self, pane: int, rows: Part) -> None:
        cells = self._panes.get(pane)
        if cells is None:
            cells, self._spare = self._spare or Cells(self._metrics), None
            self._panes[pane] = cells
        cells.update(rows.slots, rows.times, rows.columns, self.size)

    def _take_behind(self, part: Part) -> None:
        """Take rows in some of whose windows are closed."""
        if self._lateness:
            for row in range(len(part)):
                self._correct(part.take(slice(row, row + 1)))
            return
        for pane, rows in self._by_pane(part):
            self._update(pane, rows)
            if self._stacks is not None:
                self._stacks.amend(pane, rows, self.size)

    def _correct(self, row: Part) -> None:
        """Take one row in and tell of its closed windows anew."""
        tiling = self._tiling
        pane, _ = self._span(row)
        self._update(pane, row)
        if self._stacks is not None:
            self._stacks.amend(pane, row, self.size)
        before = int(row.before[0])
        over = tiling.closed(before - self._lateness)
        begin = max(tiling.first_of(pane), over + 1)
        for window in range(begin, min(tiling.last_of(pane), tiling.closed(before)) + 1):
            self._correct_window(window, int(row.slots[0]))

    def _correct_window(self, window: int, slot: int) -> None:
        first = window * self._tiling.step
        whole, one = States(self._metrics, 1), np.zeros(1, dtype=np.intp)
        for pane in range(first, first + self._tiling.per):
            cells = self._panes.get(pane)
            cell = -1 if cells is None else cells.find(slot)
            if cells is not None and cell >= 0:
                whole.merge(one, cells.states, np.array([cell]))
        self._found(window, np.array([slot]), whole.result(one), CORRECTION, None)

    def _following(self, there: list[int]) -> int | None:
        """Return the window that closes next, of those with a row; None where there is none.

        `there` are all panes there are, sorted.
        """
        step = self._tiling.step
        at = 0 if self._next is None else bisect_left(there, self._next * step)
        if at == len(there):
            return None
        first = self._tiling.first_of(there[at])
        return first if self._next is None else max(self._next, first)

    def _close_to(self, due: int) -> None:
        if self._stacks is None:
            for pane in sorted(pane for pane in self._panes if pane <= due):
                if self._next is None or pane >= self._next:
                    self._tell(pane, self._panes[pane], FINAL)
                    if self._lateness:
                        self._panes[pane].settle()
            self._next = due + 1 if self._next is None else max(self._next, due + 1)
            return
        tiling = self._tiling
        there = sorted(self._panes)
        window = self._following(there)
        while window is not None and window <= due:
            first = window * tiling.step
            end = first + tiling.per
            whole = self._stacks.window(self._panes, there, first, end, self.size)
            self._tell(window, whole, FINAL)
            self._next = window + 1
            window = self._following(there)
        self._next = due + 1 if self._next is None else max(self._next, due + 1)

    def _tell(
        self,
        window: int,
        cells: Cells,
        what: int,
        at: int | None = None,
        changed: Mask | None = None,
    ) -> None:
        slots = cells.slots
        own = np.arange(len(slots)) if changed is None else np.flatnonzero(changed[slots])
        own = own[self.order(slots[own])]
        if len(own):
            self._found(window, slots[own], cells.states.result(own), what, at)

    def _found(
        self, window: int, slots: Places, values: list[Any], what: int, at: int | None
    ) -> None:
        start = self._tiling.start(window)
        starts = np.full(len(slots), start)
        self._emit(Found(slots, starts, starts + self._tiling.size, values, what, at))
