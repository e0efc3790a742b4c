"""A recording, played again: a DataFrame or anything tabular, at a speed."""

from __future__ import annotations

import numpy as np

from livewidget.data.batch import Batch, Data
from livewidget.data.events import State
from livewidget.sources.base import LoopClock, Outlet, Source
from livewidget.sources.pacing import Pacing


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
        self._pacing = Pacing(speed, rebase=rebase, clock=clock)
        table, name = with_index(data, time)
        batch = Batch.of(table, time=name)
        self.name = f"replay of {len(batch):,} rows"
        self._batch = in_order(batch)

    async def run(self, outlet: Outlet) -> None:
        """Emit all rows, each when it is due, then return."""
        outlet.state(State.LIVE)
        self._pacing.begin()
        await self._pacing.play(self._batch, outlet)


def in_order(batch: Batch) -> Batch:
    """Return the rows in the order of their times; equal times keep theirs."""
    return batch.take(np.argsort(batch.times, kind="stable"))


def with_index(data: Data, time: str | None) -> tuple[Data, str | None]:
    """Return `data` and the time column's name; an index that holds times becomes a column."""
    kind = getattr(getattr(getattr(data, "index", None), "dtype", None), "kind", "")
    if kind != "M" or (time is not None and time in data.columns):
        return data, time
    time = time or data.index.name or "time"
    return data.rename_axis(index=time).reset_index(), time
