"""Rows of several sides in one order of event time, as far as the watermarks allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch, concat
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT
from livewidget.data.schema import Schema
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.operator import Tally

END = int(np.iinfo(np.int64).max)
START = int(NAT)


class Limits(NamedTuple):
    """`wait` in ns, `idle` in seconds, rows of all sides, and of one before it is blocked."""

    wait: int
    idle: float | None
    memory: int
    share: int


class Merge:
    """Holds rows of each side until no side can bring an earlier one.

    A side's watermark is its newest time less `wait` (ns); the frontier is the least of all. Rows
    before it are released, those at it are not: another may come. Whether a row is late is decided
    by its own side alone, so that it does not matter which side came sooner. See `Joiner`.
    """

    def __init__(
        self,
        schemas: Sequence[Schema],
        limits: Limits,
        counts: Counts,
        clock: Clock,
    ) -> None:
        self._sides = [_Held(schema) for schema in schemas]
        self._wait, self._idle, self._memory, self._share = limits
        self._counts = counts
        self._clock = clock
        self._frontier = START
        self._released = START  # the newest time that has gone on
        for side in self._sides:
            side.heard = clock.monotonic()

    def take(self, side: int, batch: Batch, tally: Tally) -> None:
        """Hold the rows of a side that are not too late."""
        held = self._sides[side]
        times = batch.times
        before = np.maximum.accumulate(np.append(max(held.newest, START), times))
        late = times < _less(before[:-1], self._wait)
        passed = ~late & (times <= self._released)
        keep = ~(late | passed)
        held.newest, held.heard = int(before[-1]), self._clock.monotonic()
        self._counts.add("late", int(late.sum()))
        self._counts.add("passed over", int(passed.sum()))
        tally.filtered += len(batch) - int(keep.sum())
        held.add(batch if keep.all() else batch.take(keep))

    def hold(self, side: int, busy: bool) -> None:  # noqa: FBT001  (a callable of two places)
        """Note that a side is not listened to for now, or that it is again: its silence begins."""
        self._sides[side].busy = busy
        self._sides[side].heard = self._clock.monotonic()

    def end(self, side: int) -> None:
        """Note that a side has no more rows."""
        self._sides[side].ended = True

    def frontier(self, *, final: bool) -> int:
        """Return the time before which all rows are there, as far as can be known. Never falls."""
        self._frontier = max(self._frontier, END if final else self._relieved(self._reach()))
        return self._frontier

    def release(self, until: int) -> tuple[Batch, ...] | None:
        """Return the rows of each side before `until`, by rising time; None where there are none.

        Rows of one time are in the order they came.
        """
        if all(side.earliest >= until for side in self._sides):
            return None
        parts = tuple(side.release(until) for side in self._sides)
        newest = max(int(part.times[-1]) for part in parts if len(part))
        self._released = max(self._released, newest)
        return parts

    def blocked(self, side: int) -> bool:
        """Say whether a side holds its share of the memory, and waits for others."""
        held = self._sides[side]
        if held.rows < self._share:
            return False
        return self._watermark(held) > max(self._frontier, self._reach())

    def _reach(self) -> int:
        now = self._clock.monotonic()
        going = [side for side in self._sides if not side.ended]
        if not going:
            return END
        marks = [self._watermark(side) for side in going if not self._is_idle(side, now)]
        # Where all are idle nothing waits for stragglers, but for a row at the newest time.
        return min(marks) if marks else max(side.newest for side in self._sides)

    def _watermark(self, side: _Held) -> int:
        return START if side.newest == START else side.newest - self._wait

    def _is_idle(self, side: _Held, now: float) -> bool:
        return self._idle is not None and not side.busy and now - side.heard > self._idle

    def _relieved(self, until: int) -> int:
        """Return the frontier, further on where more rows than there is room for would wait."""
        over = sum(side.rows for side in self._sides) - self._memory
        if over <= 0:
            return until
        times = np.sort(np.concatenate([side.times() for side in self._sides]))
        going = int(np.searchsorted(times, until))
        if going >= over:
            return until
        early = int(times[over - 1]) + 1
        self._counts.add("released early", int(np.searchsorted(times, early)) - going)
        return early


class _Held:
    """The rows of one side that wait."""

    def __init__(self, schema: Schema) -> None:
        self.newest = START
        self.heard = 0.0
        self.busy = False
        self.ended = False
        self.rows = 0
        self.earliest = END
        self._batches: list[Batch] = []
        self._empty = Batch.empty(schema)

    def add(self, batch: Batch) -> None:
        if len(batch):
            self._batches.append(batch)
            self.rows += len(batch)
            self.earliest = min(self.earliest, int(batch.times.min()))

    def times(self) -> npt.NDArray[np.int64]:
        return np.concatenate([self._empty.times, *(each.times for each in self._batches)])

    def release(self, until: int) -> Batch:
        if self.earliest >= until:
            return self._empty
        batch = concat(self._batches)
        times = batch.times
        if bool((times[1:] < times[:-1]).any()):
            batch = batch.take(np.argsort(times, kind="stable"))
            times = batch.times
        cut = len(batch) if until == END else int(np.searchsorted(times, until))
        rest = batch.take(slice(cut, None))
        self._batches, self.rows, self.earliest = [], 0, END
        self.add(rest)
        return batch.take(slice(None, cut))


def _less(times: npt.NDArray[np.int64], span: int) -> npt.NDArray[np.int64]:
    """Return times less a span, and no earlier than int64 reaches."""
    return np.maximum(times, START + span) - span
