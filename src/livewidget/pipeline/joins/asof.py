"""The as-of join: each row of the left with the newest row of the right at or before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.convert import NAT, Column
from livewidget.data.duration import seconds
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.fields import extended, names_of
from livewidget.pipeline.joins.base import Chunk, Core, Joiner, Side
from livewidget.pipeline.joins.columns import (
    Kept,
    beside,
    blanked,
    common_keys,
    joined,
    keys_of,
    may_lack,
)
from livewidget.pipeline.keys import Keys, Places, grouped, grown
from livewidget.pipeline.operator import Tally


class AsOf(Joiner):
    """Each row of the left, with the newest row of the right of its key at or before its time.

    As `pandas.merge_asof` does it: of several at one time the last to come. `by` names the columns
    of the key, in both; none: one key for all. A row older than `tolerance` is none (None: any age
    will do), and what is not there is missing; whole numbers become floats for that. A column of
    the right whose name is taken gets the `suffix`; `right_time` names a column for its time.
    """

    name = "as-of join"
    sides = (2, 2)

    def __init__(
        self,
        by: str | Sequence[str] | None = None,
        tolerance: Any = None,
        *,
        suffix: str = "_right",
        right_time: str | None = None,
        wait: Any = 0,
        idle: Any = 5.0,
        memory: int = 200_000,
    ) -> None:
        super().__init__(wait, idle, memory, "keys forgotten")
        self._by = names_of(by, "by")
        age = None if tolerance is None else seconds(tolerance, "tolerance")
        self._tolerance = None if age is None else round(age * 1e9)
        if not suffix:
            raise SettingError(f"suffix is text to put behind a name; got {quote(suffix)}")
        self._suffix = suffix
        self._right_time = right_time

    def core(self, sides: Sequence[Side]) -> Core:
        """Return the join by itself. Raises SchemaError where the sides have no such key."""
        left, right = sides
        keys = common_keys(sides, self._by, "an as-of join")
        taken, called = beside(left, right, self._by, self._suffix)
        kinds = [right.schema.kind(name) for name in taken]
        fields = [Field(name, may_lack(kind)) for name, kind in zip(called, kinds, strict=True)]
        if self._right_time is not None:
            if self._right_time in called:
                raise SchemaError(f"right_time is a new column; {self._right_time!r} is taken")
            taken.append(right.schema.time)
            kinds.append(Kind.TIME)
            fields.append(Field(self._right_time, Kind.TIME))
        schema = extended(left.schema, fields, "an as-of join")
        slots = Keys(self._by, self.counts)
        return _AsOf(schema, keys, slots, dict(zip(taken, kinds, strict=True)), self._tolerance)


class _AsOf:
    """The last row of the right of each key."""

    def __init__(
        self, schema: Schema, keys: Schema, slots: Keys, taken: dict[str, Kind], age: int | None
    ) -> None:
        self.schema = schema
        self._keys = keys
        self._slots = slots
        self._kinds = taken
        self._age = age
        self._times = np.zeros(0, dtype=np.int64)
        self._kept = {name: Kept(kind) for name, kind in taken.items()}

    def __call__(self, chunk: Chunk, tally: Tally) -> Batch:
        left, right = chunk.parts
        tally.filtered += len(right)
        if not len(left) and not len(right):
            return Batch.empty(self.schema)
        slots, gone = self._slots(keys_of([right, left], self._keys))
        self._make_room(gone)
        # Right before left, so that of one time the right comes first.
        order = np.argsort(np.concatenate([right.times, left.times]), kind="stable")
        groups = grouped(slots[order])
        rows, at = order[groups.order], np.arange(len(order))
        last = np.maximum.accumulate(np.where(rows < len(right), at, -1))
        own = last >= groups.begin
        found = np.where(own, rows[last], len(right) + groups.number)
        asking = rows >= len(right)
        pick = np.empty(len(left), dtype=np.intp)
        pick[rows[asking] - len(right)] = found[asking]
        result = self._picked(left, right, groups.slots, pick)
        ends = groups.ends[own[groups.ends]]
        self._learn(right, slots[rows[ends]], rows[last[ends]])
        return result

    def _make_room(self, gone: Places) -> None:
        self._times = grown(self._times, self._slots.size, NAT)
        self._times[gone] = NAT
        for kept in self._kept.values():
            kept.make_room(self._slots.size)

    def _picked(self, left: Batch, right: Batch, slots: Places, pick: Places) -> Batch:
        """Return the left with, for each row, a row of the right or of what is carried."""
        times = np.concatenate([right.times, self._times[slots]])[pick]
        gone: npt.NDArray[np.bool_] = times == NAT
        if self._age is not None:
            gone |= left.times - np.where(gone, left.times, times) > self._age
        columns: list[Column] = []
        for name, kind in self._kinds.items():
            every = joined([right[name], self._kept[name].get(slots)])
            columns.append(blanked(every[pick], kind, gone))
        return Batch(self.schema, (*left.columns, *columns))

    def _learn(self, right: Batch, slots: Places, rows: Places) -> None:
        self._times[slots] = right.times[rows]
        for name, kept in self._kept.items():
            kept.put(slots, right[name][rows])
