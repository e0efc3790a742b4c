"""The engine as a source sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from livewidget.data.batch import Data
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, quote
from livewidget.data.events import State
from livewidget.resilience.rate import TokenBucket

DELIVERIES = ("at_least_once", "at_most_once")

if TYPE_CHECKING:
    from livewidget.engine.streamer import DataStreamer


class StreamOutlet:
    """Carries what a source says to its streamer, and the pressure back.

    `rate_limit` bounds the events a second taken in the long run: the source waits. With the
    `delivery` "at_least_once" a source hears that all is stored once it is; else at once.
    """

    def __init__(
        self,
        streamer: DataStreamer,
        clock: Clock,
        rate_limit: float | None,
        delivery: str,
    ) -> None:
        if delivery not in DELIVERIES:
            raise SettingError(f"delivery is one of {DELIVERIES}, got {quote(delivery)}")
        self.reject = streamer.reject
        self.gap = streamer.gap
        self._streamer = streamer
        self._clock = clock
        self._sleep: Callable[[float], Awaitable[None]] = getattr(clock, "sleep", asyncio.sleep)
        self._bucket = None if rate_limit is None else TokenBucket(rate_limit)
        self._acknowledge = delivery == DELIVERIES[0]

    def emit(self, data: Data) -> int:
        """Take rows as a source gives them."""
        rows = self._streamer.emit(data)
        if self._bucket is not None:
            self._bucket.take(rows, self._clock.monotonic())
        return rows

    def state(self, state: State, detail: str = "", attempt: int = 0) -> None:
        """Note what the source is doing."""
        self._streamer.say(state, detail, attempt)

    @property
    def full(self) -> bool:
        """Whether the source is to wait."""
        return self._streamer.full or self._debt() > 0

    async def ready(self) -> None:
        """Return once there is room, and the rate limit lets more come."""
        while self.full:
            await self._streamer.ready()
            await self._sleep(self._debt())

    async def stored(self) -> None:
        """Return once all that was emitted has come through and lies in the buffer."""
        if self._acknowledge:
            await self._streamer.settled()

    def _debt(self) -> float:
        return 0.0 if self._bucket is None else self._bucket.wait(self._clock.monotonic())
