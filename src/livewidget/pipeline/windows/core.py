"""The windowing core: watermark, keys and windows fed with batches, such that cuts do not show.

All depends on event times and the order of arrival. A batch is taken as a whole where that gives
what row by row would, which is nearly always; else it is cut at the rows where windows have to be
closed, or told of early, before the next row comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from livewidget.data.batch import Batch, concat
from livewidget.data.convert import NAT, Column
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.keys import Places, grown
from livewidget.pipeline.operator import Moment, State, Tally
from livewidget.pipeline.windows.base import Mask, Part, Windows
from livewidget.pipeline.windows.dimensions import Dimensions
from livewidget.pipeline.windows.metric import Times
from livewidget.pipeline.windows.results import Results
from livewidget.pipeline.windows.watermark import LOWEST, Course, Watermark


@dataclass(frozen=True, slots=True)
class Plan:
    """What the core has to know. Durations in ns; `reads` are the columns of the metrics."""

    reads: tuple[str, ...]
    ordered: bool
    early: int | None
    idle: int | None
    overflow: str


class Core:
    """The state of one window operator in one stream. Not thread-safe."""

    def __init__(
        self,
        plan: Plan,
        watermark: Watermark,
        dimensions: Dimensions,
        windows: Windows,
        results: Results,
        counts: Counts,
    ) -> None:
        self._plan = plan
        self._watermark = watermark
        self._dimensions = dimensions
        self._windows = windows
        self._results = results
        self._counts = counts
        self._held: list[Batch] = []  # rows that wait for the watermark, as metrics are ordered
        self._fed = LOWEST  # the time of the last row of them that went on
        self._seen = np.zeros(0, dtype=np.int64)  # the number of the last row of each slot
        self._rows = 0
        self._cleared: int | None = None  # the last epoch in which idle keys were let go of
        self._changed = np.zeros(0, dtype=bool)  # which slots had a row since the last early time
        self._arrived: int | None = None  # the wall clock as the last row came

    def step(self, batch: Batch, tally: Tally, now: int) -> Batch:
        """Take a batch in and return the results that are due; `now` is the wall clock, ns."""
        course, far = self._watermark.course(batch.times)
        size, rejected = len(batch), tally.rejected
        if course.far is not None:
            tally.reject(batch, course.far, self._watermark.reason, "window")
            batch, course = _chosen(batch, course, ~course.far)
        if len(batch):
            self._take(batch, course, tally)
            self._watermark.move(course, far)
            self._close(self._watermark.now, tally)
        else:
            self._watermark.stay(far)
        self._arrived = now
        out = self._results.rows()
        tally.filtered += size - (tally.rejected - rejected)
        tally.made += len(out)
        return out

    def tick(self, moment: Moment, tally: Tally) -> Batch:
        """Return what is due by the clock, or all that is open where nothing more will come."""
        if moment.final:
            self._release(None, tally)
            self._windows.finish()
        elif self._plan.idle is not None and self._watermark.top != LOWEST:
            self._arrived = moment.now if self._arrived is None else self._arrived
            quiet = moment.now - self._arrived
            if quiet >= self._plan.idle:
                self._watermark.advance(self._watermark.top + quiet)
                self._arrived = moment.now
                self._close(self._watermark.now, tally)
        out = self._results.rows()
        tally.made += len(out)
        return out

    def size(self) -> int:
        """Return how much is kept: cells, keys and rows held back."""
        held = sum(len(batch) for batch in self._held)
        return self._windows.cells() + self._dimensions.size + held

    def save(self) -> State:
        """Return all of it as plain data, copied."""
        return {
            "watermark": self._watermark.save(),
            "keys": self._dimensions.save(),
            "windows": self._windows.save(),
            "held": [_saved(batch) for batch in self._held],
            "seen": self._seen[: self._dimensions.size].copy(),
            "changed": self._changed[: self._dimensions.size].copy(),
            "rows": self._rows,
            "fed": self._fed,
            "cleared": self._cleared,
        }

    def load(self, saved: State, schema: Schema) -> None:
        """Go on from there."""
        self._watermark.load(saved["watermark"])
        self._dimensions.load(saved["keys"])
        self._windows.size, self._windows.born = self._dimensions.size, self._dimensions.born
        self._windows.load(saved["windows"])
        self._held = [_loaded(each, schema) for each in saved["held"]]
        self._seen, self._changed = saved["seen"], saved["changed"]
        self._rows, self._fed = int(saved["rows"]), int(saved["fed"])
        self._cleared = saved["cleared"]

    def _take(self, batch: Batch, course: Course, tally: Tally) -> None:
        """Take rows in: at once, or piece by piece where something is due between them."""
        before = self._watermark.less_all(course.before)
        crossed = self._crossed(course)
        cuts: Places = _NONE if crossed is None else np.flatnonzero(crossed)
        if (batch.times < before).any():
            late = batch.times < before if self._plan.ordered else None
            late = self._windows.gone(batch.times, before) if late is None else late
            if late is not None and late.any():
                before = before[~late]
                crossed = None if crossed is None else crossed[~late]
                self._counts.add("late", int(late.sum()))
                batch, course = _chosen(batch, course, ~late)
                if not len(batch):
                    return
                cuts = _NONE if crossed is None else np.flatnonzero(crossed)
            if not self._plan.ordered:
                cuts = np.union1d(cuts, self._windows.cuts(batch.times, before))
        if not len(cuts):
            self._feed(batch, before, self._watermark.less_all(course.after), tally)
            return
        after = self._watermark.less_all(course.after)
        bounds = np.unique([0, *cuts.tolist(), len(batch)]).tolist()
        for begin, end in pairwise(bounds):
            early = crossed is not None and crossed[begin]
            if begin or early:
                self._close(int(after[begin]), tally)
            if early:
                self._tell_early(int(course.after[begin]))
            rows = slice(begin, end)
            self._feed(batch.take(rows), before[rows], after[rows], tally)

    def _crossed(self, course: Course) -> Mask | None:
        """Return the rows at which the greatest time passes a multiple of `early`."""
        early = self._plan.early
        if early is None:
            return None
        crossed: Mask = course.after // early != course.before // early
        crossed[course.before == LOWEST] = False
        return crossed

    def _tell_early(self, top: int) -> None:
        assert self._plan.early is not None
        self._changed = grown(self._changed, self._dimensions.size, fill=False)
        changed = self._changed[: self._dimensions.size]
        self._windows.early(changed, top // self._plan.early * self._plan.early)
        changed[:] = False

    def _close(self, watermark: int, tally: Tally) -> None:
        """Close windows, after the rows that were held back for the watermark are in."""
        if watermark == LOWEST:
            return
        self._release(watermark, tally)
        self._windows.close(watermark)

    def _feed(self, batch: Batch, before: Times, after: Times, tally: Tally) -> None:
        """Give rows to the windows, or hold them back where they are to come in order."""
        if self._plan.ordered:
            self._held.append(batch)
        else:
            self._rows_in(batch, before, after, tally)

    def _release(self, watermark: int | None, tally: Tally) -> None:
        """Give on, in the order of time, the rows held back that the watermark has passed."""
        if not self._held:
            return
        batch = concat(self._held)
        times = batch.times
        due = np.ones(len(batch), dtype=bool) if watermark is None else times <= watermark
        self._held = [] if due.all() else [batch.take(~due)]
        rows = np.flatnonzero(due)
        if not len(rows):
            return
        own = times[rows]
        if (own[1:] < own[:-1]).any():
            rows = rows[np.argsort(own, kind="stable")]
            own = times[rows]
        before, self._fed = np.append(self._fed, own[:-1]), int(own[-1])
        self._rows_in(batch.take(rows), before, own, tally)

    def _rows_in(self, batch: Batch, before: Times, after: Times, tally: Tally) -> None:
        """Take rows in; `before` and `after` each the windows that had ended may be closed."""
        slots = self._dimensions.fits(batch)
        if slots is not None:
            self._part(batch, slots, before)
            return
        epochs = self._windows.epochs(after)
        edges = np.flatnonzero(epochs[1:] != epochs[:-1]) + 1
        for begin, end in pairwise([0, *edges.tolist(), len(batch)]):
            self._windows.close(int(after[begin]))
            rows = slice(begin, end)
            self._crowded(batch.take(rows), before[rows], after[rows], tally)

    def _crowded(self, batch: Batch, before: Times, after: Times, tally: Tally) -> None:
        """Take rows in whose keys may have no room, all of one epoch of the windows.

        At the first row that has none, the state is what it would be row by row. Then keys without
        an open window make room, once in an epoch, before the policy is asked.
        """
        epoch = int(self._windows.epochs(after[:1])[0])
        while len(batch):
            slots = self._dimensions.some(batch)
            stops = self._plan.overflow == "forget" or self._cleared != epoch
            taken = int((slots < 0).argmax()) if stops and slots.min() < 0 else len(batch)
            self._policed(batch.take(slice(0, taken)), slots[:taken], before[:taken], tally)
            batch, before, after = batch.take(slice(taken, None)), before[taken:], after[taken:]
            if len(batch):
                self._windows.close(int(after[0]))
                if self._cleared != epoch:
                    self._clear()
                    self._cleared = epoch
                if self._plan.overflow == "forget" and self._dimensions.full:
                    self._forget()

    def _policed(self, batch: Batch, slots: Places, before: Times, tally: Tally) -> None:
        """Take rows in; those without a slot are for the policy."""
        over = slots < 0
        if over.any():
            if self._plan.overflow == "other":
                slots = np.where(over, self._dimensions.other(), slots)
            else:
                tally.reject(batch, over, _FULL, "window")
                batch, slots, before = batch.take(~over), slots[~over], before[~over]
        if len(batch):
            self._part(batch, slots, before)

    def _part(self, batch: Batch, slots: Places, before: Times) -> None:
        dimensions, windows = self._dimensions, self._windows
        windows.size, windows.born = dimensions.size, dimensions.born
        if self._plan.overflow == "forget":
            self._seen = grown(self._seen, dimensions.size, 0)
            self._seen[slots] = np.arange(self._rows, self._rows + len(slots))
            self._rows += len(slots)
        if self._plan.early is not None:
            self._changed = grown(self._changed, dimensions.size, fill=False)
            self._changed[slots] = True
        columns = {name: _plain(batch, name) for name in self._plan.reads}
        windows.take(Part(slots, batch.times, columns, before))

    def _clear(self) -> None:
        """Let go of keys that have no open window."""
        used = self._dimensions.used()
        self._remove(used[~self._windows.alive()[used]])

    def _forget(self) -> None:
        """Forget an eighth of the keys, those seen least recently, with their open windows."""
        used = self._dimensions.used()
        count = max(1, len(used) // 8)
        oldest = used[np.argsort(self._seen[used], kind="stable")[:count]]
        self._counts.add("keys forgotten", len(oldest))
        gone = np.zeros(self._dimensions.size, dtype=bool)
        gone[oldest] = True
        self._windows.drop(gone)
        self._remove(oldest)

    def _remove(self, slots: Places) -> None:
        if len(slots):
            self._results.settle()
            self._dimensions.forget(slots)
            self._changed = grown(self._changed, self._dimensions.size, fill=False)
            self._changed[slots] = False


_NONE = np.zeros(0, dtype=np.intp)
_FULL = "a key more than max_keys allows"


def _chosen(batch: Batch, course: Course, rows: Mask) -> tuple[Batch, Course]:
    return batch.take(rows), Course(course.before[rows], course.after[rows], None)


def _plain(batch: Batch, name: str) -> Column:
    """Return a column as metrics read it: text, or float64."""
    column = batch[name]
    if isinstance(column, Text) or column.dtype == np.float64:
        return column
    numbers = column.astype(np.float64)
    if batch.schema.kind(name) is Kind.TIME:
        numbers[column == NAT] = np.nan
    return numbers


def _saved(batch: Batch) -> list[Any]:
    return [
        {"codes": column.codes, "categories": list(column.categories)}
        if isinstance(column, Text)
        else column.copy()
        for column in batch.columns
    ]


def _loaded(saved: list[Any], schema: Schema) -> Batch:
    columns = [
        Text(each["codes"], tuple(each["categories"])) if isinstance(each, dict) else each
        for each in saved
    ]
    return Batch(schema, tuple(columns))
