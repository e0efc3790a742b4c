"""Sessions: rows of a key, none further than a gap from the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.base import (
    CORRECTION,
    EARLY,
    FINAL,
    Found,
    Mask,
    Part,
    Windows,
)
from livewidget.pipeline.windows.cells import Metrics, States
from livewidget.pipeline.windows.metric import Rows, Times
from livewidget.pipeline.windows.pool import Ints, Pool


class Sessions(Windows):
    """Sessions of all keys: each [first row, last row + gap), in ns.

    A row at a session's end, or later, begins the next. A row out of order may join two. Rows that
    come before the watermark are taken one by one, since whether they are late depends on what is
    open just then. With `lateness` ns a closed session is kept for so long: a row that belongs to
    it makes a correction, of bounds that may be wider.
    """

    def __init__(
        self,
        gap: int,
        metrics: Metrics,
        lateness: int,
        emit: Callable[[Found], None],
        late: Callable[[int], None],
    ) -> None:
        super().__init__(emit, late)
        self._gap = gap
        self._metrics = metrics
        self._lateness = lateness
        # told: whether there was a result of it; done: whether it is closed
        self._pool = Pool(metrics, ("first", "last", "told", "done"))

    def epochs(self, watermarks: Times) -> Times:
        """Return in which stretch of a gap each lies: in between all keys are kept."""
        return watermarks // self._gap

    def gone(self, times: Times, before: Times) -> Mask | None:
        """Return None: a row may belong to a session that is still open."""
        del times, before
        return None

    def cuts(self, times: Times, before: Times) -> Places:
        """Return each row that lies before the watermark, and the one behind it."""
        old = np.flatnonzero(times < before)
        both = np.union1d(old, old + 1)
        return both[both < len(times)]

    def take(self, part: Part) -> None:
        """Take rows in."""
        runs = _runs(part, self._gap)
        chains = self._chains(part, runs)
        watermark = int(part.before[0])
        ends = chains.last + self._gap
        over = ends <= watermark
        if over.any():
            lost = over if not self._lateness else ends + self._lateness <= watermark
            if lost.any():  # one row, which came by itself
                self._late(len(part))
                return
        states = States(self._metrics, len(runs.slots))
        states.update(Rows(runs.cells, part.times, part.columns))
        cells = self._join(chains, states)
        fields = self._pool.fields
        fields["first"][cells], fields["last"][cells] = chains.first, chains.last
        fields["done"][cells] = over
        if over.any():
            fields["told"][cells] = 1
            self._tell(cells, CORRECTION)

    def close(self, watermark: int) -> None:
        """Close sessions, and forget those that no row can correct any more."""
        pool = self._pool
        used = pool.used()
        if not len(used):
            return
        ends = pool.fields["last"][used] + self._gap
        over = ends <= watermark
        if not over.any():
            return
        due = used[over & (pool.fields["done"][used] == 0)]
        self._tell_closed(due)
        pool.fields["done"][due] = pool.fields["told"][due] = 1
        pool.release(used[ends + self._lateness <= watermark])

    def early(self, changed: Mask, at: int) -> None:
        """Tell of the open sessions as they stand."""
        cells = self._pool.of(changed)
        self._tell(cells[self._pool.fields["done"][cells] == 0], EARLY, at)

    def finish(self) -> None:
        """Close all sessions."""
        used = self._pool.used()
        self._tell_closed(used[self._pool.fields["done"][used] == 0])
        self._pool.release(used)

    def alive(self) -> Mask:
        """Return which slots have a session, open or kept."""
        alive = np.zeros(self.size, dtype=bool)
        alive[self._pool.slots[self._pool.used()]] = True
        return alive

    def drop(self, gone: Mask) -> None:
        """Forget sessions."""
        self._pool.release(self._pool.of(gone))

    def cells(self) -> int:
        """Return how many sessions are kept."""
        return len(self._pool.used())

    def save(self) -> dict[str, Any]:
        """Return the sessions."""
        return self._pool.save()

    def load(self, saved: dict[str, Any]) -> None:
        """Go on from there."""
        self._pool.load(saved)

    def _chains(self, part: Part, runs: _Runs) -> _Chains:
        """Return which runs and which sessions there are make one session together."""
        pool = self._pool
        marks = np.zeros(self.size, dtype=bool)
        marks[part.slots] = True
        there = pool.of(marks)
        fields = pool.fields
        slots = np.concatenate([pool.slots[there], runs.slots])
        first = np.concatenate([fields["first"][there], runs.first])
        last = np.concatenate([fields["last"][there], runs.last])
        order = np.lexsort((first, slots))
        slots, first, last = slots[order], first[order], last[order]
        reach = _reach(slots, last)
        begins = np.append(True, (slots[1:] != slots[:-1]) | (first[1:] - reach[:-1] >= self._gap))
        starts, numbers = np.flatnonzero(begins), np.cumsum(begins) - 1
        lasts = np.maximum.reduceat(last, starts)
        fresh = np.zeros(len(starts), dtype=bool)  # chains with a run: the others stay as they are
        fresh[numbers[order >= len(there)]] = True
        own, starts = fresh[numbers], starts[fresh]
        numbers = (np.cumsum(fresh) - 1)[numbers[own]]
        return _Chains(there, order[own], numbers, slots[starts], first[starts], lasts[fresh])

    def _join(self, chains: _Chains, states: States) -> Places:
        """Have one cell for each chain, with the rows of all of it; return the cells."""
        pool, sessions = self._pool, len(chains.there)
        own = chains.order < sessions  # sessions that are there, among the members
        cells = np.full(len(chains.slots), -1, dtype=np.intp)
        numbers = chains.numbers[own]
        there = chains.there[chains.order[own]]
        cells[numbers[::-1]] = there[::-1]  # the first of each
        without = np.flatnonzero(cells < 0)
        cells[without] = pool.take(chains.slots[without], told=0, done=0)
        more = there != cells[numbers]
        for number, cell in zip(numbers[more].tolist(), there[more].tolist(), strict=True):
            target = cells[number : number + 1]
            pool.states.merge(target, pool.states.take(np.array([cell])), _ONE)
            pool.fields["told"][target] |= pool.fields["told"][cell]
        pool.release(there[more])
        numbers, own_runs = chains.numbers[~own], chains.order[~own] - sessions
        turns = _turns(numbers)
        for turn in range(int(turns.max()) + 1):
            now = turns == turn
            pool.states.merge(cells[numbers[now]], states, own_runs[now])
        return cells

    def _tell_closed(self, cells: Places) -> None:
        if not len(cells):
            return
        order = np.lexsort((self.born[self._pool.slots[cells]], self._pool.fields["last"][cells]))
        cells = cells[order]
        told = self._pool.fields["told"][cells]
        for begin, end in _stretches(told):
            self._found(cells[begin:end], CORRECTION if told[begin] else FINAL, None)

    def _tell(self, cells: Places, what: int, at: int | None = None) -> None:
        if len(cells):
            last = self._pool.fields["last"][cells]
            order = np.lexsort((self.born[self._pool.slots[cells]], last))
            self._found(cells[order], what, at)

    def _found(self, cells: Places, what: int, at: int | None) -> None:
        pool = self._pool
        ends = pool.fields["last"][cells] + self._gap
        values = pool.states.result(cells)
        self._emit(Found(pool.slots[cells], pool.fields["first"][cells], ends, values, what, at))


_ONE = np.zeros(1, dtype=np.intp)


class _Runs(NamedTuple):
    """Rows of one batch that make a session by themselves: the run of each row, and each run's."""

    cells: Places
    slots: Places
    first: Ints
    last: Ints


