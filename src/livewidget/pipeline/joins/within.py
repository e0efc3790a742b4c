"""The windowed join: pairs of rows whose times are within a duration of one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch, concat
from livewidget.data.convert import NAT
from livewidget.data.duration import seconds
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import extended, names_of, whole
from livewidget.pipeline.joins.base import Chunk, Core, Joiner, Side
from livewidget.pipeline.joins.columns import beside, common_keys, keys_of
from livewidget.pipeline.keys import Places, distinct_rows
from livewidget.pipeline.operator import Tally

MOST_MATCHES = 100


class WindowJoin(Joiner):
    """Pairs of a row of the left and one of the right, of one key, no more than `within` apart.

    A pair has the time of the later row, at which it is known; `lag` names a column with the
    seconds from left to right. A row is paired with the newest `most_matches` rows of the other
    side that came before it, among the newest `rows` of that side: what was left out is counted as
    `pairs left out`, and as `rows forgotten`. Names are as in `AsOf`.
    """

    name = "windowed join"
    sides = (2, 2)

    def __init__(
        self,
        within: Any,
        by: str | Sequence[str] | None = None,
        *,
        suffix: str = "_right",
        lag: str = "lag_s",
        most_matches: int = MOST_MATCHES,
        rows: int = 50_000,
        wait: Any = 0,
        idle: Any = 5.0,
        memory: int = 200_000,
    ) -> None:
        super().__init__(wait, idle, memory, "pairs left out", "rows forgotten")
        self._span = round(seconds(within, "within") * 1e9)
        self._by = names_of(by, "by")
        self._suffix = suffix
        self._lag = lag
        self._most = whole(most_matches, "most_matches")
        self._rows = whole(rows, "rows")

    def core(self, sides: Sequence[Side]) -> Core:
        """Return the join by itself. Raises SchemaError where the sides have no such key."""
        left, right = sides
        keys = common_keys(sides, self._by, "a windowed join")
        taken, called = beside(left, right, self._by, self._suffix)
        fields = [
            Field(name, right.schema.kind(own)) for own, name in zip(taken, called, strict=True)
        ]
        schema = extended(left.schema, [*fields, Field(self._lag, Kind.FLOAT)], "a windowed join")
        limits = _Limits(self._span, self._most, self._rows)
        return _WindowJoin(schema, sides, keys, taken, limits, self.counts)


class _Limits(NamedTuple):
    span: int
    most: int
    rows: int


class _Rows(NamedTuple):
    """The rows of a side that are there, old ones first: times, key, place in the order of all."""

    times: npt.NDArray[np.int64]
    keys: Places
    places: Places
    old: int


class _WindowJoin:
    """The rows of each side that may still be within reach of a later one."""

    def __init__(
        self,
        schema: Schema,
        sides: Sequence[Side],
        keys: Schema,
        taken: list[str],
        limits: _Limits,
        counts: Counts,
    ) -> None:
        self.schema = schema
        self._keys = keys
        self._taken = taken
        self._limits = limits
        self._counts = counts
        self._old = [Batch.empty(side.schema) for side in sides]

    def __call__(self, chunk: Chunk, tally: Tally) -> Batch:
        tally.filtered += sum(map(len, chunk.parts))
        if not any(map(len, chunk.parts)):
            return Batch.empty(self.schema)
        every = [concat([old, new]) for old, new in zip(self._old, chunk.parts, strict=True)]
        left, right = self._rows_of(every)
        new, partner = self._pairs(left, right)
        later, other = self._pairs(right, left)
        lefts, rights = np.concatenate([new, other]), np.concatenate([partner, later])
        # By the later row, then by the earlier: the order in which they come to be known.
        places = left.places[lefts], right.places[rights]
        order = np.lexsort((np.minimum(*places), np.maximum(*places)))
        self._old = [self._recent(batch) for batch in every]
        rows = self._joined(every, lefts[order], rights[order])
        tally.made += len(rows)
        return rows

    def _rows_of(self, every: list[Batch]) -> list[_Rows]:
        """Return the rows of both sides with common keys, in a common order: left before right."""
        _, keys = distinct_rows(keys_of(every, self._keys), self._keys.names[1:])
        times = np.concatenate([batch.times for batch in every])
        places = np.empty(len(times), dtype=np.intp)
        places[np.argsort(times, kind="stable")] = np.arange(len(times))
        cut = len(every[0])
        return [
            _Rows(times[part], keys[part], places[part], len(old))
            for part, old in zip((slice(cut), slice(cut, None)), self._old, strict=True)
        ]

    def _pairs(self, own: _Rows, others: _Rows) -> tuple[Places, Places]:
        """Return the pairs of a new row of one side and an earlier one of the other, as places."""
        size = len(own.times) + len(others.times) + 1
        order = np.argsort(others.keys, kind="stable")
        ranked = others.keys[order] * size + others.places[order]
        new = np.arange(own.old, len(own.times))
        keys, places = own.keys[new] * size, own.places[new]
        ends = np.searchsorted(ranked, keys + places)
        first = np.searchsorted(others.times, _less(own.times[new], self._limits.span))
        begins = np.searchsorted(ranked, keys + np.append(others.places, size - 1)[first])
        begins = np.minimum(begins, ends)
        before = np.searchsorted(others.places, places)
        first = np.maximum(before - self._limits.rows, 0)
        known = np.searchsorted(ranked, keys + np.append(others.places, size - 1)[first])
        known = np.minimum(np.maximum(begins, known), ends)
        starts = np.maximum(known, ends - self._limits.most)
        self._counts.add("pairs left out", int((starts - begins).sum()))
        sizes = ends - starts
        offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.repeat(new, sizes), order[np.repeat(starts, sizes) + offsets]

    def _recent(self, batch: Batch) -> Batch:
        """Return the rows of a side that a later row may be paired with."""
        if not len(batch):
            return batch
        first = int(np.searchsorted(batch.times, _less(batch.times[-1:], self._limits.span)[0]))
        over = len(batch) - first - self._limits.rows
        self._counts.add("rows forgotten", max(over, 0))
        return batch.take(slice(first + max(over, 0), None))

    def _joined(self, every: list[Batch], lefts: Places, rights: Places) -> Batch:
        left, right = every[0].take(lefts), every[1].take(rights)
        columns = list(left.columns)
        columns[left.schema.index(left.schema.time)] = np.maximum(left.times, right.times)
        columns += [right[name] for name in self._taken]
        lag = (right.times - left.times) / 1e9
        return Batch(self.schema, (*columns, lag))


def _less(times: npt.NDArray[np.int64], span: int) -> npt.NDArray[np.int64]:
    """Return times less a span, and no earlier than int64 reaches."""
    return np.maximum(times, NAT + span) - span
