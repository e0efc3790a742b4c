"""The writer of a store: the open log, when it is full, and what it was told of the disk."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from livewidget.data.batch import Batch
from livewidget.storage.embedded import log as logs_of
from livewidget.storage.embedded.contents import Contents
from livewidget.storage.embedded.folder import LOGS, sync_folder
from livewidget.storage.embedded.log import Log, LogWriter
from livewidget.storage.embedded.settings import Settings

_RECORD_ROWS = 1 << 16  # rows of a record at most, so that a group of them stays small
_MOST_BYTES = 1 << 27  # of a log: closing holds about twice that in memory
_KEPT = 2  # full logs whose rows stay in memory until they are closed; further ones are read
_FEW_ROWS = 1_000  # that no partition is closed for by its time: files cost more than they save


class Writing:
    """Appends to the open log and begins new ones.

    Its owner has a lock; `sync_due` is for the keeper's thread. Methods raise OSError.
    """

    def __init__(self, contents: Contents, settings: Settings) -> None:
        self._contents = contents
        self._settings = settings
        self._log: LogWriter | None = None
        self._syncing = threading.Lock()
        self._retired: list[LogWriter] = []  # full ones that the disk may not have yet
        self._dirty_at: float | None = None  # since when there is something the disk may not have
        self._newest: int | None = None  # greatest time that was ever appended
        self._begun: int | None = None  # that time when the open log was begun
        self._is_full = False  # the open log: the next is to be begun
        self.rows = contents.rows
        self.last: tuple[int, int] | None = None  # first and last time of the last record

    @property
    def first(self) -> int | None:
        """The first number of the open log; None before there is one."""
        return None if self._log is None else self._log.first

    def repair(self) -> tuple[str, ...]:
        """Go on in the newest log after its last whole record; return what was damaged."""
        logs = [self._contents.logs[first] for first in sorted(self._contents.logs)]
        repairs = []
        for each in logs:
            if torn := each.torn():
                each.notes.append(
                    f"{each.path.name}: {torn} bytes after its last whole record (row "
                    f"{each.next:,}) are torn, and cut away"
                )
            repairs += each.repairs
        highs = [edge[3] for edge in self._contents.edges()]
        self._newest = self._begun = max(highs, default=None)
        self.last = None if self._newest is None else (self._newest, self._newest)
        if logs:
            newest = logs[-1]
            self._log = LogWriter.after(newest)
            self.last = newest.last or self.last
            if newest.groups:
                self._begun = newest.groups[0].high
            if newest.next < self.rows:  # it was cut off before what is in a partition
                self.roll()
        self._is_full = self._full()
        if self._is_full:
            self.roll()
        return tuple(repairs)

    def append(self, batch: Batch, first: int) -> bool:
        """Write rows; return whether a log became full.

        Of rows that cannot be written none are there, but for those of logs that they filled.
        """
        full, done, rows = False, 0, len(batch)
        while done < rows:
            if self._is_full:
                self.roll()
            rest = batch.take(slice(done, None)) if done else batch
            done += self._fill(rest, rows - done, first + done)
            full = full or self._is_full
        if self._is_full:
            with contextlib.suppress(OSError):  # else when more comes
                self.roll()
        return full

    def _fill(self, batch: Batch, rows: int, first: int) -> int:
        """Write a batch of so many rows until the log is full; return how many are written."""
        log = self._opened(first)
        mark, done = log.mark(), 0
        try:
            while done < rows and not self._is_full:
                room = min(_RECORD_ROWS, self._settings.partition_rows - log.rows)
                whole = not done and rows <= room
                piece = batch if whole else batch.take(slice(done, done + max(1, room)))
                head = log.append(piece, first + done)
                done += head.rows
                self._note(head.low, head.high)
            if self._settings.sync == "strict":
                self.sync()
        except OSError:
            log.back(mark)
            self._is_full = self._full()
            raise
        self.rows = first + done
        if self._dirty_at is None:
            self._dirty_at = time.monotonic()
        elif self._overdue(1.0):  # the keeper is at a closing
            with contextlib.suppress(OSError):  # the rows are in; the keeper tries again, and says
                self.sync()
        return done

    def roll(self) -> None:
        """Begin a new log; the old one is to be closed."""
        old = self._log
        if old is not None and old.rows:
            with self._contents.lock, self._syncing:
                self._log = self._new(self.rows)
                self._retired.append(old)
                if len(self._retired) <= _KEPT:
                    self._contents.logs[old.first].kept = old.kept()
            self._begun, self._is_full = None, False

    def prune(self, before: int, whole_from: Callable[[int], None]) -> int:
        """Let go of the open log where all of it is before a time (ns UTC); return its rows."""
        contents, old = self._contents, self._log
        contents.refresh()
        here = None if old is None else contents.logs.get(old.first)
        if old is None or here is None or not here.groups:
            return 0
        high = max(group.high for group in here.groups)
        if high >= before:
            return 0
        whole_from(high + 1)
        with contents.lock, self._syncing:
            self._log = self._new(self.rows)
            contents.logs.pop(here.first)
        self._begun, self._is_full = None, False
        old.close()
        here.path.unlink(missing_ok=True)
        sync_folder(here.path.parent)
        return here.rows

    def sync(self) -> None:
        """Make all that was written durable."""
        with self._syncing:
            self._dirty_at = None
            try:
                for old in list(self._retired):
                    old.sync()
                    old.close()
                    self._retired.remove(old)
                if self._log is not None:
                    self._log.sync()
            except OSError:
                self._dirty_at = time.monotonic()
                raise

    def sync_due(self) -> float | None:
        """Sync where the policy says so now; return the seconds until it does, None for never."""
        self._let_go_of_closed()
        if self._settings.sync != "interval":
            return None
        if self._overdue(0.5):
            self.sync()
        return self._settings.sync_s / 4

    def _overdue(self, part: float) -> bool:
        """Say whether what was written has waited for a part of the interval."""
        since = self._dirty_at
        if since is None or self._settings.sync != "interval":
            return False
        return time.monotonic() - since >= part * self._settings.sync_s

    def close(self) -> None:
        """Close the files."""
        for each in (*self._retired, self._log):
            if each is not None:
                each.close()

    def _let_go_of_closed(self) -> None:
        """Close the files of logs that are partitions now, which the disk has."""
        with self._syncing:
            for old in [each for each in self._retired if not each.path.exists()]:
                old.close()
                self._retired.remove(old)

    def _note(self, low: int, high: int) -> None:
        self.last = low, high
        self._newest = high if self._newest is None else max(self._newest, high)
        if self._begun is None:
            self._begun = self._newest
        self._is_full = self._full()

    def _full(self) -> bool:
        log, settings = self._log, self._settings
        if log is None or not log.rows:
            return False
        if log.rows >= settings.partition_rows or log.end >= _MOST_BYTES:
            return True
        if self._newest is None or self._begun is None or log.rows < _FEW_ROWS:
            return False
        return self._newest - self._begun >= settings.partition_ns

    def _opened(self, first: int) -> LogWriter:
        if self._log is None:
            with self._contents.lock:
                self._log = self._new(first)
        return self._log

    def _new(self, first: int) -> LogWriter:
        """Return the writer of a new log. The lock of the contents is held."""
        contents = self._contents
        schema = contents.about.schema
        assert schema is not None
        path = contents.folder.file(LOGS, logs_of.name(first))
        writer = LogWriter(path, first, schema, contents.secret)
        contents.logs[first] = Log(path, schema, contents.secret)
        return writer
