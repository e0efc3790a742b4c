"""Streams on one grid of time: what was last known of each at every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.convert import NAT
from livewidget.data.duration import seconds
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.fields import NUMBERS, names_of
from livewidget.pipeline.joins.base import Chunk, Core, Joiner, Side
from livewidget.pipeline.joins.merge import END, START
from livewidget.pipeline.operator import Tally

MOST_SILENT = 1_000  # grid points that are made of the past alone, where no stream has a row
FILLS = ("last", "none")

Times = npt.NDArray[np.int64]


class Align(Joiner):
    """Several streams on the grid of the multiples of `every`, one row a grid point.

    A column is called `label_column`. It holds the last known value at or before the grid point:
    with `fill="last"` however old, or no older than `tolerance`; with `fill="none"` only of the
    step that ends there. `columns` are those taken, of whichever streams have them; none: all that
    hold numbers. A grid point at which nothing is known is left out, and so is, after `MOST_SILENT`
    of them without a row of any stream, each up to the next row.
    """

    name = "align"
    sides = (1, 100)

    def __init__(
        self,
        every: Any,
        fill: str = "last",
        *,
        columns: str | Sequence[str] | None = None,
        tolerance: Any = None,
        wait: Any = 0,
        idle: Any = 5.0,
        memory: int = 200_000,
    ) -> None:
        super().__init__(wait, idle, memory)
        self._every = max(1, round(seconds(every, "every") * 1e9))
        if fill not in FILLS:
            raise SettingError(f"fill is one of {', '.join(FILLS)}; got {quote(fill)}")
        if fill == "none" and tolerance is not None:
            raise SettingError("tolerance is for fill='last': without filling nothing is older")
        self._age = None if tolerance is None else round(seconds(tolerance, "tolerance") * 1e9)
        if fill == "none":
            self._age = self._every - 1
        self._columns = names_of(columns, "columns")

    def core(self, sides: Sequence[Side]) -> Core:
        """Return the join by itself. Raises SchemaError where a stream has no such column."""
        fields = [Field("time", Kind.TIME)]
        taken = [self._taken(side) for side in sides]
        for side, names in zip(sides, taken, strict=True):
            fields += [Field(f"{side.label}_{name}", Kind.FLOAT) for name in names]
        return _Align(Schema(fields, "time"), taken, self._every, self._age)

    def _taken(self, side: Side) -> list[str]:
        numbers = [field.name for field in side.schema.fields if field.kind in NUMBERS]
        taken = [name for name in numbers if not self._columns or name in self._columns]
        if not taken:
            wanted = ", ".join(map(repr, self._columns)) or "with numbers"
            raise SchemaError(
                f"align takes columns {wanted}; {side.label!r} has none: {side.schema!r}"
            )
        return taken


class _Align:
    """What is last known of each column, and the next grid point."""

    def __init__(self, schema: Schema, taken: list[list[str]], every: int, age: int | None) -> None:
        self.schema = schema
        self._taken = taken
        self._every = every
        self._age = age
        self._next: int | None = None
        self._newest = START
        self._mark: int | None = None  # the grid point of the newest row
        self._known = [[_Last() for _ in names] for names in taken]

    def __call__(self, chunk: Chunk, tally: Tally) -> Batch:
        tally.filtered += sum(map(len, chunk.parts))
        grid = self._grid(chunk)
        columns = []
        for part, names, known in zip(chunk.parts, self._taken, self._known, strict=True):
            for name, last in zip(names, known, strict=True):
                values = np.asarray(part[name], dtype=np.float64)
                columns.append(last.at(grid, part.times, values, self._age))
        told = ~np.logical_and.reduce([np.isnan(column) for column in columns])
        rows = Batch(self.schema, (grid, *columns)).take(told)
        tally.made += len(rows)
        return rows

    def _grid(self, chunk: Chunk) -> Times:
        """Return the grid points that are decided now."""
        times = np.unique(np.concatenate([part.times for part in chunk.parts]))
        marks = -(-times // self._every) * self._every
        if len(times):
            self._newest = max(self._newest, int(times[-1]))
            self._next = int(marks[0]) if self._next is None else self._next
        if self._next is None:
            return np.zeros(0, dtype=np.int64)
        last = -(-self._newest // self._every) * self._every  # no point lies behind the last row
        if chunk.until < END:
            last = (chunk.until - 1) // self._every * self._every
        # Of a long silence only the beginning: the stretches between such are taken one by one.
        marks = marks if self._mark is None else np.append(self._mark, marks)
        self._mark = int(marks[-1])
        reach = MOST_SILENT * self._every
        cuts = np.flatnonzero(np.diff(marks) > reach)
        starts = np.append(marks[0], marks[cuts + 1])
        stops = np.append(marks[cuts], marks[-1]) + reach
        spans = [
            np.arange(max(start, self._next), min(stop, last) + 1, self._every, dtype=np.int64)
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
        ]
        self._next = max(self._next, last + self._every)
        return np.concatenate(spans)


class _Last:
    """The last known value of a column, and its time."""

    def __init__(self) -> None:
        self._time, self._value = int(NAT), np.nan

    def at(
        self, grid: Times, times: Times, values: npt.NDArray[np.float64], age: int | None
    ) -> npt.NDArray[np.float64]:
        """Return what is known at grid points after new values; no older than `age`."""
        known = ~np.isnan(values)
        when = np.append(self._time, times[known])
        what = np.append(self._value, values[known])
        place = np.maximum(np.searchsorted(when, grid, side="right") - 1, 0)
        found = what[place]
        if age is not None:
            found[grid - when[place] > age] = np.nan  # before the first it is missing anyway
        self._time, self._value = int(when[-1]), what[-1]
        return found
