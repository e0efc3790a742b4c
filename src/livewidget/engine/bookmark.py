"""How far a source has read, kept beside its rows in a store, and gone on from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from livewidget.engine.archive import Archive
from livewidget.engine.blocking import off_loop
from livewidget.sources.base import Outlet, Source

log = logging.getLogger("livewidget")
EVERY_S = 0.25  # what has come since may come again after a crash


class Bookmark:
    """Keeps what a source has `reached` in the store, and has it go on from there.

    A position is kept only once all that was read up to it is stored: what is kept never lies
    ahead of the rows, so that a crash between the two loses nothing. What lies between comes again.
    """

    def __init__(self, source: Source, archive: Archive) -> None:
        self.source = source
        self.archive = archive
        self._kept: str | None = None
        self.delivered: Callable[[], Awaitable[None]] | None = None  # waits for the outputs
        self.went_on = False  # whether the source begins behind what it has reached

    def open(self) -> None:
        """Have the source go on where it was. Blocks. Raises StoreError for what is damaged."""
        position = self.archive.position(self.source.name)
        if position is None:
            return
        try:
            self.source.go_on(position)
            self.went_on = True
        except (ValueError, TypeError, AttributeError):
            log.warning("%s cannot go on from %r: it begins anew", self.source.name, position)

    async def follow(self, outlet: Outlet) -> None:
        """Keep the position again and again, until it is cancelled. On the loop."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self._look(outlet)

    async def _look(self, outlet: Outlet) -> None:
        """Keep the position where it is another."""
        position = self.source.reached
        if position is not None and position != self._kept:
            await outlet.stored()
            await off_loop(self.archive.keep, self.source.name, position)
            self._kept = position

    @property
    def keeps(self) -> bool:
        """Whether operators have a state to be gone on from, so that they keep what they hold."""
        return False

    async def end(self) -> None:
        """Note the position for when the store is closed: all that was read is in the buffer."""
        if self.source.reached is not None:
            self.archive.note(self.source.name, self.source.reached)
