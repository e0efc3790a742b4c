"""What any `History` holds of a range, played again."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.events import Gap, State
from livewidget.data.history import History
from livewidget.sources.base import LoopClock, Outlet, Source
from livewidget.sources.pacing import Pacing
from livewidget.sources.worker import Worker


@runtime_checkable
class InTurn(Protocol):
    """A history that knows in which order its rows came."""

    def as_it_came(self, start: int, stop: int) -> Iterator[Batch]:
        """Yield the rows with start <= time < stop (ns UTC) in the order in which they came."""
        ...


class ReplayHistory(Source):
    """Emits the rows with start <= time < stop (ns UTC) with the spacing of their times.

    They come in the order in which they came, where the history knows it: what was late is late
    again; else in the order of their times. They are read in a thread, a chunk at a time, as they
    are played. `speed` and `rebase` are as of `Replay`. Each of `gaps` is told before the row at
    its end, and reaches to it.
    """

    def __init__(
        self,
        history: History,
        start: int,
        stop: int,
        gaps: Sequence[Gap] = (),
        *,
        speed: float = 1.0,
        rebase: bool = False,
        name: str = "history",
        clock: LoopClock | None = None,
    ) -> None:
        self.name = f"replay of {name}"
        self._history = history
        self._range = start, stop
        self._gaps = sorted(
            (gap for gap in gaps if start < gap.stop < stop), key=lambda gap: gap.stop
        )
        self._pacing = Pacing(speed, rebase=rebase, clock=clock)

    async def run(self, outlet: Outlet) -> None:
        """Emit all rows, each when it is due, then return."""
        outlet.state(State.LIVE)
        self._pacing.begin()
        gaps = list(self._gaps)
        chunks = self._chunks()
        try:
            async with Worker("past") as worker:
                while (batch := await worker.call(lambda: next(chunks, None))) is not None:
                    await self._play(batch, gaps, outlet)
        finally:
            # A read that hangs is still within it, and lets go of it with its thread.
            with contextlib.suppress(ValueError):
                chunks.close()

    async def _play(self, batch: Batch, gaps: list[Gap], outlet: Outlet) -> None:
        done = 0
        while gaps and bool((behind := batch.times >= gaps[0].stop).any()):
            gap = gaps.pop(0)
            place = max(done, int(np.argmax(behind)))
            await self._pacing.play(batch.take(slice(done, place)), outlet)
            # To the next row, from the one before: so it stays true where the times are moved.
            outlet.gap(None, None, gap.reason)
            done = place
        await self._pacing.play(batch.take(slice(done, None)), outlet)

    def _chunks(self) -> Generator[Batch, None, None]:
        history = self._history
        in_turn = history.as_it_came if isinstance(history, InTurn) else history.read
        yield from in_turn(*self._range)
