"""When each row of a recording is due."""

from __future__ import annotations

import math

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.convert import Column
from livewidget.data.errors import SettingError, quote
from livewidget.sources.base import LoopClock, Outlet, SystemLoopClock

_BEAT_S = 0.02  # events due within one beat go out together
_CHUNK = 10_000  # rows at once when there is no timing to keep


class Pacing:
    """Plays rows with their original spacing, divided by `speed`; `inf` waits for nothing.

    With `rebase` the times are moved so that each row's is the moment it is sent. The first row
    since `begin` sets the beginning; one with a time that is over goes out at once.
    """

    def __init__(self, speed: float, *, rebase: bool, clock: LoopClock | None) -> None:
        if not speed > 0:
            raise SettingError(f"speed is a number above 0, or inf; got {quote(speed)}")
        self._speed = speed
        self._rebase = rebase
        self._clock = clock or SystemLoopClock()
        self._first: int | None = None  # time of the first row, ns UTC
        self._begun = 0.0  # when it was sent, by the steady clock
        self._origin = 0  # and by the wall clock, ns UTC

    def begin(self) -> None:
        """Let the next row be the first."""
        self._first = None

    async def play(self, batch: Batch, outlet: Outlet) -> None:
        """Emit the rows as they lie, each when it and all before it are due."""
        times = batch.times
        if not len(times):
            return
        if self._first is None:
            self._first = int(times[0])
            self._begun, self._origin = self._clock.monotonic(), self._clock.now()
        offsets = (times - self._first) / self._speed
        if self._rebase:
            batch = _retimed(batch, self._origin + offsets.astype(np.int64))
        offsets = np.maximum.accumulate(offsets)  # one that is late goes with those before it
        sent = 0
        while sent < len(times):
            passed = (self._clock.monotonic() - self._begun) * 1e9
            due = int(np.searchsorted(offsets, passed, side="right"))
            stop = min(due, sent + _CHUNK)
            if stop > sent:
                outlet.emit(batch.take(slice(sent, stop)))
                sent = stop
                await outlet.ready()
            if sent < len(times):
                await self._clock.sleep(self._wait(offsets[sent]))

    def _wait(self, offset: float) -> float:
        """Return the seconds to sleep before a row that is due at `offset` ns."""
        left = self._begun + offset / 1e9 - self._clock.monotonic()
        if left <= 0:
            return 0.0
        return left if math.isinf(self._speed) else max(left, _BEAT_S)


def _retimed(batch: Batch, times: Column) -> Batch:
    place = batch.schema.index(batch.schema.time)
    columns = list(batch.columns)
    columns[place] = times
    return Batch(batch.schema, tuple(columns))
