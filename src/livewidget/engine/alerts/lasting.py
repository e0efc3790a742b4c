"""What an alert manager knows, kept in a stream's store and gone on from after a restart."""

from __future__ import annotations

import asyncio
import logging
import threading

from livewidget.codecs.state import pack, unpack
from livewidget.data.errors import StateError, StoreError
from livewidget.engine.alerts.manager import AlertManager
from livewidget.engine.archive import Archive
from livewidget.engine.thread import Engine

log = logging.getLogger("livewidget")
NAME = "alerts"
EVERY_S = 2.0  # what was told since may be told again after a crash


class LastingAlerts:
    """Keeps silences, acknowledgements and what was told, at an interval and at the end.

    After a restart nothing is told twice but what was told in the last `EVERY_S` seconds before a
    crash. A state that cannot be read is left, with a warning. `close` closes the manager, too.
    """

    def __init__(self, manager: AlertManager, archive: Archive, engine: Engine) -> None:
        self.manager = manager
        self._archive = archive
        self._engine = engine
        self._keeping = threading.Lock()  # from what is known to what is kept: the last is newest
        self._kept = b""
        self._task: asyncio.Task[None] | None = None
        try:
            data = archive.load_state(NAME)
            if data is not None:
                manager.load(unpack(data))
        except (StateError, KeyError, TypeError, ValueError) as error:
            log.warning("the alerts begin anew, their state is of no use: %s", error)
        engine.post(self._begin)

    def close(self) -> None:
        """Close the manager, and keep what it knows for the last time."""
        if self._engine.alive:
            self._engine.post(self._end)
        self.manager.close()
        self._keep()

    def _begin(self) -> None:
        self._task = self._engine.loop.create_task(self._follow())

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await asyncio.to_thread(self._keep)

    def _keep(self) -> None:
        with self._keeping:
            data = pack(self.manager.save())
            if data == self._kept:
                return
            try:
                self._archive.save_state(NAME, data)
                self._kept = data
            except (StoreError, OSError) as error:
                log.info("the state of the alerts was not kept: %s", error)
