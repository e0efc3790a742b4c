"""The thread of a store: it turns full logs into partitions, syncs, mends, and lets go."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.storage.embedded.contents import Contents
from livewidget.storage.embedded.folder import ABOUT, LOGS, sync_folder
from livewidget.storage.embedded.log import Log
from livewidget.storage.embedded.partition import Partition, close

log = logging.getLogger("livewidget")
_AGAIN_S = 2.0  # until a closing that failed is tried again: a disk that was full may have room
_CLOSE_S = 20.0
_BESIDE = 2  # logs closed at once when more wait: while the disk syncs one, another is packed


class Keeper:
    """Calls `work` on a thread of its own: when woken, and after the seconds that it returned.

    `work` raises nothing. `stop` lets the call under way end.
    """

    def __init__(self, name: str, work: Callable[[], float | None]) -> None:
        self._work = work
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._woken = False
        self._stopping = False
        self._idle = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Have it look now."""
        with self._lock:
            self._woken = True
            self._idle = False
            self._changed.notify_all()

    def settle(self, timeout: float) -> bool:
        """Wait until it has nothing to do; False after `timeout` seconds."""
        self.wake()
        with self._lock:
            return self._changed.wait_for(lambda: self._idle or self._stopping, timeout)

    def stop(self) -> None:
        """End the thread, after what it is at."""
        with self._lock:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        delay: float | None = None
        while True:
            with self._lock:
                self._changed.wait_for(lambda: self._woken or self._stopping, delay)
                if self._stopping:
                    return
                self._woken = False
            delay = self._work()
            with self._lock:
                self._idle = not self._woken and delay != 0
                self._changed.notify_all()


class Closings:
    """Turns logs into partitions, and lets go of partitions. `failed` says why it cannot now."""

    def __init__(
        self, contents: Contents, by: str | None, retention: int | None, max_bytes: int | None
    ) -> None:
        self.failed = ""
        self._contents = contents
        self._by = by
        self._retention = retention  # ns
        self._max_bytes = max_bytes
        self._again = 0.0
        self._pruning = threading.Lock()  # one at a time, whoever asks

    def step(self, open_log: Callable[[], int | None]) -> float | None:
        """Close the oldest logs but the open one; return the seconds until there is more to do.

        `open_log` returns its first number; it changes only while the lock of `Contents` is held.
        """
        now = time.monotonic()
        if self.failed and now < self._again:
            return self._again - now
        with self._contents.lock:
            still = open_log()
            waiting = sorted(first for first in self._contents.logs if first != still)
        try:
            if waiting:
                self._close_all([self._contents.logs[first] for first in waiting[:_BESIDE]])
                self._let_go()
            else:
                self._mend()
        except Exception as error:  # noqa: BLE001  (the log is kept, and the thread goes on)
            if not self.failed:
                log.warning(
                    "%s: a partition cannot be closed: %s", self._contents.folder.path, error
                )
            self.failed = str(error) or type(error).__name__
            self._again = time.monotonic() + _AGAIN_S
            return _AGAIN_S
        self.failed = ""
        return 0 if waiting else None

    def prune(self, before: int) -> int:
        """Let go of partitions that end before a time (ns UTC); return their rows."""
        with self._pruning:
            parts = list(self._contents.parts.values())
            return self._remove([part for part in parts if part.title.high < before])

    def whole_from(self, since: int) -> None:
        """Note, durably, that rows before a time (ns UTC) may be missing."""
        contents = self._contents
        with contents.lock:
            about = contents.about
            holes = tuple(hole for hole in about.holes if hole[1] > since)
            about = replace(about, since=max(about.since, since), holes=holes)
            contents.folder.replace(contents.folder.file(ABOUT), about.pack())
            contents.about = about

    def _close_all(self, sources: Sequence[Log]) -> None:
        if len(sources) == 1:
            self._close(sources[0])
            return
        with ThreadPoolExecutor(_BESIDE, "livewidget-close") as pool:
            list(pool.map(self._close, sources))

    def _close(self, source: Log) -> None:
        contents = self._contents
        parts = [self._partition(*run) for run in source.runs()]
        contents.closed(source, parts)
        if source.damages:  # what was damaged is kept for who can read more of it
            source.path.replace(source.path.with_suffix(".damaged"))
        else:
            source.path.unlink(missing_ok=True)
        sync_folder(contents.folder.file(LOGS))

    def _partition(self, first: int, batch: Batch) -> Partition:
        contents = self._contents
        with contents.lock:
            known = contents.parts.get(first)
        if known is not None:  # of a closing that was cut off
            return known
        assert contents.about.schema is not None
        title, nbytes = close(batch, first, self._by, contents.folder, contents.secret)
        return Partition(title, nbytes, contents.folder, contents.about.schema, contents.secret)

    def _mend(self) -> None:
        for part in list(self._contents.parts.values()):
            if part.bad_levels:
                with contextlib.suppress(StoreError):  # of rows that are damaged none can be made
                    part.mend(self._by)

    def _let_go(self) -> None:
        """Let go of what the retention and the bound of bytes say."""
        contents = self._contents
        edges = contents.edges()
        if self._retention is not None and edges:
            # By the data's own time, but a time in the future does not let go of the present:
            # nor does one from before a clock was set back, so it is that of what came last.
            newest = min(max(edges)[-1], time.time_ns())
            self.prune(newest - self._retention)
        if self._max_bytes is not None:
            with self._pruning:
                parts = sorted(contents.parts.values(), key=lambda part: part.title.high)
                left = sum(part.nbytes for part in parts)
                left += sum(each.nbytes for each in list(contents.logs.values()))
                gone = []
                while parts and left > self._max_bytes:
                    gone.append(parts.pop(0))
                    left -= gone[-1].nbytes
                self._remove(gone)

    def _remove(self, parts: Sequence[Partition]) -> int:
        if not parts:
            return 0
        self.whole_from(max(part.title.high for part in parts) + 1)
        self._contents.remove(parts)
        for part in parts:
            part.remove()
        return sum(part.title.rows for part in parts)
