"""Counts, sums, extremes, and the first and the last value."""

from __future__ import annotations

import numpy as np

from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.metric import Arrays, Floats, Metric, Rows

NEVER = np.iinfo(np.int64).max  # ns UTC: later than any row


class OfColumn(Metric):
    """A metric of one column."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.inputs = (column,)


class Count(OfColumn):
    """How many known values there were; text counts, too."""

    text = True

    def new(self, cells: int) -> Arrays:
        """Return counts of nothing."""
        return {"count": np.zeros(cells, dtype=np.int64)}

    def update(self, state: Arrays, rows: Rows) -> None:
        """Count."""
        runs = rows.runs(self.column)
        state["count"][runs.cells] += runs.counts

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add up."""
        state["count"][cells] += other["count"][others]

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the counts; 0 where nothing was known."""
        return (state["count"][cells].astype(np.float64),)


class Sum(OfColumn):
    """The sum of the values; 0 of none, as in pandas."""

    def new(self, cells: int) -> Arrays:
        """Return sums of nothing."""
        return {"sum": np.zeros(cells)}

    def update(self, state: Arrays, rows: Rows) -> None:
        """Add."""
        runs = rows.runs(self.column)
        if len(runs.values):
            state["sum"][runs.cells] += np.add.reduceat(runs.values, runs.begins)

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add up."""
        state["sum"][cells] += other["sum"][others]

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the sums."""
        return (state["sum"][cells],)


class Mean(OfColumn):
    """The arithmetic mean."""

    def new(self, cells: int) -> Arrays:
        """Return means of nothing."""
        return {"count": np.zeros(cells, dtype=np.int64), "sum": np.zeros(cells)}

    def update(self, state: Arrays, rows: Rows) -> None:
        """Count and add."""
        runs = rows.runs(self.column)
        if len(runs.values):
            state["count"][runs.cells] += runs.counts
            state["sum"][runs.cells] += np.add.reduceat(runs.values, runs.begins)

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add up."""
        state["count"][cells] += other["count"][others]
        state["sum"][cells] += other["sum"][others]

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the means; NaN of nothing."""
        with np.errstate(invalid="ignore"):
            return (state["sum"][cells] / state["count"][cells],)


class Extreme(OfColumn):
    """The least or the greatest value."""

    def __init__(self, column: str, pick: np.ufunc) -> None:
        super().__init__(column)
        self._pick = pick  # fmin or fmax: of a number and NaN they give the number

    def new(self, cells: int) -> Arrays:
        """Return extremes of nothing."""
        return {"extreme": np.full(cells, np.nan)}

    def update(self, state: Arrays, rows: Rows) -> None:
        """Compare."""
        runs = rows.runs(self.column)
        if len(runs.values):
            least = np.minimum if self._pick is np.fmin else np.maximum  # faster; none is NaN
            self._compare(state, runs.cells, least.reduceat(runs.values, runs.begins))

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Compare."""
        self._compare(state, cells, other["extreme"][others])

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the extremes; NaN of nothing."""
        return (state["extreme"][cells],)

    def _compare(self, state: Arrays, cells: Places, values: Floats) -> None:
        state["extreme"][cells] = self._pick(state["extreme"][cells], values)


def minimum(column: str) -> Metric:
    """Return the least value."""
    return Extreme(column, np.fmin)


def maximum(column: str) -> Metric:
    """Return the greatest value."""
    return Extreme(column, np.fmax)


class End(OfColumn):
    """The first or the last value by event time; of equal times the first or last to arrive."""

    def __init__(self, column: str, *, last: bool) -> None:
        super().__init__(column)
        self._last = last

    def new(self, cells: int) -> Arrays:
        """Return ends of nothing."""
        never = -NEVER if self._last else NEVER
        return {"time": np.full(cells, never, dtype=np.int64), "value": np.full(cells, np.nan)}

    def update(self, state: Arrays, rows: Rows) -> None:
        """Look whether there is one further out."""
        runs = rows.runs(self.column)
        if not len(runs.values):
            return
        times = rows.times[runs.rows]
        places = outermost(times, runs.begins, runs.counts, last=self._last)
        self._take(state, runs.cells, times[places], runs.values[places])

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Look whether the other's lies further out."""
        self._take(state, cells, other["time"][others], other["value"][others])

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the values; NaN of nothing."""
        return (state["value"][cells],)

    def _take(
        self,
        state: Arrays,
        cells: Places,
        times: np.ndarray[tuple[int], np.dtype[np.int64]],
        values: Floats,
    ) -> None:
        own = state["time"][cells]
        further = times >= own if self._last else times < own
        further &= values == values  # noqa: PLR0124  (NaN: the other one has no row)
        state["time"][cells[further]] = times[further]
        state["value"][cells[further]] = values[further]


def outermost(
    times: np.ndarray[tuple[int], np.dtype[np.int64]],
    begins: Places,
    counts: Places,
    *,
    last: bool,
) -> Places:
    """Return the place of the last (of the first) time of each run, by arrival where they tie."""
    ends = begins + counts - 1
    if bool((times[1:] >= times[:-1])[_inner(begins, len(times))].all()):  # the ordinary case
        return ends if last else begins
    pick = np.maximum if last else np.minimum
    most = np.repeat(pick.reduceat(times, begins), counts)
    hits = np.flatnonzero(times == most)
    runs = np.repeat(np.arange(len(begins)), counts)[hits]
    turn = (
        np.append(runs[1:] != runs[:-1], True) if last else np.append(True, runs[1:] != runs[:-1])
    )
    found: Places = hits[turn]
    return found


def _inner(begins: Places, size: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which neighbours, bool[size - 1], are of one run."""
    inner = np.ones(size, dtype=bool)
    inner[begins] = False
    return inner[1:]
