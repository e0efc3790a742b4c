"""What a buffer keeps in a store: written ahead by a thread, read back, and restored."""

from __future__ import annotations

import json
import logging
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.events import Gap
from livewidget.data.history import EVER
from livewidget.engine.ahead import CLOSE_S, WriteAhead
from livewidget.resilience.spool import united
from livewidget.storage.base import Recoverable, Store
from livewidget.storage.cache import TileCache
from livewidget.storage.planner import Holed, Tier
from livewidget.storage.tiered import TieredStore

log = logging.getLogger("livewidget")
CURSORS = "consumers"  # the key that their positions are kept under
GAPS = "gaps"  # the same, of what the sources did not deliver
SOURCES = "sources"  # the same, of the sources of these rows
_END_S = 2.0  # for the write that is under way when all is closed
_SAVE_S = 1.0  # between two writes of the positions: rows that are read again after a crash

Positions = Callable[[], Mapping[str, int]]


class Archive:
    """A store, opened, and the thread that writes to it.

    Rows have numbers, which go on where the store's end; those of the ring begin at 0 with each
    process. With `backup_s` rows are written at that interval (s), else at once. What `positions`
    returns, consumers' in rows of the ring, is kept beside the rows. `cache` is of answers from the
    store, and told of each row that comes. Raises what the store raises where it cannot be opened.
    """

    def __init__(
        self, store: Store, positions: Positions, *, backup_s: float | None = None
    ) -> None:
        self.store = store
        self.cache = TileCache()
        store.open()
        span = store.span()
        self.whole_from = (
            -EVER if span is None else span[1] + 1
        )  # what comes is not the whole before
        self.durable = backup_s is None
        self._anchors = [(store.rows, 0)]  # numbers and the ring's rows from there on, rising
        self._positions: Positions | None = positions
        self._saved: Mapping[str, int] | None = None
        self._gaps: Callable[[], list[Gap]] = list
        self._gaps_saved: list[Gap] | None = None
        self._due = 0.0
        self._finished: bool | None = None  # whether all was written at the end
        self._sources: dict[str, str] = {}  # positions by name, of which all rows were put
        self._unkept = False  # whether they could not be kept the last time
        self._keeping = threading.Lock()
        self._saving = threading.Lock()
        self.ahead = WriteAhead(store, every_s=backup_s, on_write=self._written)

    @property
    def tiers(self) -> list[Tier]:
        """What a planner reads from, the fastest first."""
        stores: Sequence[Tier] = (
            self.store.tiers if isinstance(self.store, TieredStore) else (self.store,)
        )
        return [Behind(store, self.ahead) for store in stores]

    def put(self, batch: Batch, row: int) -> None:
        """Have the ring's rows `row` and on written."""
        self.ahead.put(batch, self.number(row))
        self._touch(batch)

    def since(self, time: int, most_rows: int) -> int:
        """Return a time (ns UTC), this one or later, from which on about so many rows came."""
        store, span = self._recoverable, self.store.span()
        if store is None or span is None:
            return time
        low, high = max(time, span[0]), span[1] + 1
        if self.store.rows - store.first_since(low) <= most_rows:
            return time
        while high - low > 1:
            middle = (low + high) // 2
            if self.store.rows - store.first_since(middle) > most_rows:
                low = middle
            else:
                high = middle
        return high

    def rows_since(self, time: int) -> Iterator[tuple[int | None, Batch]]:
        """Yield the rows from a time (ns UTC) on in the order in which they came, with numbers.

        By their times and without numbers from a store that does not tell these.
        """
        store = self._recoverable
        if store is not None:
            yield from store.rows_from(store.first_since(time))
            return
        for batch in self.store.read(time, EVER):
            yield None, batch

    def place(self, number: int | None, row: int) -> None:
        """Note that the row of that number lies in the ring as `row`, and those behind it after.

        None is that of the next row.
        """
        if number is None:
            number = self.store.rows
        if self._anchors[0][0] > number:
            self._anchors.clear()
        if not self._anchors or number - row != self._anchors[-1][0] - self._anchors[-1][1]:
            self._anchors.append((number, row))

    def positions(self) -> dict[str, int]:
        """Return the consumers' positions that were kept, in rows of the ring."""
        store = self._recoverable
        data = None if store is None else store.load(CURSORS)
        if data is None:
            return {}
        try:
            kept = json.loads(data)
            return {str(name): max(0, self.row(int(number))) for name, number in kept.items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise StoreError(f"the consumers' positions cannot be read: {error}") from None

    def gaps(self) -> list[Gap]:
        """Return the gaps that were kept, the oldest first. Raises StoreError for damaged ones."""
        store = self._recoverable
        data = None if store is None else store.load(GAPS)
        try:
            return [] if data is None else [Gap(*each) for each in json.loads(data)]
        except (ValueError, TypeError) as error:
            raise StoreError(f"the gaps cannot be read: {error}") from None

    def watch_gaps(self, gaps: Callable[[], list[Gap]]) -> None:
        """Keep what `gaps` returns beside the rows, from now on."""
        self._gaps_saved = gaps()
        self._gaps = gaps

    def last(self, rows: int) -> list[Batch]:
        """Return the rows that came last, whatever their times; none of a store that cannot."""
        store = self._recoverable
        if store is None:
            return []
        return [batch for _, batch in store.rows_from(max(0, self.store.rows - rows))]

    def position(self, source: str) -> str | None:
        """Return how far a source had read of which these rows are, or None. Blocks."""
        with self._keeping:
            if not self._sources:
                self._sources = self._kept_sources()
            return self._sources.get(source)

    def note(self, source: str, position: str) -> None:
        """Take how far a source has read, to be kept at the end: all before it was put."""
        with self._keeping:
            self._sources[source] = position

    def keep(self, source: str, position: str) -> None:
        """Keep how far a source has read, all of which is in the store. Blocks."""
        self.note(source, position)
        self._save_sources()

    @property
    def keeps_state(self) -> bool:
        """Whether the store has a place for state, and rows by number."""
        return self.durable and self._recoverable is not None

    def load_state(self, name: str) -> bytes | None:
        """Return the state that was kept under a name, or None. Blocks. Raises StoreError."""
        store = self._recoverable
        return None if store is None else store.load(f"state-{name}")

    def save_state(self, name: str, data: bytes) -> None:
        """Keep a state in place of the one before. Blocks. Raises what the store raises."""
        store = self._recoverable
        assert store is not None, "ask keeps_state first"
        store.save(f"state-{name}", data)

    def number(self, row: int) -> int:
        """Return the number in the store of a row of the ring."""
        place = bisect_right(self._anchors, row, key=lambda anchor: anchor[1]) - 1
        number, base = self._anchors[max(0, place)]
        return row - base + number

    def row(self, number: int) -> int:
        """Return the row of the ring that has a number in the store; it may lie before its tail."""
        place = bisect_right(self._anchors, number, key=lambda anchor: anchor[0]) - 1
        first, base = self._anchors[max(0, place)]
        return number - first + base

    def between(self, first: int, stop: int) -> Iterator[tuple[int, Batch]]:
        """Yield the rows numbered [first, stop) as they came, of a store that `keeps_state`.

        Each batch with the number of its first row; rows that were let go of are passed over.
        """
        store = self._recoverable
        assert store is not None, "ask keeps_state first"
        yield from store.rows_from(first, stop)

    def stats(self) -> dict[str, Any]:
        """Return the figures of the store, of what waits for it, and of the cache."""
        store, ahead, cache = self.store.stats(), self.ahead, self.cache.stats()
        asked = cache.hits + cache.misses
        return {
            "store": store.state if not ahead.error else "failing",
            "store_detail": ahead.error or store.detail,
            "store_rows": store.rows,
            "store_bytes": store.nbytes,
            "store_waiting": ahead.waiting,
            "store_lost": ahead.lost,
            "cache_hits": cache.hits / asked if asked else 0.0,
        }

    def part(self) -> None:
        """Write what waits, and the positions for the last time. Again is no error."""
        if self._finished is None:
            self._finished = self.ahead.finish()
        if self._finished:
            self._save_sources()
        self._save()
        self._positions = None

    def close(self) -> None:
        """Write what waits and the positions, and close the store."""
        self.part()
        self.ahead.close(CLOSE_S if self._finished else _END_S)

    @property
    def _recoverable(self) -> Recoverable | None:
        """The store that keeps rows by number, and positions, where there is one."""
        if isinstance(self.store, TieredStore):
            return self.store.recoverable
        return self.store if isinstance(self.store, Recoverable) else None

    def _kept_sources(self) -> dict[str, str]:
        store = self._recoverable
        data = None if store is None else store.load(SOURCES)
        try:
            return {} if data is None else {str(k): str(v) for k, v in json.loads(data).items()}
        except (ValueError, AttributeError) as error:
            raise StoreError(f"the sources' positions cannot be read: {error}") from None

    def _save_sources(self) -> None:
        store = self._recoverable
        with self._keeping:
            if not self._sources or store is None:
                return
            try:
                store.save(SOURCES, json.dumps(self._sources).encode())
            except Exception as error:  # noqa: BLE001  (somebody's own store may raise anything)
                if not self._unkept:  # it is tried again and again
                    log.warning("the sources' positions were not kept: %s", error)
                self._unkept = True
            else:
                self._unkept = False

    def _written(self, batch: Batch) -> None:
        self._touch(batch)
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _SAVE_S
            self._save()

    def _touch(self, batch: Batch) -> None:
        """Tell the cache that rows can be read now, or can from another tier."""
        self.cache.touched_by(batch.times)

    def _save(self) -> None:
        """Keep the positions and the gaps, where they have changed and the store can."""
        store = self._recoverable
        with self._saving:  # it is called by the thread that writes, and by whoever closes
            if store is None or self._positions is None:
                return
            self._save_to(store, dict(self._positions()), self._gaps())

    def _save_to(self, store: Recoverable, positions: dict[str, int], gaps: list[Gap]) -> None:
        """Keep what has changed. One thread at a time."""
        try:
            if positions != (self._saved or {}):
                numbers = {name: max(0, self.number(row)) for name, row in positions.items()}
                store.save(CURSORS, json.dumps(numbers).encode())
            if gaps != (self._gaps_saved or []):
                told = [[gap.start, gap.stop, gap.reason] for gap in gaps]
                store.save(GAPS, json.dumps(told).encode())
        except Exception as error:  # noqa: BLE001  (somebody's own store may raise anything)
            log.warning("positions and gaps were not kept: %s", error)
        self._saved, self._gaps_saved = positions, gaps


class Behind:
    """A store as a tier: what waits to be written, or was given up, is not in it."""

    def __init__(self, tier: Tier, ahead: WriteAhead) -> None:
        self.name = tier.name
        self.span = tier.span
        self.since = tier.since
        self.read = tier.read
        self._holed = tier if isinstance(tier, Holed) else None
        self._ahead = ahead

    def holes(self) -> Sequence[tuple[int, int]]:
        """Return the ranges of times [start, stop) in which rows may be missing, rising."""
        behind = self._ahead.holes()  # looked at first: rows go on from here to the store's own
        own = self._holed.holes() if self._holed is not None else ()
        return united([*own, *behind]) if own else behind
