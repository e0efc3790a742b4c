"""Which of two columns leads the other, and by how much."""

from __future__ import annotations

from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import NUMBERS, expect, whole
from livewidget.pipeline.operator import Bound, Moment, Operator, Tally
from livewidget.pipeline.relating.comoments import lagged
from livewidget.pipeline.relating.sampled import points, sampled
from livewidget.pipeline.sliding import Pane, Sliding, span_of

_LEAST = 3  # points: two always lie on a line


class LeadLag(Operator):
    """Gives, at the multiples of `every`, the lag at which two columns go together the most.

    Both are taken at the multiples of `step` over the last `window`, as they were last known, and
    correlated at every lag up to `max_lag` either way. Rows of time, lag_s, correlation and count
    come out: a positive lag says that `left` leads, and what it does `right` does so much later.
    The greatest correlation by magnitude counts, of equal ones the shorter lag; a lag at which less
    than half as many points meet as at the best known one is passed over. `changes=True` takes the
    differences from point to point, as one does with prices. NaN where nothing can be told.
    """

    name = "lead lag"

    def __init__(
        self,
        left: str,
        right: str,
        *,
        max_lag: Any = "5s",
        step: Any = "100ms",
        window: Any = "60s",
        every: Any = "1s",
        changes: bool = False,
        rows: int = 100_000,
    ) -> None:
        self._left, self._right = left, right
        self._span = span_of(window, every)
        self._step = span_of(window, step, "step").every
        reach = seconds(max_lag, "max_lag") * 1e9
        if not self._step <= reach <= self._span.window / 2:
            raise SettingError(
                f"max_lag is one step at least and half the window at most; got {quote(max_lag)}"
            )
        self._lags = int(reach // self._step)
        self._changes = changes
        self._rows = whole(rows, "rows")
        self.counts = Counts("rows forgotten")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (event time alone)
        """Return the step. Raises SchemaError for a column that is absent or holds no numbers."""
        for name in (self._left, self._right):
            expect(schema, name, NUMBERS, "LeadLag")
        fields = [Field(name, Kind.FLOAT) for name in ("lag_s", "correlation", "count")]
        after = Schema([Field(schema.time, Kind.TIME), *fields], schema.time)
        sliding = Sliding(schema, self._span, self._rows, self.counts, (self._left, self._right))

        def run(batch: Batch | None, tally: Tally, *, final: bool) -> Batch:
            panes = sliding.panes(batch, final=final)
            found = [self._best(pane) for pane in panes.panes]
            sliding.keep(panes)
            tally.made += len(found)
            times = np.array([pane.time for pane in panes.panes], dtype=np.int64)
            told = np.array(found, dtype=np.float64).reshape(-1, 3)
            return Batch(after, (times, *(column.copy() for column in told.T)))

        def step(batch: Batch, tally: Tally) -> Batch:
            result = run(batch, tally, final=False)
            tally.filtered += len(batch)
            return result

        def tick(moment: Moment, tally: Tally) -> Batch:
            return run(None, tally, final=True) if moment.final else Batch.empty(after)

        return Bound(after, step, tick, sliding)

    def _best(self, pane: Pane) -> tuple[float, float, float]:
        grid = points(pane.time, self._span.window, self._step)
        times = pane.stands
        left, right = (
            sampled(times, np.asarray(pane.rows[name], dtype=np.float64), grid)
            for name in (self._left, self._right)
        )
        if self._changes:
            left, right = np.diff(left), np.diff(right)
        lags = sorted(range(-self._lags, self._lags + 1), key=abs)
        related = lagged(left, right, lags)
        strength, counts = np.abs(related.correlation), related.size
        strength[(counts < _LEAST) | (counts < counts.max() / 2) | np.isnan(strength)] = -1.0
        best = int(strength.argmax())
        if strength[best] < 0:
            return np.nan, np.nan, float(counts.max())
        return lags[best] * self._step / 1e9, float(related.correlation[best]), float(counts[best])
