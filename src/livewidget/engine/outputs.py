"""What is stored, or routed, on its way out to a sink."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from livewidget.data.batch import Batch
from livewidget.data.errors import SinkError
from livewidget.engine.feed import Subscription
from livewidget.resilience.backoff import Backoff
from livewidget.sinks.base import Sink

log = logging.getLogger("livewidget")
ATTEMPTS = 5  # at a sink that fails, before it is given up


class Output:
    """Writes what a subscription gives to a sink until it ends. `run` is the engine's.

    A sink that fails is opened anew after growing pauses, and the batch written once more: what
    reached it before may be there twice. After `ATTEMPTS` in a row it is given up, `error` says
    why, and nothing more is taken. `written` counts the rows.
    """

    def __init__(self, sink: Sink, subscription: Subscription) -> None:
        self.sink = sink
        self.written = 0
        self.error = ""
        self._subscription = subscription
        self._backoff = Backoff(attempts=ATTEMPTS)

    @property
    def name(self) -> str:
        """What the sink is called for people; holds no secret."""
        return self.sink.name

    async def run(self) -> None:
        """Write until the subscription ends."""
        try:
            await self._open()
            async for batch, _ in self._subscription.read():
                await self._write(batch)
                self.written += len(batch)
                self._backoff.reset()
        except Exception as error:  # noqa: BLE001  (a sink of the user's may raise anything)
            self.error = str(error) or type(error).__name__
            log.warning("the output %s was given up: %s", self.name, self.error)
        finally:
            self._subscription.close()
            await self.sink.close()

    async def _open(self) -> None:
        while True:
            try:
                return await self.sink.open()
            except SinkError:
                await self._pause()

    async def _write(self, batch: Batch) -> None:
        while True:
            try:
                return await self.sink.write(batch)
            except SinkError:
                await self._pause()
                with contextlib.suppress(SinkError):
                    await self.sink.close()
                await self._open()

    async def _pause(self) -> None:
        """Wait before another attempt; raises what is being handled where that was the last."""
        delay = self._backoff.next(time.monotonic())
        if delay is None:
            raise  # noqa: PLE0704  (called from within an except clause alone)
        await asyncio.sleep(delay)
