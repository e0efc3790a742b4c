"""Rolling correlation and covariance: of each row's window, or as a matrix at an interval."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from livewidget.data.batch import Batch, concat
from livewidget.data.clock import Clock
from livewidget.data.convert import Column
from livewidget.data.errors import SettingError, StateError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import NUMBERS, expect, extended, names_of, whole
from livewidget.pipeline.operator import Bound, Moment, Operator, State, Tally
from livewidget.pipeline.relating.comoments import Floats, matrix, rolling
from livewidget.pipeline.relating.sampled import sampled_keys
from livewidget.pipeline.sliding import Pane, Sliding, Span, Times, earlier, span_of

MOST_COLUMNS = 50  # 1,225 pairs


class Correlation(Operator):
    """How columns go together over the last `window` of event time (Pearson), pair by pair.

    Without `every` each row gets `corr_a_b` and `cov_a_b` for each two of the `columns`, over the
    rows later than its time - window, up to itself. With `every` a matrix comes out instead, at
    its multiples, once a later row is there: rows of time, left, right, correlation, covariance
    and count, for each two in both orders and each with itself, for a `LiveHeatMap`.

    With `by` the matrix is of the keys of that column, at most `most_keys` of them (those with the
    most rows), by the one column: rows of different keys have different times, so that each key is
    taken at the multiples of `sample`, as it was last known. `changes=True` takes the differences
    of one row to the next, as one does with prices.

    Where one of two is missing the row counts for neither. NaN: less than two rows, or a column
    that never changes. A late row stands at the newest time; at most `rows` are remembered, and
    `counts` has how many were forgotten.
    """

    name = "correlation"

    def __init__(
        self,
        columns: str | Sequence[str],
        window: Any = "60s",
        *,
        every: Any = None,
        by: str | None = None,
        sample: Any = "1s",
        changes: bool = False,
        most_keys: int = 20,
        rows: int = 100_000,
    ) -> None:
        self._columns = names_of(columns, "columns")
        self._span = span_of(window, window if every is None else every)
        self._every = every
        self.heavy = every is not None  # every row of the window, at each step
        self._by = by
        self._changes = changes
        self._most_keys = whole(most_keys, "most_keys")
        self._rows = whole(rows, "rows")
        self._sample = span_of(window, sample, "sample").every if by is not None else 0
        self.counts = Counts("rows forgotten", "keys left out")
        if by is None and not 2 <= len(self._columns) <= MOST_COLUMNS:  # noqa: PLR2004  (a pair)
            raise SettingError(f"columns are 2 to {MOST_COLUMNS} names; got {quote(columns)}")
        if by is not None and (len(self._columns) != 1 or every is None):
            raise SettingError("by goes with one column, and every: it correlates its keys")
        if most_keys > MOST_COLUMNS:
            raise SettingError(f"most_keys is {MOST_COLUMNS} at most; got {most_keys}")
        if changes and every is None:
            raise SettingError("changes goes with every; for each row, take differences before")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (event time alone)
        """Return the step. Raises SchemaError for a column that is absent or holds no numbers."""
        for name in self._columns:
            expect(schema, name, NUMBERS, "Correlation")
        if self._every is None:
            return _bound_rows(schema, self._columns, self._span, self._rows, self.counts)
        if self._by is not None:
            expect(schema, self._by, (Kind.TEXT,), "Correlation")
        return self._bound_matrix(schema)

    def _bound_matrix(self, schema: Schema) -> Bound:
        after = _long(schema.time)
        columns = (*self._columns, *names_of(self._by, "by"))
        sliding = Sliding(schema, self._span, self._rows, self.counts, columns)

        def run(batch: Batch | None, tally: Tally, *, final: bool) -> Batch:
            panes = sliding.panes(batch, final=final)
            made = [self._matrix(pane, after) for pane in panes.panes]
            sliding.keep(panes)
            rows = concat(made) if made else Batch.empty(after)
            tally.made += len(rows)
            return rows

        def step(batch: Batch, tally: Tally) -> Batch:
            result = run(batch, tally, final=False)
            tally.filtered += len(batch)
            return result

        def tick(moment: Moment, tally: Tally) -> Batch:
            return run(None, tally, final=True) if moment.final else Batch.empty(after)

        return Bound(after, step, tick, sliding)

    def _matrix(self, pane: Pane, after: Schema) -> Batch:
        names: Sequence[str] = self._columns
        if self._by is None:
            values = _numbers(pane.rows, self._columns)
        else:
            keys = sampled_keys(pane, self._by, self._columns[0], self._span.window, self._sample)
            self.counts.add("keys left out", max(len(keys.names) - self._most_keys, 0))
            kept = keys.most(self._most_keys)
            names, values = kept.names, kept.values
        related = matrix(np.diff(values, axis=0) if self._changes else values)
        size = len(names)
        codes = np.arange(size, dtype=np.int32)
        columns: tuple[Column, ...] = (
            np.full(size * size, pane.time, dtype=np.int64),
            Text(np.repeat(codes, size), tuple(names)),
            Text(np.tile(codes, size), tuple(names)),
            *(each.ravel() for each in related),
        )
        return Batch(after, columns)


def _long(time: str) -> Schema:
    kinds = {"left": Kind.TEXT, "right": Kind.TEXT}
    kinds |= dict.fromkeys(("correlation", "covariance", "count"), Kind.FLOAT)
    fields = [Field(name, kind) for name, kind in kinds.items()]
    return Schema([Field(time, Kind.TIME), *fields], time)


def _numbers(batch: Batch, names: Sequence[str]) -> Floats:
    return np.column_stack([np.asarray(batch[name], dtype=np.float64) for name in names])


def _bound_rows(
    schema: Schema, columns: Sequence[str], span: Span, most: int, counts: Counts
) -> Bound:
    pairs = list(combinations(range(len(columns)), 2))
    told = [f"{columns[left]}_{columns[right]}" for left, right in pairs]
    names = [f"{kind}_{pair}" for pair in told for kind in ("corr", "cov")]
    after = extended(schema, [Field(name, Kind.FLOAT) for name in names], "Correlation")
    recent = _Recent(len(columns), pairs, span.window, most, counts)

    def step(batch: Batch, tally: Tally) -> Batch:  # noqa: ARG001  (no row is left out)
        stands, values, begins = recent.look(batch.times, _numbers(batch, columns))
        new = np.arange(len(stands) - len(batch), len(stands))
        added: list[Floats] = []
        for pair, (left, right) in enumerate(pairs):
            x, y = values[:, left], values[:, right]
            known = ~(np.isnan(x) | np.isnan(y))
            before = np.concatenate([[0], np.cumsum(known)])
            first = before[begins]
            size = before[new + 1] - first
            related = rolling(x[known], y[known], first, size, recent.gone(pair))
            added += [related.correlation, related.covariance]
        recent.keep(stands, values)
        return Batch(after, (*batch.columns, *added))

    return Bound(after, step, memory=recent)


class _Recent:
    """The rows that a later row's window may hold still: where they stand, and their values."""

    def __init__(
        self, width: int, pairs: list[tuple[int, int]], window: int, most: int, counts: Counts
    ) -> None:
        self._pairs = pairs
        self._gone = np.zeros(len(pairs), dtype=np.int64)  # rows of a pair before those held
        self._window = window
        self._most = most
        self._counts = counts
        self._stands = np.zeros(0, dtype=np.int64)
        self._values = np.zeros((0, width))

    def gone(self, pair: int) -> int:
        """Return how many rows in which both of a pair were known were held, and are no longer."""
        return int(self._gone[pair])

    def look(self, times: Times, values: Floats) -> tuple[Times, Floats, Any]:
        """Return the rows with new ones behind, and where the window of each new one begins."""
        stands = np.maximum.accumulate(np.concatenate([self._stands, times]))
        new = stands[len(self._stands) :]
        begins = np.searchsorted(stands, earlier(new, self._window), side="right")
        begins = np.maximum(begins, np.arange(len(self._stands), len(stands)) + 1 - self._most)
        return stands, np.concatenate([self._values, values]), begins

    def keep(self, stands: Times, values: Floats) -> None:
        """Remember what later windows need."""
        edge = earlier(stands[-1:], self._window)[0]
        begin = int(np.searchsorted(stands, edge, side="right"))
        over = max(len(stands) - begin - self._most, 0)
        self._counts.add("rows forgotten", over)
        known = ~np.isnan(values[: begin + over])
        self._gone += [int((known[:, left] & known[:, right]).sum()) for left, right in self._pairs]
        self._stands = stands[begin + over :].copy()
        self._values = values[begin + over :].copy()

    def save(self) -> State:
        held = {"stands": self._stands.copy(), "values": self._values.copy()}
        return held | {"gone": self._gone.copy()}

    def load(self, state: State) -> None:
        held = [state.get(name) for name in ("stands", "values", "gone")]
        stands, values, gone = (np.zeros(0) if it is None else np.asarray(it) for it in held)
        width = self._values.shape[1]
        if values.shape != (len(stands), width) or gone.shape != self._gone.shape:
            raise StateError("the rows of a correlation cannot be gone on from: of other columns")
        self._stands = stands.astype(np.int64, copy=False)
        self._values = values.astype(np.float64, copy=False)
        self._gone = gone.astype(np.int64, copy=False)
