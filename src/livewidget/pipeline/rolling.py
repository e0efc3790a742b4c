"""Rolling statistics of one column, over rows or over event time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT
from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import NUMBERS, expect, extended, names_of, whole
from livewidget.pipeline.keys import Groups, Keys, Places, grouped, grown
from livewidget.pipeline.operator import Bound, Operator, Tally

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
_Statistic = Callable[[Floats, Places, Places], Floats]  # of values[start : start + size], each


class Rolling(Operator):
    """Adds a statistic of the newest rows of each key of `by`, up to the row itself.

    `window` is event time: the rows later than t - window; a late row stands at the newest time
    that its key has had. `rows` is how many rows instead. Missing values stay out; a window without
    any gives NaN (count: 0), and so does `std` (of the sample, n - 1) of less than two. The column
    is named `into`, else `price_mean_60s` or `price_mean_100`. No more than `memory` rows of all
    keys are remembered; of more the oldest are forgotten, and `counts` has how many.
    """

    name = "rolling"

    def __init__(
        self,
        column: str,
        statistic: str,
        *,
        window: Any = None,
        rows: int | None = None,
        by: str | Sequence[str] | None = None,
        into: str | None = None,
        memory: int = 100_000,
    ) -> None:
        if statistic not in STATISTICS:
            expected = ", ".join(STATISTICS)
            raise SettingError(f"statistic is one of {expected}; got {quote(statistic)}")
        if (window is None) == (rows is None):
            raise SettingError("Rolling takes window (a duration) or rows (a number), one of them")
        self._column = column
        self._statistic = statistic
        self._span = None if window is None else max(1, round(seconds(window, "window") * 1e9))
        self._rows = None if rows is None else whole(rows, "rows")
        self._by = names_of(by, "by")
        told = rows if window is None else window if isinstance(window, str) else f"{window}s"
        self._into = into or f"{column}_{statistic}_{told}"
        self._memory = whole(memory, "memory")
        self.counts = Counts("keys forgotten", "rows forgotten")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (event time alone)
        """Return the step. Raises SchemaError for a column that is absent or holds no numbers."""
        expect(schema, self._column, NUMBERS, "Rolling")
        for name in self._by:
            schema.kind(name)
        place = schema.index(self._column)
        recent = _Recent(self._span, self._rows, self._memory, self.counts)
        keys = Keys(self._by, self.counts)
        statistic = STATISTICS[self._statistic]
        after = extended(schema, [Field(self._into, Kind.FLOAT)], "Rolling")

        def step(batch: Batch, tally: Tally) -> Batch:  # noqa: ARG001  (no row is left out)
            slots, gone = keys(batch)
            recent.make_room(keys.size, gone)
            column = batch.columns[place]
            assert isinstance(column, np.ndarray)
            result = recent(slots, batch.times, column.astype(np.float64, copy=False), statistic)
            return Batch(after, (*batch.columns, result))

        return Bound(after, step)


class _Recent:
    """The rows that a later row's window may hold still: slots, times and values, by arrival."""

    def __init__(self, span: int | None, rows: int | None, memory: int, counts: Counts) -> None:
        self._counts = counts
        self._span = span
        self._rows = rows
        self._memory = memory
        self._newest = np.zeros(0, dtype=np.int64)  # of each slot
        self._slots = np.zeros(0, dtype=np.intp)
        self._times = np.zeros(0, dtype=np.int64)
        self._values = np.zeros(0)

    def make_room(self, size: int, gone: Places) -> None:
        """Have `size` slots, and no rows of those that are `gone`."""
        self._newest = grown(self._newest, size, NAT)
        if len(gone):
            self._newest[gone] = NAT
            self._keep(~np.isin(self._slots, gone))

    def __call__(
        self, slots: Places, times: Times, values: Floats, statistic: _Statistic
    ) -> Floats:
        """Take in new rows and return the statistic of the window of each."""
        old = len(self._slots)
        times = self._never_back(times, grouped(slots))
        self._slots = np.concatenate([self._slots, slots])
        self._times = np.concatenate([self._times, times])
        self._values = np.concatenate([self._values, values])
        groups = grouped(self._slots)
        new = np.flatnonzero(groups.order >= old)
        begins = self._begins(groups, new)
        values = self._values[groups.order]
        known = ~np.isnan(values)
        before = np.concatenate([[0], np.cumsum(known)])
        first, last = before[begins], before[new + 1]
        result = np.empty(len(slots))
        result[groups.order[new] - old] = statistic(values[known], first, last - first)
        self._forget(groups)
        return result

    def _never_back(self, times: Times, groups: Groups) -> Times:
        """Return the times with those that are late set to the newest time of their slot."""
        own, carried = times[groups.order], self._newest[groups.slots]
        begins = groups.begin[groups.ends]
        own[begins] = np.maximum(own[begins], carried)
        if (np.diff(own) < 0)[np.diff(groups.number) == 0].any():
            # One running maximum for all groups: a group's ranks lie above those of all before it.
            every = np.unique(own)
            ranks = groups.number * len(every) + np.searchsorted(every, own)
            own = every[np.maximum.accumulate(ranks) - groups.number * len(every)]
        self._newest[groups.slots] = own[groups.ends]
        result = np.empty_like(times)
        result[groups.order] = own
        return result

    def _begins(self, groups: Groups, new: Places) -> Places:
        """Return where the window of each new row begins, all in the order of the groups."""
        begin = groups.begin[new]
        if self._rows is not None:
            return np.maximum(begin, new - self._rows + 1)
        times = self._times[groups.order]
        edge = _earlier(times[new], self._span or 0)
        end = new.copy()  # one binary search for all rows: each window begins at begin to end
        while (begin < end).any():
            middle = (begin + end) // 2
            inside = times[middle] > edge
            end = np.where(inside, middle, end)
            begin = np.where(inside, begin, middle + 1)
        return begin

    def _forget(self, groups: Groups) -> None:
        if self._rows is not None:
            place = np.empty_like(groups.order)
            place[groups.order] = np.arange(len(groups.order))
            ends = groups.ends[groups.number][place]
            keep = ends - place < self._rows - 1
        else:
            keep = self._times > _earlier(self._newest[self._slots], self._span or 0)
        over = int(keep.sum()) - self._memory
        if over > 0:
            keep[: np.flatnonzero(keep)[over]] = False
            self._counts.add("rows forgotten", over)
        self._keep(keep)

    def _keep(self, keep: npt.NDArray[np.bool_]) -> None:
        self._slots, self._times = self._slots[keep], self._times[keep]
        self._values = self._values[keep]


