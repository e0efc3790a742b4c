"""One logical stream of several on a connection: its queue, and the source that reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Protocol

from livewidget.codecs.base import Decoder
from livewidget.data.errors import SourceError
from livewidget.sources.base import Outlet, Source
from livewidget.sources.messages import deliver

_OVERHEAD = 64  # bytes that a held message costs beside its text


class ChannelQueue:
    """What came for one channel and is not decoded yet; on one loop.

    It is `full` with `most_bytes`: whoever fills it waits, or has it `refuse` what comes, which is
    counted in `dropped`, with a gap before the next message.
    """

    def __init__(self, most_bytes: int) -> None:
        self.dropped = 0
        self.emptied: Callable[[ChannelQueue], None] = lambda _: None
        self._most = most_bytes
        self._items: list[bytes | str] = []  # messages, and the reasons of gaps between them
        self._size = 0
        self._gap = ""  # before the next message
        self._heard = False
        self._ended = False
        self._error: str | None = None
        self._wake = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Take one message."""
        if self._gap:
            self._items.append(self._gap)
            self._gap = ""
        self._items.append(message)
        self._size += len(message) + _OVERHEAD
        self._heard = True
        self._wake.set()

    def refuse(self) -> None:
        """Drop one message."""
        self.dropped += 1
        self._gap = self._gap or "the channel did not keep up"

    def gap(self, reason: str) -> None:
        """Note that something may be missing before the next message, if any came before."""
        if self._heard:
            self._gap = reason

    def end(self, error: str | None) -> None:
        """Say that nothing more will come, and why where that is a failure."""
        self._ended, self._error = True, error
        self._wake.set()

    @property
    def full(self) -> bool:
        """Whether it holds as much as it may."""
        return self._size >= self._most

    async def wait(self) -> bool:
        """Return once there is something, or False at the end. Raises SourceError for a failure."""
        await self._wake.wait()
        if self._items or not self._ended:
            return True
        if self._error is not None:
            raise SourceError(self._error)
        return False

    def take(self) -> list[bytes | str]:
        """Return all there is, in order."""
        items, self._items, self._size = self._items, [], 0
        if not self._ended:
            self._wake.clear()
        self.emptied(self)
        return items


class Hub(Protocol):
    """What a channel asks of the one that holds the connections."""

    def queue(self) -> ChannelQueue:
        """Return a queue with the bound of the hub."""
        ...

    async def join(self, channel: Channel, queue: ChannelQueue, outlet: Outlet) -> None:
        """Have messages put into `queue`, and states said to `outlet`, from now on."""
        ...

    async def leave(self, queue: ChannelQueue) -> None:
        """Put nothing there any more."""
        ...


class Channel(Source):
    """The messages of one key of a hub. `dropped` counts those that were dropped at its queue."""

    def __init__(
        self,
        hub: Hub,
        key: str,
        name: str,
        decoder: Decoder,
        subscribe: Sequence[str | bytes],
        unsubscribe: Sequence[str | bytes],
    ) -> None:
        self.key = key
        self.name = name
        self.subscribe = subscribe
        self.unsubscribe = unsubscribe
        self._hub = hub
        self._decoder = decoder
        self._queue: ChannelQueue | None = None
        self._dropped_before = 0

    @property
    def dropped(self) -> int:
        """The messages that came while the queue was full, since the channel was made."""
        return self._dropped_before + (0 if self._queue is None else self._queue.dropped)

    async def run(self, outlet: Outlet) -> None:
        """Deliver what comes for the key until the connection ends for good."""
        self._queue = queue = self._hub.queue()
        try:
            await self._hub.join(self, queue, outlet)
            while await queue.wait():
                self._deliver(queue, outlet)
                await outlet.ready()
        finally:
            await self._hub.leave(queue)
            self._deliver(queue, outlet)
            self._dropped_before, self._queue = self.dropped, None

    def _deliver(self, queue: ChannelQueue, outlet: Outlet) -> None:
        for kind, items in groupby(queue.take(), type):
            if kind is str:
                for reason in items:
                    outlet.gap(None, None, str(reason))
            else:
                deliver(self._decoder, outlet, list(items))  # type: ignore[arg-type]
