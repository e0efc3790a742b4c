"""How far a source has read, kept beside its rows in a store, and gone on from."""

from __future__ import annotations

import asyncio
import logging

from livewidget.engine.archive import Archive
from livewidget.sources.base import Outlet, Source

log = logging.getLogger("livewidget")
EVERY_S = 0.25  # what has come since may come again after a crash


class Bookmark:
    """Keeps what a source has `reached` in the store, and has it go on from there.

    A position is kept only once all that was read up to it is stored: what is kept never lies
    ahead of the rows, so that a crash between the two loses nothing. What lies between comes again.
    """

    def __init__(self, source: Source, archive: Archive) -> None:
        self._source = source
        self._archive = archive
        self._kept: str | None = None
        self.went_on = False  # whether the source begins behind what it has reached

    def open(self) -> None:
        """Have the source go on where it was. Blocks. Raises StoreError for what is damaged."""
        position = self._archive.position(self._source.name)
        if position is None:
            return
        try:
            self._source.go_on(position)
            self.went_on = True
        except (ValueError, TypeError, AttributeError):
            log.warning("%s cannot go on from %r: it begins anew", self._source.name, position)

    async def follow(self, outlet: Outlet) -> None:
        """Keep the position again and again, until it is cancelled. On the loop."""
        while True:
            await asyncio.sleep(EVERY_S)
            position = self._source.reached
            if position is not None and position != self._kept:
                await outlet.stored()
                await asyncio.to_thread(self._archive.keep, self._source.name, position)
                self._kept = position

    def note(self) -> None:
        """Note the position for when the store is closed: all that was read is in the buffer."""
        if self._source.reached is not None:
            self._archive.note(self._source.name, self._source.reached)
