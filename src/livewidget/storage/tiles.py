"""Reading by tiles: what the cache has from there, and the rest from behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from livewidget.data.batch import Batch, concat
from livewidget.data.history import Answer, Missing
from livewidget.sketches.outstanding import cut
from livewidget.storage.cache import TILE, TileCache

MOST = 64  # tiles of a query that goes by the cache: 16,384 buckets, more than a screen has
_RUN = 16  # tiles that are fetched in one read at most: they are in memory at once

Ask = Callable[[int, int, int], Answer]
Span = Callable[[], tuple[int, int] | None]


class Tiles:
    """Answers at a width by tiles. `ask` reads behind the cache, `span` says from when to when."""

    def __init__(self, cache: TileCache, ask: Ask, span: Span) -> None:
        self._cache = cache
        self._ask = ask
        self._span = span

    def read(self, start: int, stop: int, width: int, missing: list[Missing]) -> Iterator[Batch]:
        """Yield the rows that stand for [start, stop), and note what is missing."""
        low, high, places = self._plan(start, stop, width)
        if not places:
            yield from self._direct(start, stop, width, missing)
            return
        yield from self._direct(start, low, width, missing)
        for there, run in self._runs(places, width):
            tiles = self._kept(run, width) if there else None
            if tiles is None:
                tiles = self._fetch(run, width, (low, high), missing)
            for tile in tiles:
                part = None if tile is None else cut(tile, low, high)
                if part:
                    yield part
        yield from self._direct(high, stop, width, missing)

    def warm(self, start: int, stop: int, width: int) -> None:
        """Fetch the tiles of [start, stop) that are not there."""
        low, high, places = self._plan(start, stop, width)
        for there, run in self._runs(places, width):
            if not there:
                self._fetch(run, width, (low, high), [], counted=False)

    def _plan(self, start: int, stop: int, width: int) -> tuple[int, int, range]:
        """Return the whole buckets [low, high) that tiles answer for, and the tiles' places."""
        span = self._span()
        none = stop, stop, range(0)
        if span is None:
            return none
        newest = span[1] if self._cache.newest is None else max(span[1], self._cache.newest)
        size = TILE * width
        closed = (newest - self._cache.margin) // size * size
        low = max(-(-start // width) * width, span[0] // size * size)
        high = min(stop // width * width, closed)
        places = range(low // size, -(-high // size))
        return (low, high, places) if low < high and len(places) <= MOST else none

    def _runs(self, places: range, width: int) -> Iterator[tuple[bool, list[int]]]:
        """Yield whether they are there, and places of tiles that follow each other."""
        for there, group in groupby(places, lambda place: self._cache.has(width, place)):
            run = list(group)
            for first in range(0, len(run), _RUN):
                yield there, run[first : first + _RUN]

    def _kept(self, run: list[int], width: int) -> list[Batch | None] | None:
        """Return the tiles of a run, or None where one has gone meanwhile."""
        found = [self._cache.get(width, place) for place in run]
        return [tile for tile, _ in found] if all(there for _, there in found) else None

    def _fetch(
        self,
        run: list[int],
        width: int,
        bounds: tuple[int, int],
        missing: list[Missing],
        *,
        counted: bool = True,
    ) -> list[Batch | None]:
        size = TILE * width
        if counted:
            self._cache.count_misses(len(run))
        start, stop = run[0] * size, (run[-1] + 1) * size
        fetch = self._cache.begin(start, stop)
        try:
            answer = self._ask(start, stop, width)
            batches = list(answer.batches)
            whole = concat(batches) if batches else None
            tiles = [_part(whole, place * size, (place + 1) * size) for place in run]
            for place, tile in zip(run, tiles, strict=True):
                if not _lacks(answer.missing, place * size, (place + 1) * size):
                    self._cache.put(fetch, width, place, tile)
        finally:
            self._cache.end(fetch)
        for each in answer.missing:
            begin, end = max(each.start, bounds[0]), min(each.stop, bounds[1])
            if begin < end:
                missing.append(Missing(begin, end, each.reason))
        return tiles

    def _direct(self, start: int, stop: int, width: int, missing: list[Missing]) -> Iterator[Batch]:
        if start < stop:
            answer = self._ask(start, stop, width)
            yield from answer.batches
            missing += answer.missing


def _part(whole: Batch | None, start: int, stop: int) -> Batch | None:
    part = None if whole is None else cut(whole, start, stop)
    return part or None


def _lacks(missing: list[Missing], start: int, stop: int) -> bool:
    return any(each.start < stop and start < each.stop for each in missing)
