"""Several stores as one: the fastest that is whole answers, and one that is down holds nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, StoreError, quote
from livewidget.data.history import Answer
from livewidget.data.schema import Schema
from livewidget.resilience.spool import Spool
from livewidget.storage.base import Recoverable, Store, StoreStats
from livewidget.storage.member import Member, MemberFigures
from livewidget.storage.planner import Planner
from livewidget.storage.spooled import OPEN_S, Spooled

_CLOSE_S = 5.0  # for all spools together: a person waits for it
_STATES = {"failed": "failing", "opening": "open"}  # of a member, as a store says it
_WORST = ("closed", "failing", "read only", "open")


class TieredStore(Store):
    """Stores, the fastest first, of which one is the durable one: that at `durable`, or the last.

    `append` writes to the durable store at once, and fails where that fails. To each of the others
    the rows go by a spool (`spool_rows` and `spool_bytes` at most, then the oldest are dropped) and
    a thread of its own, so a server that is down holds nobody; when it is back, what waits is
    written. Row numbers are the durable store's. A range is answered by a `Planner` over `tiers`:
    what waits for a store, or was dropped, is asked of the next.

    `by` is the column whose keys each have rows that stand for them, as the stores have it.
    `open_s` is the longest pause in s between attempts at a server. Raises SettingError for what
    cannot be.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        *,
        durable: int | None = None,
        by: str | None = None,
        name: str = "tiers",
        spool_rows: int = 1_000_000,
        spool_bytes: int = 64 * 2**20,
        open_s: float = OPEN_S,
        clock: Clock | None = None,
    ) -> None:
        place = _checked(stores, durable)
        self.name = name
        self.durable = stores[place]
        self._first = Member(self.durable)
        self._others = [
            Spooled(store, Spool(spool_rows, spool_bytes), open_s=open_s, clock=clock)
            for store in stores
            if store is not self.durable
        ]
        self.tiers: tuple[Member, ...] = (
            *self._others[:place],
            self._first,
            *self._others[place:],
        )
        self._planner = Planner(self.tiers, by, clock=clock)
        self._is_open = False

    @property
    def recoverable(self) -> Recoverable | None:
        """The durable store, where a stream can be gone on with from it."""
        if isinstance(self.durable, TieredStore):
            return self.durable.recoverable
        return self.durable if isinstance(self.durable, Recoverable) else None

    def open(self, schema: Schema | None = None) -> None:
        """Open the durable store, and raise what it raises; the others open in their threads."""
        self._first.open(schema)
        rows, latest = self.durable.rows, self._first.latest()
        if not self._is_open:
            self._is_open = True
            for each in self._others:
                each.start(self.durable.schema or schema, rows, latest, self.recoverable)

    @property
    def schema(self) -> Schema | None:
        """The schema of the rows, or None before any."""
        return self.durable.schema

    @property
    def rows(self) -> int:
        """The number that the next row has: the durable store's."""
        return self.durable.rows

    def append(self, batch: Batch, first: int) -> None:
        """Write to the durable store, then hand to the others what is new by its number.

        Raises StoreError where the durable one does; nobody has the rows then, or some of them the
        durable one, and they may be appended again.
        """
        for each in self._others:
            each.expect(batch)  # a reader who sees a row in one is told what the others lack
        self._first.append(batch, first)
        for each in self._others:
            each.append(batch, first)

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time that those hold which can say so now, ns UTC.

        Raises StoreError where none holds anything, and the durable one cannot say.
        """
        return self._planner.span() or self._first.span()

    def since(self) -> int:
        """Return the lowest `since` of all; of one that is down, as it was last known."""
        known = [since for each in self.tiers if (since := each.known_since()) is not None]
        return min(known) if known else self._first.since()

    def query(self, start: int, stop: int, *, width: int = 0) -> Answer:
        """Answer for start <= time < stop (ns UTC), see `Planner.query`."""
        return self._planner.query(start, stop, width=width)

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield rows of a range. Raises StoreError at what is missing and is kept."""
        return self._all(self.query(start, stop, width=width))

    def prune(self, before: int) -> int:
        """Let go of old partitions in all; return the rows of the durable one."""
        for each in self._others:
            each.prune(before)
        return self._first.prune(before)

    def stats(self) -> StoreStats:
        """Return the durable one's rows, the bytes and the worst state of all, and each in words.

        One that is given up for good counts as "failing".
        """
        figures = self.members()
        states = [_STATES.get(each.state, each.state) for each in figures]
        state = min(states, key=_place) if self._is_open else "closed"
        rows = next(each.rows for each in figures if each.durable)
        nbytes = sum(each.nbytes for each in figures)
        return StoreStats(rows, nbytes, state, "; ".join(map(_told, figures)))

    def members(self) -> tuple[MemberFigures, ...]:
        """Return what each store holds and how it does, in the order of `tiers`."""
        return tuple(each.figures() for each in self.tiers)

    def flush(self, timeout: float = _CLOSE_S) -> bool:
        """Wait until all has been written that was appended so far; False after `timeout` s.

        Those that fail are tried at once. False, too, where one was given up for good.
        """
        ends_at = time.monotonic() + timeout
        left = [each.flush(max(0.0, ends_at - time.monotonic())) for each in self._others]
        return all(left)

    def close(self) -> None:
        """Write what waits, for some seconds where that goes well, and close all."""
        self._is_open = False
        for each in self._others:
            each.end(_CLOSE_S)
        for each in self._others:
            each.close()
        self._first.close()

    def _all(self, answer: Answer) -> Iterator[Batch]:
        for batch in answer.batches:
            self._check(answer)
            yield batch
        self._check(answer)

    def _check(self, answer: Answer) -> None:
        for each in answer.missing:
            if each.stop > self.since():  # before it, nobody keeps anything any longer
                raise StoreError(
                    f"{self.name}: {each.start} <= time < {each.stop} (ns UTC) cannot be read now: "
                    f"{each.reason}"
                )


def _checked(stores: Sequence[Store], durable: int | None) -> int:
    """Return the place of the durable store. Raises SettingError for what cannot be."""
    for store in stores:
        if not isinstance(store, Store):
            raise SettingError(f"stores are Store objects, got {quote(store)}")
    if not stores or len(set(map(id, stores))) < len(stores):
        raise SettingError(
            f"tiers are one store at least, each another one, got {quote(list(stores))}"
        )
    place = len(stores) - 1 if durable is None else durable
    if place not in range(len(stores)):
        raise SettingError(
            f"durable is the place of a store, 0 to {len(stores) - 1}, got {quote(durable)}"
        )
    return place


def _place(state: str) -> int:
    return _WORST.index(state) if state in _WORST else len(_WORST)


def _told(each: MemberFigures) -> str:
    parts = [each.state, each.reason]
    if each.waiting:
        parts.append(f"{each.waiting:,} rows wait")
    if each.dropped:
        parts.append(f"{each.dropped:,} rows were dropped")
    return f"{each.name}: {', '.join(filter(None, parts))}"
