"""Repair of missing values: the last known one carried forward, or a line between two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT, Column
from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import expect, names_of, whole
from livewidget.pipeline.keys import Groups, Keys, Places, grouped, grown
from livewidget.pipeline.operator import Bound, Operator, Tally

_ENDLESS = 2**62


class ForwardFill(Operator):
    """Puts the last known value in the place of a missing one, of each key of `by`.

    `limit` is how many rows in a row are filled at most; None for all. The state lives on from
    batch to batch, bounded (`pipeline.keys.Keys`). For columns of numbers, text and times; whole
    numbers (kind 'int') are never missing.
    """

    name = "forward fill"

    def __init__(
        self,
        columns: str | Sequence[str],
        by: str | Sequence[str] | None = None,
        limit: int | None = None,
    ) -> None:
        self.counts = Counts("keys forgotten")
        self._columns = _some(columns)
        self._by = names_of(by, "by")
        self._limit = _ENDLESS if limit is None else whole(limit, "limit")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (rows, not time, count)
        """Return the step. Raises SchemaError for a column that is absent or of another kind."""
        for name in self._by:
            schema.kind(name)
        kinds = (Kind.FLOAT, Kind.TEXT, Kind.TIME)
        fills = [
            (schema.index(name), _Fill(expect(schema, name, kinds, "ForwardFill"), self._limit))
            for name in self._columns
        ]
        keys = Keys(self._by, self.counts)

        def step(batch: Batch, tally: Tally) -> Batch:  # noqa: ARG001  (no row is left out)
            slots, gone = keys(batch)
            groups = grouped(slots)
            columns = list(batch.columns)
            for place, fill in fills:
                fill.make_room(keys.size, gone)
                columns[place] = fill(columns[place], groups)
            return Batch(schema, tuple(columns))

        return Bound(schema, step)


def _some(columns: str | Sequence[str]) -> tuple[str, ...]:
    names = names_of(columns, "columns")
    if not names:
        raise SettingError("columns names one column at least")
    return names


_NOTHING: dict[Kind, Any] = {Kind.FLOAT: np.nan, Kind.TIME: NAT, Kind.TEXT: None}


class _Fill:
    """One column's last known value of each slot, and how many rows ago it was."""

    def __init__(self, kind: Kind, limit: int) -> None:
        self._kind = kind
        self._limit = limit
        dtype = {Kind.FLOAT: np.float64, Kind.TIME: np.int64, Kind.TEXT: object}[kind]
        self._value: npt.NDArray[Any] = np.zeros(0, dtype=dtype)
        self._since = np.zeros(0, dtype=np.int64)

    def make_room(self, size: int, gone: Places) -> None:
        """Have `size` slots, and nothing in those that are `gone`."""
        self._value = grown(self._value, size, _NOTHING[self._kind])
        self._since = grown(self._since, size, 0)
        self._value[gone] = _NOTHING[self._kind]
        self._since[gone] = 0

    def __call__(self, column: Column, groups: Groups) -> Column:
        """Return the column with what is missing filled, as far as it can be."""
        carried = self._value[groups.slots]
        if isinstance(column, Text):
            table = {name: code for code, name in enumerate(column.categories)}
            codes = [-1 if name is None else table.setdefault(name, len(table)) for name in carried]
            filled, last = self._fill(
                column.codes, column.codes >= 0, np.array(codes, dtype=np.int32), groups
            )
            names = np.array([*table, None], dtype=object)
            self._value[groups.slots] = names[last]
            return Text(filled, tuple(table))
        known = ~np.isnan(column) if self._kind is Kind.FLOAT else column != NAT
        filled, self._value[groups.slots] = self._fill(column, known, carried, groups)
        return filled

    def _fill(
        self,
        column: npt.NDArray[Any],
        known: npt.NDArray[np.bool_],
        carried: npt.NDArray[Any],
        groups: Groups,
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the filled column and the last known value of each group."""
        order, begin = groups.order, groups.begin
        values, at = column[order], np.arange(len(order))
        last = np.maximum.accumulate(np.where(known[order], at, -1))
        own = last >= begin
        before = at - begin + 1 + self._since[groups.slots][groups.number]
        run = np.where(own, at - last, before)
        found = np.where(own, values[last], carried[groups.number])
        self._since[groups.slots] = run[groups.ends]
        filled = np.empty_like(values)
        filled[order] = np.where(run <= self._limit, found, values)
        return filled, found[groups.ends]


class Interpolate(Operator):
    """Puts missing numbers on the line, in event time, between the known ones around them.

    Of each key of `by`, where the known values are at most `max_gap` apart. A row is never held
    back: the known value before may be of an earlier batch, the one after is of the same batch or
    the row stays missing (a ForwardFill behind this fills it). The larger the batches, the more
    is interpolated.
    """

    name = "interpolate"

    def __init__(
        self,
        columns: str | Sequence[str],
        by: str | Sequence[str] | None = None,
        max_gap: Any = "5s",
    ) -> None:
        self.counts = Counts("keys forgotten")
        self._columns = _some(columns)
        self._by = names_of(by, "by")
        self._gap = round(seconds(max_gap, "max_gap") * 1e9)

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (event time alone)
        """Return the step. Raises SchemaError for a column that is absent or no 'float'."""
        for name in self._by:
            schema.kind(name)
        lines = []
        for name in self._columns:
            expect(schema, name, (Kind.FLOAT,), "Interpolate")
            lines.append((schema.index(name), _Line(self._gap)))
        keys = Keys(self._by, self.counts)

        def step(batch: Batch, tally: Tally) -> Batch:  # noqa: ARG001  (no row is left out)
            slots, gone = keys(batch)
            columns = list(batch.columns)
            for place, line in lines:
                line.make_room(keys.size, gone)
                columns[place] = line(columns[place], batch.times, slots)
            return Batch(schema, tuple(columns))

        return Bound(schema, step)


class _Line:
    """One column's newest known value of each slot, with its time."""

    def __init__(self, gap: int) -> None:
        self._gap = gap
        self._value = np.zeros(0)
        self._time = np.zeros(0, dtype=np.int64)

    def make_room(self, size: int, gone: Places) -> None:
        """Have `size` slots, and nothing in those that are `gone`."""
        self._value = grown(self._value, size, np.nan)
        self._time = grown(self._time, size, NAT)
        self._value[gone] = np.nan

    def __call__(
        self, column: Column, times: npt.NDArray[np.int64], slots: Places
    ) -> npt.NDArray[Any]:
        """Return the column, float64, with missing values put on their lines."""
        assert isinstance(column, np.ndarray)
        present = np.unique(slots)
        carried = present[~np.isnan(self._value[present])]
        # What is carried comes first, so that at equal times the batch's own value is nearer.
        when = np.concatenate([self._time[carried], times])
        what = np.concatenate([self._value[carried], column])
        whose = np.concatenate([carried, slots])
        order = np.lexsort((when, whose))
        when, what, whose = when[order], what[order], whose[order]
        known = np.flatnonzero(~np.isnan(what))
        if not len(known):
            return column
        self._value[whose[known]], self._time[whose[known]] = what[known], when[known]
        if len(known) == len(what):
            return column
        self._draw(known, when, what, whose)
        filled = np.empty_like(what)
        filled[order] = what
        return filled[len(carried) :]

    def _draw(
        self,
        known: Places,
        when: npt.NDArray[np.int64],
        what: npt.NDArray[np.float64],
        whose: Places,
    ) -> None:
        """Fill in `what`, in the order of slots and times, between the places that are `known`."""
        rows = np.flatnonzero(np.isnan(what))
        after = np.searchsorted(known, rows)
        inner = (after > 0) & (after < len(known))
        rows, left, right = rows[inner], known[after[inner] - 1], known[after[inner]]
        span = when[right] - when[left]
        near = (whose[left] == whose[right]) & (span >= 0) & (span <= self._gap)
        rows, left, right, span = rows[near], left[near], right[near], span[near]
        part = (when[rows] - when[left]) / np.maximum(span, 1)
        with np.errstate(invalid="ignore", over="ignore"):  # between infinities there is no line
            what[rows] = what[left] + part * (what[right] - what[left])
