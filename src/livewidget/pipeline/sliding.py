"""The rows of a sliding window of event time, as they stand at the steps of a grid."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch, concat
from livewidget.data.convert import NAT, Column
from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError, StateError, quote
from livewidget.data.schema import DTYPES, Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.operator import State

MOST_STEPS = 10_000  # of one window: so many times every row is looked at

Times = npt.NDArray[np.int64]


class Span(NamedTuple):
    """How long a window is, and how far it moves on, in ns."""

    window: int
    every: int


def span_of(window: Any, every: Any, name: str = "every") -> Span:
    """Return a window and its step from settings; `name` is what the step is called there.

    Raises SettingError where they do not fit.
    """
    wide = max(1, round(seconds(window, "window") * 1e9))
    step = max(1, round(seconds(every, name) * 1e9))
    if step > wide:
        raise SettingError(f"{name} is at most the window, {window!r}; got {quote(every)}")
    if wide / step > MOST_STEPS:
        raise SettingError(f"{name} is the window's {MOST_STEPS:,}th part at least; got {every!r}")
    return Span(wide, step)


class Pane(NamedTuple):
    """The rows of (time - window, time], and where each stands, which rises.

    `first` is the number of the first of them among all rows that ever came.
    """

    time: int
    rows: Batch
    stands: Times
    first: int


class Panes(NamedTuple):
    """What a batch brings: the windows that are complete now, and what `keep` is to remember."""

    panes: list[Pane]
    rows: Batch
    stands: Times
    next: int | None


class Sliding:
    """Holds the rows that a window may need still.

    A window ends at a multiple of `every` and is complete once a row behind it has come; those
    without any row are passed over. A row that is late stands at the newest time there was. Of one
    window the newest `most` rows are taken, the others are counted as "rows forgotten". `columns`
    are those that are held beside the time (None: all).
    """

    def __init__(
        self,
        schema: Schema,
        span: Span,
        most: int,
        counts: Counts,
        columns: Collection[str] | None = None,
    ) -> None:
        if columns is not None:
            kept = [each for each in schema.fields if each.name in {schema.time, *columns}]
            schema = Schema(kept, schema.time)
        self._schema = schema
        self._window, self._every = span
        self._most = most
        self._counts = counts
        self._rows = Batch.empty(schema)
        self._stands = np.zeros(0, dtype=np.int64)
        self._next: int | None = None
        self._gone = 0  # rows before those that are held

    def panes(self, batch: Batch | None, *, final: bool = False) -> Panes:
        """Return the windows that are complete with more rows, or all in the end. Keeps nothing."""
        rows = self._rows
        if batch is not None:
            own = Batch(self._schema, tuple(batch[name] for name in self._schema.names))
            rows = concat([rows, own])
        if not len(rows):
            return Panes([], rows, self._stands, self._next)
        stands = self._stands
        if batch is not None:
            stands = np.maximum.accumulate(np.concatenate([stands, batch.times]))
        after = self._up(int(stands[-1]))
        last = after if final else after - self._every
        at = self._up(int(stands[0])) if self._next is None else self._next
        following = max(at, last + self._every)
        panes = []
        while at <= last:
            begin, end = np.searchsorted(stands, (at - self._window, at), side="right").tolist()
            if begin == end:
                if end == len(stands):
                    break
                at = self._up(int(stands[end]))
                continue
            part = slice(max(begin, end - self._most), end)
            panes.append(Pane(at, rows.take(part), stands[part], self._gone + part.start))
            at += self._every
        return Panes(panes, rows, stands, following)

    def keep(self, panes: Panes) -> None:
        """Remember what later windows need."""
        stands, self._next = panes.stands, panes.next
        if self._next is None:
            return
        begin = int(np.searchsorted(stands, self._next - self._window, side="right"))
        over = max(len(stands) - begin - self._most, 0)
        self._counts.add("rows forgotten", over)
        begin = min(begin + over, len(stands) - 1)  # the newest time holds for rows that are late
        self._rows, self._stands = panes.rows.take(slice(begin, None)), stands[begin:]
        self._gone += begin

    def save(self) -> State:
        """Return what is held, copied."""
        columns = [_saved(column) for column in self._rows.columns]
        return {
            "columns": columns,
            "stands": self._stands.copy(),
            "next": self._next,
            "gone": self._gone,
        }

    def load(self, state: State) -> None:
        """Go on from there. Raises StateError where it is of other columns."""
        try:
            pairs = zip(self._schema.fields, state["columns"], strict=True)
            columns = tuple(_loaded(field, column) for field, column in pairs)
            stands = np.asarray(state["stands"], dtype=np.int64)
            after, gone = state["next"], int(state["gone"])
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"the rows of a window cannot be gone on from: {error!r}") from None
        if {len(column) for column in columns} != {len(stands)}:
            raise StateError("the rows of a window cannot be gone on from: columns of other sizes")
        self._rows, self._stands = Batch(self._schema, columns), stands
        self._next, self._gone = after, gone

    def _up(self, time: int) -> int:
        return -(-time // self._every) * self._every


def _saved(column: Column) -> Any:
    if isinstance(column, Text):
        return {"codes": column.codes.copy(), "categories": list(column.categories)}
    return column.copy()


def _loaded(field: Field, column: Any) -> Column:
    if field.kind is Kind.TEXT:
        codes, categories = np.asarray(column["codes"], dtype=np.int32), column["categories"]
        if len(codes) and not -1 <= codes.min() <= codes.max() < len(categories):
            raise ValueError("codes of no category")
        return Text(codes, tuple(categories))
    array = np.asarray(column)
    if array.dtype != DTYPES[field.kind]:
        raise ValueError(f"{field.name!r} is of {array.dtype}")
    return array


def earlier(times: Times, span: int) -> Times:
    """Return times less a span, and no earlier than int64 reaches."""
    return np.maximum(times, NAT + span) - span
