"""Async iterators on the loop, and generators in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from typing import Any

from livewidget.data.errors import SchemaError
from livewidget.data.events import State
from livewidget.sources.base import LoopClock, Outlet, Source, SystemLoopClock
from livewidget.sources.collector import Collector
from livewidget.sources.items import DEFAULT_FIELDS, grouped, to_item
from livewidget.sources.worker import Worker


class _ItemSource(Source):
    """What both kinds share: items, stamped as they come, delivered together."""

    def __init__(
        self,
        items: Any,
        *,
        fields: Sequence[str] | None = None,
        clock: LoopClock | None = None,
    ) -> None:
        self.name = getattr(items, "__name__", None) or type(items).__name__
        self._items = items
        self._fields = tuple(fields or DEFAULT_FIELDS)
        self._clock = clock or SystemLoopClock()

    def _deliver(self, outlet: Outlet, stamped: Iterable[tuple[object, int]]) -> None:
        for data in grouped(self._converted(outlet, stamped)):
            try:
                outlet.emit(data)
            except SchemaError as error:
                outlet.reject(data, str(error))

    def _converted(self, outlet: Outlet, stamped: Iterable[tuple[object, int]]) -> Iterator[Any]:
        for thing, at in stamped:
            try:
                yield to_item(thing, self._fields, at)
            except SchemaError as error:
                outlet.reject(thing, str(error))


class AsyncIteratorSource(_ItemSource):
    """Iterates an async iterator on the engine's loop; it must await, never block.

    Items are as `items.to_item` takes them; a bad one is rejected. What the iterator raises
    ends the source as failed. An async generator is closed when the source stops.
    """

    async def run(self, outlet: Outlet) -> None:
        """Deliver until the iterator is exhausted."""
        source: AsyncIterable[object] = self._items
        collector = Collector(lambda items: self._deliver(outlet, items))
        outlet.state(State.LIVE)
        iterator = aiter(source)
        try:
            async for item in iterator:
                if collector.add((item, self._clock.now())):
                    await asyncio.sleep(0)
                if outlet.full:
                    await outlet.ready()
        finally:
            collector.close()
            if hasattr(iterator, "aclose"):
                await iterator.aclose()


class IteratorSource(_ItemSource):
    """Iterates a generator, or any iterable, in one thread of its own.

    At most `bound` items wait for the loop; then the thread waits (the generator is slowed
    down, nothing is dropped). Stopping takes effect between two items, where a generator is
    closed in its own thread.
    """

    def __init__(
        self,
        items: Iterable[object],
        *,
        fields: Sequence[str] | None = None,
        clock: LoopClock | None = None,
        bound: int = 10_000,
    ) -> None:
        super().__init__(items, fields=fields, clock=clock)
        self._bound = bound

    async def run(self, outlet: Outlet) -> None:
        """Deliver until the iterator is exhausted."""
        belt = _Belt(self._bound)
        outlet.state(State.LIVE)
        async with Worker(self.name) as worker:
            reading = asyncio.ensure_future(worker.call(lambda: self._read(belt)))
            reading.add_done_callback(lambda _: belt.filled.set())
            try:
                while not reading.done():
                    await belt.filled.wait()
                    await asyncio.sleep(_PAUSE_S)
                    self._deliver(outlet, belt.take())
                    await outlet.ready()
            finally:
                belt.stop()
                reading.cancel()
            self._deliver(outlet, belt.take())
            await reading

    def _read(self, belt: _Belt) -> None:
        iterator = iter(self._items)
        try:
            for item in iterator:
                if not belt.put((item, self._clock.now())):
                    return
        finally:
            if hasattr(iterator, "close"):
                iterator.close()


_PAUSE_S = 0.005


class _Belt:
    """A bounded queue from one thread to the loop: one wake-up a drain, not one an item.

    Policy when full: the thread waits.
    """

    def __init__(self, bound: int) -> None:
        self._items: deque[tuple[object, int]] = deque()
        self._bound = bound
        self._changed = threading.Condition()
        self._stopped = False
        self._loop = asyncio.get_running_loop()
        self.filled = asyncio.Event()

    def put(self, item: tuple[object, int]) -> bool:
        """Add an item, waiting while full; False once stopped. Called in the thread."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._items) < self._bound)
            if self._stopped:
                return False
            self._items.append(item)
            first = len(self._items) == 1
        if first:
            self._loop.call_soon_threadsafe(self.filled.set)
        return True

    def take(self) -> list[tuple[object, int]]:
        """Return all that waits. Called on the loop."""
        with self._changed:
            items = list(self._items)
            self._items.clear()
            self.filled.clear()
            self._changed.notify()
        return items

    def stop(self) -> None:
        """Let the thread go. Called on the loop."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
