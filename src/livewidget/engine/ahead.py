"""What a buffer takes, on its way into a store: by a thread that nobody waits for."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import StoreError
from livewidget.engine.gate import Gate
from livewidget.resilience.backoff import Backoff
from livewidget.storage.base import Store

log = logging.getLogger("livewidget")
MOST_ROWS = 2_000_000  # that wait: 80 MB at five columns, some seconds of the fastest source
_GROUP_ROWS = 100_000  # written at once: a strict store pays one fdatasync for all of them
_CLOSE_S = 20.0


class WriteAhead:
    """Writes rows to a store in the order of their numbers, in a thread of its own.

    `put` never blocks, so a slow or failing disk stops neither the chart nor the source. What waits
    is bounded by `most_rows`; then the oldest are given up, and counted in `lost`: the memory has
    them, the store never will. A store that fails is tried again after growing pauses. With
    `every_s` rows are written at that interval, as a backup, instead of at once.

    `changed` is told of each write; `on_write` is called after it, on the thread. Any thread.
    """

    def __init__(
        self,
        store: Store,
        *,
        most_rows: int = MOST_ROWS,
        every_s: float | None = None,
        on_write: Callable[[], None] | None = None,
    ) -> None:
        self.store = store
        self.changed = Gate()
        self.lost = 0  # rows given up
        self.failures = 0
        self.error = ""  # why it cannot write now
        self.written = store.rows  # rows before this one are in the store, or were given up
        self._most_rows = most_rows
        self._every_s = every_s
        self._on_write = on_write
        self._queue: deque[tuple[Batch, int]] = deque()
        self._lock = threading.Condition()
        self._waiting = 0
        self._urgent = False  # a flush waits, whatever the interval
        self._closing = False
        self._backoff = Backoff(0.05, 2.0)
        self._thread = threading.Thread(target=self._run, name=f"livewidget-{store.name}")
        self._thread.daemon = True  # its owner closes it; an interpreter that ends must not wait
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Rows that are not in the store yet."""
        return self._waiting

    def put(self, batch: Batch, first: int) -> None:
        """Take rows `first` and on."""
        with self._lock:
            self._queue.append((batch, first))
            self._waiting += len(batch)
            while self._waiting > self._most_rows and len(self._queue) > 1:
                self._give_up()
            self._lock.notify_all()

    async def settled(self) -> None:
        """Return once all that was put so far is in the store, or was given up. Any loop."""
        last = self._last()
        self._hurry()
        await self.changed.wait_until(lambda: self.written >= last or self._closing)

    def flush(self, timeout: float = _CLOSE_S) -> bool:
        """Wait until all that was put so far is in the store; False after `timeout` seconds."""
        last = self._last()
        self._hurry()
        with self._lock:
            return self._lock.wait_for(lambda: self.written >= last, timeout)

    def pending(self) -> list[tuple[Batch, int]]:
        """Return what waits, with the number of each batch's first row."""
        with self._lock:
            return list(self._queue)

    def close(self, timeout: float = _CLOSE_S) -> None:
        """Write what waits, for `timeout` seconds at most, end the thread and close the store."""
        self.flush(timeout)
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        self._thread.join(timeout)
        self.changed.notify()
        if self._waiting:
            log.warning("%s was closed before %d rows were written", self.store, self._waiting)
        self.store.close()

    def _last(self) -> int:
        with self._lock:
            if not self._queue:
                return self.written
            batch, first = self._queue[-1]
            return first + len(batch)

    def _hurry(self) -> None:
        with self._lock:
            self._urgent = True
            self._lock.notify_all()

    def _give_up(self) -> None:
        batch, first = self._queue.popleft()
        self._waiting -= len(batch)
        self.lost += len(batch)
        self.written = max(self.written, first + len(batch))

    def _run(self) -> None:
        while True:
            group = self._next()
            if group is None:
                return
            if self._write(*group):
                continue
            delay = self._backoff.next(time.monotonic()) or 0.0
            with self._lock:
                self._lock.wait_for(lambda: self._closing, delay)
                if self._closing:
                    return

    def _next(self) -> tuple[Batch, int, int] | None:
        """Wait for rows that are due; return them, their first number, how many batches they are.

        They stay in the queue until they are written.
        """
        with self._lock:
            self._lock.wait_for(lambda: self._queue or self._closing)
            if self._every_s is not None:
                self._lock.wait_for(lambda: self._urgent or self._closing, self._every_s)
                self._urgent = False
            if not self._queue:
                return None
            parts: list[Batch] = []
            rows, first = 0, self._queue[0][1]
            for batch, at in self._queue:
                if parts and (rows + len(batch) > _GROUP_ROWS or at != first + rows):
                    break
                parts.append(batch)
                rows += len(batch)
        return concat(parts), first, len(parts)

    def _write(self, batch: Batch, first: int, parts: int) -> bool:
        try:
            self.store.append(batch, first)
        except StoreError as error:
            self._failed(str(error))
            return False
        except Exception as error:  # a store of somebody's own may raise anything
            log.exception("%s failed", self.store)
            self._failed(f"{type(error).__name__}: {error}")
            return False
        with self._lock:
            for _ in range(parts):
                # Some may have been given up meanwhile: then they were written after all.
                if self._queue and self._queue[0][1] < first + len(batch):
                    self._waiting -= len(self._queue.popleft()[0])
            self.written = max(self.written, first + len(batch))
            self.error = ""
            self._lock.notify_all()
        self._backoff.reset()
        if self._on_write is not None:
            with contextlib.suppress(OSError):
                self._on_write()
        self.changed.notify()
        return True

    def _failed(self, reason: str) -> None:
        if not self.error:
            log.warning("%s cannot be written to now: %s", self.store.name, reason)
        self.failures += 1
        self.error = reason