class _Chains(NamedTuple):
    """Sessions and runs that belong together.

    `there`: the sessions looked at. `order`: sessions, then runs, by key and time; `numbers` the
    chain of each of them. `slots`, `first` and `last` are each chain's own.
    """

    there: Places
    order: Places
    numbers: Places
    slots: Places
    first: Ints
    last: Ints


def _runs(part: Part, gap: int) -> _Runs:
    order = np.lexsort((part.times, part.slots))
    slots, times = part.slots[order], part.times[order]
    begins = np.append(True, (slots[1:] != slots[:-1]) | (times[1:] - times[:-1] >= gap))
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(slots)) - 1
    cells = np.empty(len(slots), dtype=np.intp)
    cells[order] = np.cumsum(begins) - 1
    return _Runs(cells, slots[starts], times[starts], times[ends])


def _reach(slots: Places, last: Ints) -> Ints:
    """Return the greatest `last` so far of each slot, which lie side by side."""
    every, ranks = np.unique(last, return_inverse=True)
    number = np.cumsum(np.append(False, slots[1:] != slots[:-1]))
    # one running maximum for all slots: a slot's ranks lie above those of all before it
    reach: Ints = every[np.maximum.accumulate(number * len(every) + ranks) - number * len(every)]
    return reach


def _turns(numbers: Places) -> Places:
    """Return how many of its number came before each; equal numbers lie side by side."""
    begins = np.append(True, numbers[1:] != numbers[:-1])
    starts = np.flatnonzero(begins)
    turns: Places = np.arange(len(numbers)) - starts[np.cumsum(begins) - 1]
    return turns


def _stretches(values: Ints) -> list[tuple[int, int]]:
    edges = (np.flatnonzero(values[1:] != values[:-1]) + 1).tolist()
    return list(zip([0, *edges], [*edges, len(values)], strict=True))
