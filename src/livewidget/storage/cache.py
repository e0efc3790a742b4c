"""Answers at a width, kept as tiles on an absolute grid."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, quote
from livewidget.data.history import EVER
from livewidget.data.text import Text

TILE = 256  # buckets in a tile: a chart of 2,000 points is eight, so a step of a tenth adds one
_OVERHEAD = 512  # bytes of a tile beside its rows


@dataclass(frozen=True, slots=True)
class CacheStats:
    """`hits` and `misses` of readers (not of what was fetched ahead), and what is held now."""

    hits: int
    misses: int
    evicted: int
    touched: int
    tiles: int
    nbytes: int


class Fetch:
    """A read of [start, stop) that is under way; `stale` once a row has come into the range."""

    __slots__ = ("stale", "start", "stop")

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop
        self.stale = False


class TileCache:
    """Tiles of `TILE` buckets by width and place, the least recently used let go of at `max_bytes`.

    Only closed times are kept: older than the newest row by `margin` (ns). `touched_by` must be
    called after rows can be read, and again once they can be read from each slower tier: a late row
    lets go of the tile that it falls into, and of one that is being fetched. `touched` does so for
    a whole range. Any thread.
    """

    def __init__(self, max_bytes: int = 64 * 2**20, *, margin: int = 2_000_000_000) -> None:
        if max_bytes < 1 or margin < 0:
            raise SettingError(
                "a cache has max_bytes of 1 or more and a margin of 0 ns or more, "
                f"got {quote(max_bytes)} and {quote(margin)}"
            )
        self.max_bytes = max_bytes
        self.margin = margin
        self.newest: int | None = None  # greatest time that was touched, ns UTC
        self._tiles: OrderedDict[tuple[int, int], Batch | None] = OrderedDict()
        self._fetches: set[Fetch] = set()
        self._reach = -EVER  # no tile and no fetch is of later times
        self._nbytes = 0
        self._hits = self._misses = self._evicted = self._touched = 0
        self._lock = threading.Lock()

    def touched(self, start: int, stop: int) -> None:
        """Note that rows with start <= time < stop (ns UTC) have come, or were let go of."""
        with self._lock:
            self.newest = stop - 1 if self.newest is None else max(self.newest, stop - 1)
            if start < self._reach:
                self._let_go(lambda low, high: low < stop and start < high)

    def touched_by(self, times: npt.NDArray[np.int64]) -> None:
        """Note that rows of these times (ns UTC) have come: what lies between them stays."""
        if not len(times):
            return
        with self._lock:
            newest = int(times.max())
            self.newest = newest if self.newest is None else max(self.newest, newest)
            late = np.sort(times[times < self._reach])
            if len(late):
                self._let_go(lambda low, high: _any(late, low, high))

    def has(self, width: int, place: int) -> bool:
        """Say whether a tile is there, without having asked for it."""
        return (width, place) in self._tiles

    def get(self, width: int, place: int) -> tuple[Batch | None, bool]:
        """Return a tile's rows (None for no rows), and whether it was there."""
        with self._lock:
            key = width, place
            if key not in self._tiles:
                return None, False
            self._hits += 1
            self._tiles.move_to_end(key)
            return self._tiles[key], True

    def count_misses(self, tiles: int) -> None:
        """Count tiles that a reader had to wait for."""
        with self._lock:
            self._misses += tiles

    def begin(self, start: int, stop: int) -> Fetch:
        """Note that a read of [start, stop) begins, before it does; to be ended by `end`."""
        fetch = Fetch(start, stop)
        with self._lock:
            self._fetches.add(fetch)
            self._reach = max(self._reach, stop)
        return fetch

    def put(self, fetch: Fetch, width: int, place: int, rows: Batch | None) -> None:
        """Keep a tile, unless a row has come into the range of the fetch since it began."""
        # What is cut out of a longer answer would keep all of it in memory.
        own = None if rows is None else rows.take(np.arange(len(rows)))
        size = _bytes(own)
        with self._lock:
            if fetch.stale or size > self.max_bytes:
                return
            if (width, place) in self._tiles:
                self._drop((width, place))
            self._tiles[width, place] = own
            self._nbytes += size
            while self._nbytes > self.max_bytes:
                self._drop(next(iter(self._tiles)))
                self._evicted += 1

    def end(self, fetch: Fetch) -> None:
        """Note that a read is over, whatever came of it."""
        with self._lock:
            self._fetches.discard(fetch)

    def stats(self) -> CacheStats:
        """Return what it did and holds."""
        with self._lock:
            return CacheStats(
                self._hits,
                self._misses,
                self._evicted,
                self._touched,
                len(self._tiles),
                self._nbytes,
            )

    def _let_go(self, touches: Callable[[int, int], bool]) -> None:
        for fetch in self._fetches:
            fetch.stale |= touches(fetch.start, fetch.stop)
        for key in [key for key in self._tiles if touches(*_range(key))]:
            self._drop(key)
            self._touched += 1

    def _drop(self, key: tuple[int, int]) -> None:
        self._nbytes -= _bytes(self._tiles.pop(key))


def neighbours(start: int, stop: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the ranges that a reader of [start, stop) may scroll to next: as long, either side."""
    size = stop - start
    return (start - size, start), (stop, stop + size)


def _range(key: tuple[int, int]) -> tuple[int, int]:
    width, place = key
    return place * TILE * width, (place + 1) * TILE * width


def _any(times: npt.NDArray[np.int64], start: int, stop: int) -> bool:
    """Say whether one of rising times lies in [start, stop)."""
    at = int(np.searchsorted(times, start))
    return at < len(times) and int(times[at]) < stop


def _bytes(batch: Batch | None) -> int:
    columns = () if batch is None else batch.columns
    return _OVERHEAD + sum(
        column.codes.nbytes + 8 * len(column.categories)
        if isinstance(column, Text)
        else column.nbytes
        for column in columns
    )
