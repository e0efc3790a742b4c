"""A recording, played again: a DataFrame or anything tabular, at a speed."""

from __future__ import annotations

import math

import numpy as np

from livewidget.data.batch import Batch, Data
from livewidget.data.convert import Column
from livewidget.data.errors import SettingError, quote
from livewidget.data.events import State
from livewidget.sources.base import LoopClock, Outlet, Source, SystemLoopClock

_BEAT_S = 0.02  # events due within one beat go out together
_CHUNK = 10_000  # rows at once when there is no timing to keep


class Replay(Source):
    """Emits the rows of `data` in the order of their times, with their original spacing.

    `time` names the time column (else the index of a DataFrame where it holds times, else as
    `Batch.of` finds it). `speed` divides the waiting; `inf` sends all at once, in chunks.
    With `rebase` the times are moved so that each row's is the moment it is sent (the spacing
    shrinks with the speed). The data is copied when the source is made; rows without a time
    raise SchemaError then.
    """

    def __init__(
        self,
        data: Data,
        *,
        time: str | None = None,
        speed: float = 1.0,
        rebase: bool = False,
        clock: LoopClock | None = None,
    ) -> None:
        if not speed > 0:
            raise SettingError(f"speed is a number above 0, or inf; got {quote(speed)}")
        table, name = with_index(data, time)
        batch = Batch.of(table, time=name)
        self.name = f"replay of {len(batch):,} rows"
        self._batch = batch.take(np.argsort(batch.times, kind="stable"))
        self._speed = speed
        self._rebase = rebase
        self._clock = clock or SystemLoopClock()

    async def run(self, outlet: Outlet) -> None:
        """Emit all rows, each when it is due, then return."""
        outlet.state(State.LIVE)
        batch, times = self._batch, self._batch.times
        if not len(times):
            return
        offsets = (times - times[0]) / self._speed
        if self._rebase:
            origin = self._clock.now()
            batch = _retimed(batch, origin + offsets.astype(np.int64))
        begun, sent = self._clock.monotonic(), 0
        while sent < len(times):
            passed = (self._clock.monotonic() - begun) * 1e9
            due = int(np.searchsorted(offsets, passed, side="right"))
            stop = min(due, sent + _CHUNK)
            if stop > sent:
                outlet.emit(batch.take(slice(sent, stop)))
                sent = stop
                await outlet.ready()
            if sent < len(times):
                await self._clock.sleep(self._wait(offsets[sent], begun))

    def _wait(self, offset: float, begun: float) -> float:
        """Return the seconds to sleep before a row that is due at `offset` ns."""
        left = begun + offset / 1e9 - self._clock.monotonic()
        if left <= 0:
            return 0.0
        return left if math.isinf(self._speed) else max(left, _BEAT_S)


def with_index(data: Data, time: str | None) -> tuple[Data, str | None]:
    """Return `data` and the time column's name; an index that holds times becomes a column."""
    kind = getattr(getattr(getattr(data, "index", None), "dtype", None), "kind", "")
    if kind != "M" or (time is not None and time in data.columns):
        return data, time
    time = time or data.index.name or "time"
    return data.rename_axis(index=time).reset_index(), time


def _retimed(batch: Batch, times: Column) -> Batch:
    place = batch.schema.index(batch.schema.time)
    columns = list(batch.columns)
    columns[place] = times
    return Batch(batch.schema, tuple(columns))
