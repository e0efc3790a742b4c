"""A source of what is in a list."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from livewidget.data.batch import Data
from livewidget.data.events import State
from livewidget.sources.base import Outlet, Source


class ListSource(Source):
    """Emits each of `items` (anything an outlet takes), one a turn of the loop.

    Then it ends, or stays open where `hold` is set, or raises `error`. `emitted` counts what
    has gone out, `stopped` tells that `run` has left.
    """

    def __init__(
        self,
        items: Iterable[Data] = (),
        *,
        hold: bool = False,
        error: Exception | None = None,
        name: str = "a list",
    ) -> None:
        self.name = name
        self.emitted = 0
        self.stopped = False
        self._items = list(items)
        self._hold = hold
        self._error = error

    async def run(self, outlet: Outlet) -> None:
        """Emit all items in order."""
        outlet.state(State.LIVE)
        try:
            for item in self._items:
                outlet.emit(item)
                self.emitted += 1
                await outlet.ready()
                await asyncio.sleep(0)
            if self._error is not None:
                raise self._error
            if self._hold:
                await asyncio.Event().wait()
        finally:
            self.stopped = True
