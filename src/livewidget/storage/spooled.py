"""A store on a server that may be down: nobody waits for it, and it is told what it missed."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

from livewidget.data.batch import Batch, concat
from livewidget.data.clock import Clock, SystemClock
from livewidget.data.errors import (
    MissingExtraError,
    SchemaError,
    SettingError,
    StoreError,
    UnfitStoreError,
)
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.resilience.backoff import Backoff
from livewidget.resilience.breaker import Circuit, CircuitBreaker
from livewidget.resilience.spool import Spool, united
from livewidget.storage.base import Doubtful, Recoverable, Store, StoreStats
from livewidget.storage.member import Member, MemberFigures

log = logging.getLogger("livewidget")
OPEN_S = 5.0  # the longest pause between two attempts at a server that is down
_FAILURES = 3  # in a row until the circuit opens: readers are then sent elsewhere at once
_FIRST_S = 0.1  # the first pause after a failure: a server that starts anew is there soon
_GROUP_ROWS = 100_000  # written at once: a backlog of small batches costs few round trips
_FOR_GOOD = (SchemaError, SettingError, MissingExtraError, UnfitStoreError)


class Spooled(Member):
    """A store that may be down: rows wait in a bounded spool, and a thread of its own writes them.

    What waits, and what was dropped since the spool was full, are its holes. The store is opened by
    the thread and tried again after growing pauses; while its circuit is open, readers are refused
    at once. A store of another schema or version is given up for good, and says why. `open_s` is
    the longest pause in s.

    Its row numbers are those of the durable store. Where it holds fewer rows when it is opened, it
    is given those of the durable store, if they are no more than a spool takes. Where that cannot
    be, or it holds more rows, or fewer than were written later, it is whole after the latest.
    """

    def __init__(
        self, store: Store, spool: Spool, *, open_s: float = OPEN_S, clock: Clock | None = None
    ) -> None:
        super().__init__(store, spool)
        self._clock = clock or SystemClock()
        self._limits = spool.max_rows, spool.max_bytes
        self._open_s = open_s
        self._thread: threading.Thread | None = None
        self._reset(None)

    def _reset(self, schema: Schema | None) -> None:
        self._schema = schema
        self._opened = self._failed = self._urgent = False
        self._reason = ""  # why it cannot be written to now
        self._failures = 0
        self._since = -EVER
        self._coming: tuple[tuple[int, int], ...] = ()
        self._base, self._base_latest = 0, -EVER  # what the durable store had at the start
        self._source: Recoverable | None = None
        self._written = 0  # rows that the store has, by its own count
        self._shift = 0  # from the durable store's numbers to its own
        self._prune_before: int | None = None
        self._ends_at: float | None = None
        self._again_at = 0.0
        self._breaker = CircuitBreaker(_FAILURES, open_s=self._open_s)
        self._backoff = Backoff(min(_FIRST_S, self._open_s), self._open_s)

    def start(
        self, schema: Schema | None, rows: int, latest: int, source: Recoverable | None = None
    ) -> None:
        """Begin to write rows from number `rows` on; `source` has those before.

        None of those is later than `latest`, ns UTC.
        """
        with self._lock:
            self._spool = Spool(*self._limits)
            self._reset(schema)
            self._begin(rows, latest)
            self._base, self._base_latest, self._source = rows, latest, source
            name = f"livewidget-{self.name}"
            # A daemon: its owner closes it; an interpreter that ends must not wait for a server.
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()

    def expect(self, batch: Batch) -> None:
        """Lack these rows from now on, which the durable store is about to have."""
        if len(batch):
            coming = int(batch.times.min()), int(batch.times.max()) + 1
            with self._lock:
                self._coming = (coming,)

    def holes(self) -> tuple[tuple[int, int], ...]:
        """Return the ranges of times [start, stop) whose rows may be missing, rising."""
        coming = self._coming  # looked at first: `append` carries it over into the spool
        holes = super().holes()
        return tuple(united([*coming, *holes])) if coming else holes

    def append(self, batch: Batch, first: int) -> None:
        """Take rows `first` and on; never blocks."""
        with self._lock:
            self._coming = ()
            fresh = self._fresh(batch, first)
            if len(fresh) and not self._failed:
                self._spool.push(fresh, first + len(batch) - len(fresh))
            elif len(fresh):
                self._spool.dropped += len(fresh)
            self._changed.notify_all()

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time held. Raises StoreError while it is down."""
        self._check()
        with self._told():
            return self.store.span()

    def since(self) -> int:
        """Return from when on nothing but the holes is missing. StoreError while it is down."""
        self._check()
        with self._told():
            since = self.store.since()
        with self._lock:
            self._look()
            return self._noted(max(since, self._since))

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield rows of a range. Raises StoreError while it is down."""
        self._check()
        return self._read(start, stop, width)

    def prune(self, before: int) -> int:
        """Have the thread prune, which alone writes; return 0."""
        with self._lock:
            self._prune_before = before
            self._changed.notify_all()
        return 0

    def flush(self, timeout: float) -> bool:
        """Wait until all that was taken so far is written; False after so many s. Tries at once."""
        with self._lock:
            last = self._next
            self._urgent = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._gone() or self._done(last), timeout)
            return not self._gone() and self._done(last)

    def figures(self) -> MemberFigures:
        """Return what the monitor shows."""
        stats = self.store.stats()
        with self._lock:
            circuit = self._breaker.state(self._clock.monotonic())
            return self._figures(
                stats, self._state(stats), self._reason, circuit=circuit, failures=self._failures
            )

    def end(self, timeout: float) -> None:
        """Have the thread write what waits while that goes well, for so many s, and end."""
        with self._lock:
            self._ends_at = time.monotonic() + timeout
            self._urgent = True
            self._changed.notify_all()

    def close(self) -> None:
        """Wait for the end that `end` asked for; the thread closes the store."""
        if self._thread is None:
            return
        self._thread.join(max(0.0, (self._ends_at or 0.0) - time.monotonic()))
        with self._lock:
            self._thread = None  # one that hangs in a call ends with it
            self._opened = False
            self._changed.notify_all()
            if self._spool.rows:
                log.warning(
                    "%s was closed before %d rows were written", self.name, self._spool.rows
                )

    def _read(self, start: int, stop: int, width: int) -> Iterator[Batch]:
        with self._told():
            yield from self.store.read(start, stop, width=width)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Have another tier asked, whatever goes wrong in this one."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(f"{self.name}: {type(error).__name__}: {error}") from error

    def _check(self) -> None:
        with self._lock:
            closed = self._breaker.state(self._clock.monotonic()) is Circuit.CLOSED
            # Where nothing waits, no write will tell that it is back: a reader may try.
            if self._failed or not self._opened or not (closed or not len(self._spool)):
                raise StoreError(f"{self.name}: {self._reason or 'not open'}")

    def _state(self, stats: StoreStats) -> str:
        if self._failed:
            return "failed"
        if self._thread is None:
            return "closed"
        if self._reason:
            return "failing"
        return stats.state if self._opened else "opening"

    def _gone(self) -> bool:
        return self._failed or self._thread is None

    def _done(self, last: int) -> bool:
        oldest = self._spool.peek()
        return self._opened and (oldest is None or oldest.first >= last)

    def _look(self) -> None:
        """See whether the store has lost rows: a server that began anew without a word."""
        if self._opened and self.store.rows < self._written:
            self._since = max(self._since, self._latest + 1)
            self._written = self.store.rows

    def _run(self) -> None:
        try:
            while (job := self._job()) is not None:
                try:
                    job()
                except _FOR_GOOD as error:
                    self._give_up(str(error))
                    return
                except StoreError as error:
                    self._note(str(error))
                except Exception as error:  # a store of somebody's own may raise anything
                    log.exception("%s failed", self.name)
                    self._note(f"{type(error).__name__}: {error}")
                else:
                    self._note("")
        finally:
            if self._thread in (None, threading.current_thread()):  # not: opened anew meanwhile
                with contextlib.suppress(StoreError):
                    self.store.close()

    def _job(self) -> Callable[[], None] | None:
        """Wait until something can be tried, and return it; None to end."""
        with self._lock:
            while True:
                job = self._due()
                now = self._clock.monotonic()
                if self._thread is not threading.current_thread() or self._is_over(job):
                    return None
                if job is None:
                    self._urgent = False
                    self._changed.wait()
                    continue
                pause = max(self._again_at - now, self._breaker.wait(now))
                if self._urgent or pause <= 0:
                    self._urgent = False
                    self._breaker.allow(now)
                    return job
                self._changed.wait(pause)

    def _due(self) -> Callable[[], None] | None:
        if not self._opened:
            return self._open
        if self._prune_before is not None:
            return self._prune
        return self._write if len(self._spool) else None

    def _is_over(self, job: Callable[[], None] | None) -> bool:
        """Say whether to end: it was asked for, and all is done, or it fails, or takes too long."""
        if self._ends_at is None:
            return False
        failing = bool(self._reason) and not self._urgent
        return job is None or failing or time.monotonic() > self._ends_at

    def _open(self) -> None:
        self.store.open(self._schema)
        there = self._caught_up(self.store.rows)
        span = self.store.span()
        with self._lock:
            if there != self._base:
                self._since = max(self._base_latest, -EVER if span is None else span[1]) + 1
            self._shift = max(0, there - self._base)
            self._written = there
            self._opened = True

    def _caught_up(self, there: int) -> int:
        """Write what only the durable store has; return how many rows there are then."""
        lacking = self._base - there
        if self._source is None or not 0 < lacking <= self._limits[0]:
            return there
        for batch in _in_turn(self._source, there, self._base):
            self.store.append(batch, there)
            there += len(batch)
        return there

    def _prune(self) -> None:
        # Asked for once: who asks does so again, and a refusal must not hold the writes.
        with self._lock:
            before, self._prune_before = self._prune_before, None
        if before is not None:
            self.store.prune(before)

    def _write(self) -> None:
        with self._lock:
            self._look()
            spool = self._spool  # one that hangs may come back when there is another
            entries = spool.several(_GROUP_ROWS)
            whole = max([self._since, *(stop for _, stop in spool.lost())])
        batch = concat([entry.batch for entry in entries])
        first = entries[0].first + self._shift
        try:
            if isinstance(self.store, Doubtful):
                self.store.doubt(whole)  # what is lost is so after a restart, too
            self.store.append(batch, first)
        except BaseException:
            with self._lock:
                spool.put_back()
            raise
        with self._lock:
            for entry in entries:
                spool.done(entry)
            self._written = first + len(batch)

    def _note(self, reason: str) -> None:
        """Note how an attempt went: "" for well."""
        now = self._clock.monotonic()
        reason = reason.removeprefix(f"{self.name}: ")
        if reason and not self._reason:
            log.warning("%s cannot be reached now: %s", self.name, reason)
        with self._lock:
            self._reason = reason
            if reason:
                self._failures += 1
                self._breaker.failure(now)
                self._again_at = now + (self._backoff.next(now) or 0.0)
            else:
                self._breaker.success()
                self._backoff.reset()
                self._again_at = now
            self._changed.notify_all()

    def _give_up(self, reason: str) -> None:
        """Take no more rows, ever: trying again would change nothing."""
        log.error("%s is not written to any more: %s", self.name, reason)
        with self._lock:
            self._failed = True
            self._reason = reason.removeprefix(f"{self.name}: ")
            lost = self._spool.dropped + self._spool.rows
            self._spool = Spool(*self._limits)
            self._spool.dropped = lost
            self._changed.notify_all()


def _in_turn(source: Recoverable, first: int, stop: int) -> Iterator[Batch]:
    """Yield rows [first, stop) up to where some are gone, or cannot be read."""
    with contextlib.suppress(StoreError):
        for at, batch in source.rows_from(first, stop):
            if at != first:
                return
            yield batch
            first += len(batch)
