"""What a buffer takes, on its way into a store: by a thread that nobody waits for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import StoreError
from livewidget.engine.gate import Gate
from livewidget.engine.meter import Meter
from livewidget.resilience.backoff import Backoff
from livewidget.resilience.spool import Entry, Spool
from livewidget.storage.base import Store

log = logging.getLogger("livewidget")
MOST_ROWS = 2_000_000  # that wait: some seconds of the fastest source
MOST_BYTES = 128 * 2**20
_GROUP_ROWS = 100_000  # written at once: a strict store pays one fdatasync for all of them
CLOSE_S = 20.0
_HANG_S = 5.0  # without a row written: a disk that spins up takes less


class WriteAhead:
    """Writes rows to a store in the order of their numbers, in a thread of its own.

    `put` never blocks, so a slow or failing disk stops neither the chart nor the source. What waits
    is bounded by `most_rows` and `most_bytes`; then the oldest are given up, and counted in `lost`:
    the memory has them, the store never will. A source that can wait does so while it is `full`.
    A store that fails is tried again after growing pauses. With `every_s` rows are written at that
    interval, as a backup, instead of at once.

    `changed` is told of each write; `on_write` is called with its rows after it, on the thread.
    Any thread.
    """

    def __init__(
        self,
        store: Store,
        *,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
        every_s: float | None = None,
        on_write: Callable[[Batch], None] | None = None,
    ) -> None:
        self.store = store
        self.changed = Gate()
        self.on_room: Callable[[], object] = lambda: None  # called after each write
        self.failures = 0
        self.meter = Meter()
        self.error = ""  # why it cannot write now
        self.written = store.rows  # rows before this one are in the store, or were given up
        self._spool = Spool(most_rows, most_bytes)
        self._every_s = every_s
        self._on_write = on_write
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._last = store.rows  # the number after the last row that was put
        self._urgent = False  # a flush waits, whatever the interval
        self._closing = False
        self._backoff = Backoff(0.05, 2.0)
        self._thread = threading.Thread(target=self._run, name=f"livewidget-{store.name}")
        self._thread.daemon = True  # its owner closes it; an interpreter that ends must not wait
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Rows that are not in the store yet."""
        return self._spool.rows

    @property
    def lost(self) -> int:
        """Rows that were given up."""
        return self._spool.dropped

    @property
    def most_rows(self) -> int:
        """How many rows may wait before a source that can wait does."""
        return self._spool.max_rows // 2

    @property
    def full(self) -> bool:
        """Whether half of what may wait does: from the other half on rows are given up."""
        spool = self._spool
        return 2 * spool.rows >= spool.max_rows or 2 * spool.nbytes >= spool.max_bytes

    def put(self, batch: Batch, first: int) -> None:
        """Take rows `first` and on."""
        with self._lock:
            self._spool.push(batch, first)
            self._last = max(self._last, first + len(batch))
            oldest = self._spool.peek()
            if oldest is not None:
                self.written = max(self.written, oldest.first)
            self._urgent |= self.full
            self._changed.notify_all()

    def holes(self) -> Sequence[tuple[int, int]]:
        """Return the times [start, stop) in ns UTC whose rows wait or were given up, rising."""
        with self._lock:
            return self._spool.holes()

    async def settled(self) -> None:
        """Return once all that was put so far is in the store, or was given up. Any loop."""
        last = self._hurry()
        await self.changed.wait_until(lambda: self.written >= last or self._closing)

    def flush(self, timeout: float = CLOSE_S) -> bool:
        """Wait until all that was put so far is in the store; False after `timeout` seconds."""
        last = self._hurry()
        with self._lock:
            return self._changed.wait_for(lambda: self.written >= last, timeout)

    def finish(self, timeout: float = CLOSE_S) -> bool:
        """As `flush`, but give up where the store fails twice more, or hangs: for `_HANG_S`."""
        last, most = self._hurry(), self.failures + 2
        until = time.monotonic() + timeout
        with self._lock:
            seen = -1
            while seen < self.written < last and self.failures < most:
                seen = self.written
                self._changed.wait_for(
                    lambda: self.written >= last or self.failures >= most,
                    min(_HANG_S, until - time.monotonic()),
                )
            return self.written >= last

    def close(self, timeout: float = CLOSE_S) -> None:
        """End the thread, which may still write for `timeout` seconds, and closes the store."""
        with self._lock:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        self.changed.notify()
        if self.waiting:
            log.warning("%s was closed before %d rows were written", self.store, self.waiting)
        if self._thread.is_alive():
            log.warning("%s hangs: it is closed once it answers", self.store)

    def _hurry(self) -> int:
        """Have what waits written now; return the number after it."""
        with self._lock:
            self._urgent = True
            self._changed.notify_all()
            return self._last

    def _run(self) -> None:
        try:
            self._write_all()
        finally:
            try:
                self.store.close()
            except Exception as error:  # noqa: BLE001  (somebody's own store may raise anything)
                log.warning("%s was not closed well: %s", self.store, error)

    def _write_all(self) -> None:
        while True:
            group = self._next()
            if not group:
                return
            if self._write(group):
                continue
            delay = self._backoff.next(time.monotonic()) or 0.0
            with self._lock:
                self._changed.wait_for(lambda: self._closing, delay)
                if self._closing:
                    return

    def _next(self) -> list[Entry]:
        """Wait for rows that are due; they stay until they are written. None at the end."""
        with self._lock:
            self._changed.wait_for(lambda: len(self._spool) or self._closing)
            if self._every_s is not None:
                self._changed.wait_for(lambda: self._urgent or self._closing, self._every_s)
                self._urgent = False
            return self._spool.several(_GROUP_ROWS)

    def _write(self, group: list[Entry]) -> bool:
        first = group[0].first
        try:
            with self.meter as meter:
                batch = concat([entry.batch for entry in group])
                self.store.append(batch, first)
                meter.rows += len(batch)
        except StoreError as error:
            self._failed(str(error))
            return False
        except Exception as error:  # a store of somebody's own may raise anything
            log.exception("%s failed", self.store)
            self._failed(f"{type(error).__name__}: {error}")
            return False
        with self._lock:
            for entry in group:
                self._spool.done(entry)
            self.written = max(self.written, first + len(batch))
            self.error = ""
            self._changed.notify_all()
        self._backoff.reset()
        if self._on_write is not None:
            self._on_write(batch)
        self.changed.notify()
        self.on_room()
        return True

    def _failed(self, reason: str) -> None:
        if not self.error:
            log.warning("%s cannot be written to now: %s", self.store.name, reason)
        with self._lock:
            self._spool.put_back()
            self.failures += 1
            self.error = reason
            self._changed.notify_all()
        self.on_room()  # who waits need not any longer: see `BufferManager.fails`
