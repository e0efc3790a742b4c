"""What has come into a buffer, handed on to whoever listens: programs and further streams."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator

from livewidget.buffers.queue import BatchQueue, Item, Queue
from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.events import Gap
from livewidget.engine.gate import Gate


class Subscription:
    """The batches of a feed, in order, through a bounded queue of its own.

    Iterated by one coroutine, on any loop; `close` it, or leave its `async with`. It ends with the
    feed. An item is a batch, and the gaps before it.
    """

    def __init__(self, feed: Feed, settings: Queue, clock: Clock, start: int = 0) -> None:
        self.start = start
        self._feed = feed
        self._read = 0
        self._queue = BatchQueue(settings)
        self._clock = clock
        self._gaps: list[object] = []
        self._changed = Gate()
        self._ended = False

    @property
    def full(self) -> bool:
        """Whether the reader cannot keep up, and the feed's source is to wait."""
        return self._queue.full

    @property
    def position(self) -> int:
        """The row that comes next, as the feed counts them; the first is its `start`."""
        return self.start + self._read + self._queue.dropped

    @property
    def waiting(self) -> int:
        """Rows that have come and were not read yet."""
        return self._queue.rows

    @property
    def dropped(self) -> int:
        """Rows that the queue's policy gave up."""
        return self._queue.dropped

    async def read(self) -> AsyncIterator[tuple[Batch, list[Gap]]]:
        """Yield batches with the gaps before each, until the feed ends."""
        try:
            while True:
                item = self._queue.take(self._clock.now())
                if item is None:
                    if self._ended and not self._queue.rows:
                        return
                    # Batching by time is a pipeline's business: here what is there goes on.
                    await self._changed.wait_until(lambda: self._queue.rows or self._ended)
                    continue
                self._feed.relieved()
                self._read += len(item.batch)
                yield item.batch, [each for each in item.marks if isinstance(each, Gap)]
        finally:
            self.close()

    def close(self) -> None:
        """Take nothing more. Again is no error."""
        self._feed.leave(self)

    def put(self, batch: Batch, arrival: int) -> None:
        """Take a batch; the feed calls it, from any thread."""
        gaps, self._gaps = self._gaps, []
        self._queue.put(Item(batch, arrival, gaps))
        self._changed.notify()

    def gap(self, gap: Gap) -> None:
        """Let a gap stand before the next batch."""
        self._gaps.append(gap)

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._changed.notify()


class Feed:
    """Hands each batch to all subscriptions. From any thread; batches come one at a time."""

    def __init__(self, clock: Clock, changed: Gate) -> None:
        self._clock = clock
        self._changed = changed  # who waits for room
        self._subscriptions: list[Subscription] = []
        self._lock = threading.Lock()
        self._ended = False

    @property
    def active(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscriptions)

    @property
    def full(self) -> bool:
        """Whether a subscription that blocks is full."""
        return any(each.full for each in self._subscriptions)

    def subscribe(
        self, settings: Queue | None = None, history: Batch | None = None, start: int = 0
    ) -> Subscription:
        """Return `history`, whose first row is the `start`th, and the batches from now on.

        With the default queue a slow reader holds the source.
        """
        subscription = Subscription(self, settings or Queue(), self._clock, start)
        if history is not None and len(history):
            subscription.put(history, self._clock.now())
        with self._lock:
            if self._ended:
                subscription.end()
            else:
                self._subscriptions = [*self._subscriptions, subscription]
        return subscription

    def publish(self, batch: Batch) -> None:
        """Hand a batch on."""
        if self._subscriptions:
            arrival = self._clock.now()
            for each in self._subscriptions:
                each.put(batch, arrival)

    def gap(self, gap: Gap) -> None:
        """Hand a gap on."""
        for each in self._subscriptions:
            each.gap(gap)

    def end(self) -> None:
        """Nothing more will come, to anybody."""
        with self._lock:
            self._ended = True
            subscriptions = self._subscriptions
        for each in subscriptions:
            each.end()

    def leave(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        with self._lock:
            self._subscriptions = [it for it in self._subscriptions if it is not subscription]
        self.relieved()

    def relieved(self) -> None:
        """Note that a queue may have room again."""
        self._changed.notify()
