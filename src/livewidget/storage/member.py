"""One of several stores, as a planner's tier: what it holds and what it lacks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.history import EVER
from livewidget.data.schema import Schema
from livewidget.resilience.breaker import Circuit
from livewidget.resilience.spool import Spool, united
from livewidget.storage.base import Store, StoreStats
from livewidget.storage.planner import Holed


@dataclass(frozen=True, slots=True)
class MemberFigures:
    """One look at a member. `waiting` rows are in its spool; `dropped` ones it will never have.

    `state` is "opening", "open", "read only", "failing" (it is tried again), "failed" (for good) or
    "closed", and `reason` says why. `circuit` is that of the writes.
    """

    name: str
    durable: bool
    state: str
    reason: str
    circuit: str
    rows: int
    nbytes: int
    waiting: int
    waiting_nbytes: int
    dropped: int
    failures: int


class Member:
    """A store that is written to at once. It is a planner's tier: any thread.

    Rows whose numbers were passed over were given up before they came here. Their times are not
    known: they are taken to lie between the row before them and the row after.
    """

    def __init__(self, store: Store, spool: Spool | None = None) -> None:
        self.store = store
        self.name = store.name
        self._holed = store if isinstance(store, Holed) else None
        self._spool = spool or Spool()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._begin(0, -EVER)

    def open(self, schema: Schema | None) -> None:
        """Open the store. Raises what it raises."""
        self.store.open(schema)
        self._begin(self.store.rows, self.latest())

    def latest(self) -> int:
        """Return a time (ns UTC) that no row goes beyond."""
        span = self.store.span()
        return max(self.store.since() - 1, -EVER if span is None else span[1])

    def append(self, batch: Batch, first: int) -> None:
        """Write rows `first` and on. Raises StoreError where they are not."""
        self.store.append(batch, first)
        with self._lock:
            self._fresh(batch, first)

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time held, ns UTC."""
        return self.store.span()

    def since(self) -> int:
        """Return the time (ns UTC) from which on nothing is missing but the holes."""
        since = self.store.since()
        with self._lock:
            return self._noted(since)

    def known_since(self) -> int | None:
        """Return `since` as it was last told; None where it never was."""
        with contextlib.suppress(StoreError):
            return self.since()
        return self._known

    def holes(self) -> tuple[tuple[int, int], ...]:
        """Return the ranges of times [start, stop) whose rows may be missing, rising."""
        with self._lock:
            waiting = self._spool.holes()
        if self._holed is None:
            return waiting
        return tuple(united([*waiting, *self._holed.holes()]))

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield rows of a range, see `History.read`."""
        return self.store.read(start, stop, width=width)

    def prune(self, before: int) -> int:
        """Let go of old partitions; return their rows."""
        return self.store.prune(before)

    def figures(self) -> MemberFigures:
        """Return what the monitor shows."""
        stats = self.store.stats()
        return self._figures(stats, stats.state, stats.detail, durable=True)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def _begin(self, rows: int, latest: int) -> None:
        """Go on after so many rows, of which none is later than `latest`."""
        self._next, self._latest = rows, latest
        self._known: int | None = None

    def _fresh(self, batch: Batch, first: int) -> Batch:
        """Return the rows that are new by their numbers, and note those that were passed over."""
        fresh = batch.take(slice(self._next - first, None)) if first < self._next else batch
        if len(fresh):
            low, high = int(fresh.times.min()), int(fresh.times.max())
            if first > self._next:
                self._spool.lose(min(low, self._latest), max(low, self._latest) + 1)
            self._next = first + len(batch)
            self._latest = max(self._latest, high)
        return fresh

    def _noted(self, since: int) -> int:
        self._known = since
        self._spool.forget(since)
        return since

    def _figures(
        self,
        stats: StoreStats,
        state: str,
        reason: str,
        *,
        durable: bool = False,
        circuit: Circuit = Circuit.CLOSED,
        failures: int = 0,
    ) -> MemberFigures:
        spool = self._spool
        held = stats.rows, stats.nbytes, spool.rows, spool.nbytes, spool.dropped, failures
        return MemberFigures(self.name, durable, state, reason, str(circuit), *held)