def _earlier(times: Times, span: int) -> Times:
    """Return times less a span, and no earlier than int64 reaches."""
    return np.maximum(times, NAT + span) - span


def _fold(ufunc: np.ufunc, neutral: float) -> _Statistic:
    """Return a statistic that joins values by `ufunc`.

    A window is made of blocks of 1, 2, 4, ... values, as its size has bits: log2 of the size
    joins, whatever the step from one window to the next, and nothing is ever taken away again, so
    that no rounding and no infinity stays behind (a sparse table; Bender and Farach-Colton, 2000).
    """

    def statistic(values: Floats, starts: Places, sizes: Places) -> Floats:
        result = np.full(len(starts), neutral)
        at, bit, blocks = starts.copy(), 1, values
        top = int(sizes.max())
        with np.errstate(invalid="ignore", over="ignore"):  # infinities that cancel: NaN
            while bit <= top:
                rows = np.flatnonzero(sizes & bit)
                result[rows] = ufunc(result[rows], blocks[at[rows]])
                at[rows] += bit
                if 2 * bit <= top:
                    blocks = ufunc(blocks[:-bit], blocks[bit:])
                bit *= 2
        result[sizes == 0] = np.nan
        return result

    return statistic


def _mean(values: Floats, starts: Places, sizes: Places) -> Floats:
    return STATISTICS["sum"](values, starts, sizes) / np.maximum(sizes, 1)


def _count(values: Floats, starts: Places, sizes: Places) -> Floats:  # noqa: ARG001  (as the others)
    return sizes.astype(np.float64)


def _std(values: Floats, starts: Places, sizes: Places) -> Floats:
    """Return the standard deviation, of blocks as in `_fold`.

    Each has its mean and its sum of squares about it, and two are joined as in Chan, Golub and
    LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
    """
    mean, squares = np.zeros(len(starts)), np.zeros(len(starts))
    at, bit, top = starts.copy(), 1, int(sizes.max())
    means, sums = values, np.zeros(len(values))
    with np.errstate(invalid="ignore", over="ignore"):  # infinities: the deviation is NaN
        while bit <= top:
            rows = np.flatnonzero(sizes & bit)
            before = sizes[rows] & (bit - 1)
            delta = means[at[rows]] - mean[rows]
            mean[rows] += delta * (bit / (before + bit))
            squares[rows] += sums[at[rows]] + delta * (before * (bit / (before + bit))) * delta
            at[rows] += bit
            delta = means[bit:] - means[:-bit]
            means = means[:-bit] + delta / 2
            sums = sums[:-bit] + sums[bit:] + delta**2 * (bit / 2)
            bit *= 2
        result = np.sqrt(squares / np.maximum(sizes - 1, 1))
    result[(sizes < 2) | ~np.isfinite(mean)] = np.nan  # noqa: PLR2004  (one has no deviation)
    return result


STATISTICS: dict[str, _Statistic] = {
    "sum": _fold(np.add, 0.0),
    "min": _fold(np.minimum, np.inf),
    "max": _fold(np.maximum, -np.inf),
    "mean": _mean,
    "std": _std,
    "count": _count,
}
