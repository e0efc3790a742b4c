"""Numbers that rise by one: what they skip was lost on the way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import SchemaError
from livewidget.data.events import Gap
from livewidget.data.schema import Kind, Schema
from livewidget.pipeline.operator import Bound, Operator, Tally

RESTART = 1_000  # a number so far below the newest is no straggler: the count began anew
MOST_GAPS = 1_000  # of one batch; the rows that they stand for are all counted


class Sequence(Operator):
    """Notes as a gap what the numbers in `column` skip; every row passes.

    A gap reaches from the time of the row before it to that of the row behind. A number that was
    skipped and comes late after all leaves its gap. A fall by more than `RESTART`, or to 0 or 1,
    begins the count anew. Missing numbers are passed over. `lost` counts what was skipped.
    """

    name = "sequence"

    def __init__(self, column: str) -> None:
        self.column = column

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Bind to a schema. Raises SchemaError unless `column` holds numbers."""
        del clock
        if schema.kind(self.column) not in (Kind.INT, Kind.FLOAT):
            raise SchemaError(
                f"column {self.column!r} of `sequence` must hold numbers, it holds "
                f"{schema.kind(self.column)}"
            )
        counter = _Counter(self.column)

        def step(batch: Batch, tally: Tally) -> Batch:
            numbers = np.asarray(batch[self.column], dtype=np.float64)
            there = ~np.isnan(numbers)
            if there.all():
                counter.follow(numbers, batch.times, tally)
            elif there.any():
                counter.follow(numbers[there], batch.times[there], tally)
            return batch

        return Bound(schema, step)


class _Counter:
    """The greatest number so far, and the time of its row."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._last: float | None = None
        self._time = 0

    def follow(
        self, numbers: npt.NDArray[np.float64], times: npt.NDArray[np.int64], tally: Tally
    ) -> None:
        before = np.empty_like(numbers)
        before[0] = numbers[0] - 1 if self._last is None else self._last
        before[1:] = numbers[:-1]
        earlier = np.empty_like(times)
        earlier[0] = times[0] if self._last is None else self._time
        earlier[1:] = times[:-1]
        if (numbers == before + 1).all():
            self._last, self._time = float(numbers[-1]), int(times[-1])
            return
        for number, time in zip(numbers.tolist(), times.tolist(), strict=True):
            self._one(number, time, tally)

    def _one(self, number: float, time: int, tally: Tally) -> None:
        last = self._last
        if last is not None and number <= last and not _is_restart(number, last):
            return
        skipped = 0 if last is None or number <= last else int(number - last) - 1
        if skipped and time > self._time and len(tally.gaps) < MOST_GAPS:
            first = number - skipped
            what = f"{first:.0f}" if skipped == 1 else f"{first:.0f} to {number - 1:.0f}"
            tally.gaps.append(Gap(self._time, time, f"{self._column} {what} missing"))
        tally.lost += skipped
        self._last, self._time = number, time


def _is_restart(number: float, last: float) -> bool:
    return number < last - RESTART or (number <= 1 < last)
