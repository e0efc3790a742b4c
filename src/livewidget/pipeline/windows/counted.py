"""Windows of so many rows of a key, in the order in which rows come."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd
from typing import Any, NamedTuple

import numpy as np

from livewidget.pipeline.keys import Places, grouped, grown
from livewidget.pipeline.windows.base import FINAL, Found, Mask, Part, Windows
from livewidget.pipeline.windows.cells import Metrics, States
from livewidget.pipeline.windows.metric import Rows, Times
from livewidget.pipeline.windows.pool import Ints, Pool


class Counted(Windows):
    """Windows of `rows` rows that begin every `slide` rows of a key.

    They are made of panes, of as many rows as the greatest common divisor of the two. A window
    stands from the time of its first row to that of its last, and its result comes with that row.
    """

    def __init__(
        self,
        rows: int,
        slide: int,
        metrics: Metrics,
        emit: Callable[[Found], None],
        late: Callable[[int], None],
    ) -> None:
        super().__init__(emit, late)
        self._width = gcd(rows, slide)
        self._per, self._step = rows // self._width, slide // self._width
        self._metrics = metrics
        self._pool = Pool(metrics, ("pane", "first", "last"))
        self._seen = np.zeros(0, dtype=np.int64)  # rows so far, of each slot

    def epochs(self, watermarks: Times) -> Times:
        """Return the same for all: no watermark closes them."""
        return np.zeros_like(watermarks)

    def gone(self, times: Times, before: Times) -> Mask | None:
        """Return None: no row is late."""
        del times, before
        return None

    def cuts(self, times: Times, before: Times) -> Places:
        """Return none: time does not matter."""
        del times, before
        return np.zeros(0, dtype=np.intp)

    def take(self, part: Part) -> None:
        """Take rows in, and tell of the windows that they fill."""
        self._seen = grown(self._seen, self.size, 0)
        runs = self._runs(part)
        states = States(self._metrics, len(runs.slots))
        states.update(Rows(runs.cells, part.times, part.columns))
        pool = self._pool
        marks = np.zeros(self.size, dtype=bool)
        marks[part.slots] = True
        there = pool.of(marks)
        joined = self._open(there, runs)
        cells = np.where(joined >= 0, joined, 0)
        new = np.flatnonzero(joined < 0)
        cells[new] = pool.take(runs.slots[new], pane=runs.pane[new], first=runs.first[new])
        pool.states.merge(cells, states, np.arange(len(cells)))
        pool.fields["last"][cells] = runs.last
        self._tell_full(np.concatenate([there, cells[new]]), cells, runs)
        self._seen[runs.slots] = runs.seen  # the last of each slot stays

    def close(self, watermark: int) -> None:
        """Do nothing: rows close them."""

    def early(self, changed: Mask, at: int) -> None:
        """Do nothing: they have no early results."""

    def finish(self) -> None:
        """Tell of the windows that are not full yet."""
        pool = self._pool
        cells = self._sorted(pool.used())
        if not len(cells):
            return
        slots, panes = pool.slots[cells], pool.fields["pane"][cells]
        ends = np.flatnonzero(np.append(slots[1:] != slots[:-1], True)) + 1
        begins = np.append(0, ends[:-1])
        starts, sizes = [], []
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            first = [at for at in range(begin, end) if panes[at] % self._step == 0]
            starts += first
            sizes += [end - at for at in first]
        at = np.array(starts, dtype=np.intp)
        size = np.array(sizes, dtype=np.intp)
        order = np.lexsort(
            (panes[at], self.born[slots[at]], pool.fields["last"][cells[at + size - 1]])
        )
        self._tell(cells, at[order], size[order])
        pool.release(cells)
        self._seen[:] = 0

    def alive(self) -> Mask:
        """Return which slots have rows in a window that is not full."""
        alive = np.zeros(self.size, dtype=bool)
        alive[self._pool.slots[self._pool.used()]] = True
        return alive

    def drop(self, gone: Mask) -> None:
        """Forget slots, and how many rows they had."""
        self._pool.release(self._pool.of(gone))
        self._seen[: len(gone)][gone[: len(self._seen)]] = 0

    def cells(self) -> int:
        """Return how many panes are kept."""
        return len(self._pool.used())

    def save(self) -> dict[str, Any]:
        """Return the panes, and how many rows each key had."""
        return {"pool": self._pool.save(), "seen": self._seen[: self.size].copy()}

    def load(self, saved: dict[str, Any]) -> None:
        """Go on from there."""
        self._pool.load(saved["pool"])
        self._seen = saved["seen"]

    def _runs(self, part: Part) -> _Runs:
        """Return the rows of each key and pane."""
        groups = grouped(part.slots)
        own = part.slots[groups.order]
        number = self._seen[own] + np.arange(len(own)) - groups.begin
        panes = number // self._width
        begins = np.append(True, (own[1:] != own[:-1]) | (panes[1:] != panes[:-1]))
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], len(own)) - 1
        cells = np.empty(len(own), dtype=np.intp)
        cells[groups.order] = np.cumsum(begins) - 1
        times = part.times[groups.order]
        return _Runs(
            cells,
            own[starts],
            panes[starts],
            times[starts],
            times[ends],
            number[ends] + 1,
            groups.order[ends],
        )

    def _open(self, there: Places, runs: _Runs) -> Places:
        """Return the cell of the pane that a run goes on with, -1 where it begins one."""
        table = np.full(self.size, -1, dtype=np.intp)
        panes = self._pool.fields["pane"]
        order = there[np.argsort(panes[there], kind="stable")]
        table[self._pool.slots[order]] = order  # the last pane of each slot stays
        cells = table[runs.slots]
        same = (cells >= 0) & (panes[cells] == runs.pane) if len(panes) else cells >= 0
        return np.where(same, cells, -1)

    def _tell_full(self, there: Places, cells: Places, runs: _Runs) -> None:
        """Tell of the windows that are full; forget the panes that no other needs."""
        full = runs.seen % self._width == 0
        windows = (runs.pane - self._per + 1) % self._step == 0
        done = np.flatnonzero(full & windows & (runs.pane >= self._per - 1))
        if not len(done):
            return
        done = done[np.argsort(runs.row[done], kind="stable")]  # as the rows came that fill them
        there = self._sorted(there)
        place = np.empty(len(self._pool.slots), dtype=np.intp)
        place[there] = np.arange(len(there))
        at = place[cells[done]] - self._per + 1
        self._tell(there, at, np.full(len(at), self._per))
        need = np.zeros(self.size, dtype=np.int64)  # the first pane that the next window has
        np.maximum.at(need, runs.slots[done], runs.pane[done] - self._per + 1 + self._step)
        self._pool.release(there[self._pool.fields["pane"][there] < need[self._pool.slots[there]]])

    def _sorted(self, cells: Places) -> Places:
        pool = self._pool
        return cells[np.lexsort((pool.fields["pane"][cells], pool.slots[cells]))]

    def _tell(self, cells: Places, starts: Places, sizes: Places) -> None:
        """Tell of windows that are made of cells side by side."""
        pool = self._pool
        whole = _fold(pool.states.take(cells), starts, sizes)
        first, last = pool.fields["first"][cells], pool.fields["last"][cells]
        values = whole.result(np.arange(len(starts)))
        ends = last[starts + sizes - 1]
        self._emit(Found(pool.slots[cells[starts]], first[starts], ends, values, FINAL))


class _Runs(NamedTuple):
    """Rows of one batch in the same pane of a key: the run of each row, and what each run has.

    `seen`: rows of the key up to its end; `row`: its last row.
    """

    cells: Places
    slots: Places
    pane: Ints
    first: Ints
    last: Ints
    seen: Ints
    row: Places


def _fold(states: States, starts: Places, sizes: Places) -> States:
    """Return the sums of stretches of cells side by side.

    A stretch is made of blocks of 1, 2, 4, ... cells, as its size has bits, so that it costs log2
    of its size (a sparse table; Bender and Farach-Colton, 2000).
    """
    whole = States(states.metrics, len(starts))
    at, bit, blocks, count = starts.copy(), 1, states, states.room
    top = int(sizes.max())
    while bit <= top:
        some = np.flatnonzero(sizes & bit)
        if len(some):
            whole.merge(some, blocks, at[some])
            at[some] += bit
        if 2 * bit <= top:
            count -= bit
            wider = blocks.take(slice(0, count))
            wider.merge(np.arange(count), blocks, np.arange(bit, bit + count))
            blocks = wider
        bit *= 2
    return whole
