"""The buckets of some series that share their times, and what of them a browser has been sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.frame import SeriesDiff
from livewidget.sketches.extremes import FIRST, LAST, MAX, MIN, Summary, Times, merge
from livewidget.view.points import points_of

_ROOM = 1024  # buckets of spare room at the right, so that shifting down is rare
_NOWHERE = np.empty(0, dtype=np.intp)
_MOST_PATCHES = 64  # late buckets patched one by one; with more, all from the first is sent again


class BucketTable:
    """A sorted table of buckets for `series` lines, with the state of the diff beside it.

    `sent` is how many points of each bucket the browsers hold. Buckets from `_tail` on have
    changed or are new and are sent as cut and append; late changes before it are marked in
    `_dirty` and sent as patches. Where empty buckets lie between two (`_apart`), the line between
    them is longer than a pixel: there the last and the first are drawn besides min and max.
    """

    def __init__(self, series: int) -> None:
        self._series = series
        self._low = self._high = self._tail = 0
        self._trimmed = np.zeros(series, dtype=np.int64)
        self._interrupted = self._any_dirty = False
        self._allocate(2 * _ROOM)

    def _allocate(self, size: int) -> None:
        self._ids = np.empty(size, dtype=np.int64)
        self._times = np.empty((4, self._series, size), dtype=np.int64)
        self._values = np.empty((4, self._series, size))
        self._broken = np.zeros(size, dtype=bool)
        self._apart = np.zeros(size, dtype=bool)
        self._dirty = np.zeros(size, dtype=bool)
        self._sent = np.zeros((self._series, size), dtype=np.int64)

    @property
    def _columns(self) -> tuple[npt.NDArray[Any], ...]:
        marks = (self._broken, self._apart, self._dirty)
        return (self._ids, self._times, self._values, *marks, self._sent)

    def __len__(self) -> int:
        return self._high - self._low

    @property
    def ids(self) -> Times:
        """The ids of the buckets: a view."""
        return self._ids[self._low : self._high]

    @property
    def summary(self) -> Summary:
        """All buckets: views, valid until the next change."""
        kept = slice(self._low, self._high)
        return Summary(self._ids[kept], self._times[:, :, kept], self._values[:, :, kept])

    def clear(self) -> None:
        """Forget all buckets and what was sent of them: a snapshot must follow."""
        self._low = self._high = self._tail = 0
        self._trimmed[:] = 0

    def interrupt(self) -> None:
        """Break the line before what is added next."""
        self._interrupted = True

    def add(self, new: Summary) -> None:
        """Take in summarised samples."""
        last = int(self._ids[self._high - 1]) if len(self) else None
        place = 0
        if last is not None and new.ids[0] <= last:
            place = int(np.searchsorted(new.ids, last, side="right"))
            for late in range(place):
                self._fold(new, late)
        if place < len(new.ids):
            self._extend(new, place, broken=self._interrupted and last is not None and not place)
        if last is None or new.ids[-1] >= last:  # what is late lies before the break
            self._interrupted = False

    def trim(self, first_id: int) -> None:
        """Drop the buckets before `first_id`, but for the last of them: the line comes in from it.

        Raises nothing; a table that is all older keeps its last bucket.
        """
        keep = int(np.searchsorted(self.ids, first_id)) - 1
        if keep <= 0:
            return
        gone = slice(self._low, self._low + keep)
        self._trimmed += self._sent[:, gone].sum(axis=1)
        self._low += keep
        self._tail = max(self._tail, self._low)

    def diff(self, first_series: int, origin: int, *, every: bool) -> list[SeriesDiff]:
        """Return what changed since the last diff, and count it as sent.

        `x` is relative to `origin`. Series without a change have no entry.
        """
        late = self._late()
        rows: Any = slice(self._tail, self._high)  # a view, unless there are late ones
        leaves = np.append(self._apart[self._tail + 1 : self._high], False)[: len(self._ids[rows])]
        if len(late):
            rows = np.concatenate([late, np.arange(self._tail, self._high)])
            leaves = np.concatenate([self._apart[late + 1], leaves])
        times, values, there = points_of(
            self._times[:, :, rows],
            self._values[:, :, rows],
            self._broken[rows],
            self._apart[rows] | every,
            leaves | every,
        )
        counts = there.sum(axis=2)
        offsets = (times - origin).astype(np.float64)
        diffs = []
        for line in range(self._series):
            patches = self._patches(line, late, counts[line])
            cut = int(self._sent[line, self._tail : self._high].sum())
            append = int(counts[line, len(late) :].sum())
            trim = int(self._trimmed[line])
            if trim or cut or append or patches:
                mask = there[line]
                x, y = offsets[line][mask], values[line][mask]
                diffs.append(SeriesDiff(first_series + line, trim, cut, patches, append, x, y))
        self._sent[:, rows] = counts
        self._dirty[late] = False
        self._trimmed[:] = 0
        self._tail = self._high  # the open bucket is sent again only where it changes
        return diffs

    def _late(self) -> npt.NDArray[np.intp]:
        """Return the places of the buckets to be patched; none where all from the first is sent."""
        if not self._any_dirty:
            return _NOWHERE
        self._any_dirty = False
        late = np.flatnonzero(self._dirty[self._low : self._tail]) + self._low
        if len(late) > _MOST_PATCHES:
            self._dirty[late] = False
            self._tail, late = int(late[0]), _NOWHERE
        return late

    def forget_sent(self) -> None:
        """Make the next diff a snapshot: the browsers hold nothing."""
        self._sent[:, self._low : self._high] = 0
        self._dirty[self._low : self._high] = False
        self._trimmed[:] = 0
        self._tail = self._low

    def _patches(
        self, line: int, late: npt.NDArray[np.intp], counts: npt.NDArray[np.int64]
    ) -> tuple[tuple[int, int, int], ...]:
        patches = []
        grown = 0
        for index, place in enumerate(late.tolist()):
            start = int(self._sent[line, self._low : place].sum()) + grown
            remove, insert = int(self._sent[line, place]), int(counts[index])
            patches.append((start, remove, insert))
            grown += insert - remove
        return tuple(patches)

    def _touch(self, place: int) -> None:
        """Note that the bucket at `place` changed after it was sent."""
        if place >= self._tail:
            return
        if place == self._tail - 1 and place == self._high - 1:
            self._tail = place
        else:
            self._dirty[place] = self._any_dirty = True

    def _fold(self, new: Summary, index: int) -> None:
        place = self._low + int(np.searchsorted(self.ids, new.ids[index]))
        if self._ids[place] != new.ids[index]:
            place = self._insert(place, new, index)
        else:
            merge(Summary(self._ids, self._times, self._values), place, new, index)
        self._touch(place)

    def _insert(self, place: int, new: Summary, index: int) -> int:
        """Make room for a bucket at `place`, which may move the table; return its new place."""
        place -= self._low
        self._reserve(1)
        place += self._low
        for column in self._columns:
            column[..., place + 1 : self._high + 1] = column[..., place : self._high].copy()
        self._ids[place] = new.ids[index]
        self._times[:, :, place] = new.times[:, :, index]
        self._values[:, :, place] = new.values[:, :, index]
        self._broken[place] = self._dirty[place] = False
        self._sent[:, place] = 0
        self._high += 1
        if place < self._tail:
            self._tail += 1
        self._apart[place : place + 2] = False
        for right in (place, place + 1):
            if right > self._low:
                self._apart[right] = self._ids[right] - self._ids[right - 1] > 1
                self._touch(right - 1)
                self._touch(right)
        return place

    def _extend(self, new: Summary, first: int, *, broken: bool) -> None:
        size = len(new.ids) - first
        self._reserve(size)
        apart = len(self) > 0 and int(new.ids[first] - self._ids[self._high - 1]) > 1
        if apart and not self._is_point(self._high - 1):
            self._touch(self._high - 1)
        rows = slice(self._high, self._high + size)
        self._ids[rows] = new.ids[first:]
        self._times[:, :, rows] = new.times[:, :, first:]
        self._values[:, :, rows] = new.values[:, :, first:]
        self._broken[rows] = self._dirty[rows] = False
        self._broken[self._high] = broken
        self._apart[self._high] = apart
        self._apart[self._high + 1 : rows.stop] = new.ids[first + 1 :] - new.ids[first:-1] > 1
        self._sent[:, rows] = 0
        self._high += size

    def _is_point(self, place: int) -> bool:
        """Say whether all of a bucket is one point, drawn whatever its neighbours are."""
        times, values = self._times[:, :, place], self._values[:, :, place]
        return bool((times[FIRST] == times[LAST]).all() and (values[MIN] == values[MAX]).all())

    def _reserve(self, size: int) -> None:
        """Make room for `size` more buckets at the right, by shifting down or growing."""
        if self._high + size <= self._ids.size:
            return
        old = self._columns
        kept = slice(self._low, self._high)
        self._allocate(len(self) + size + max(_ROOM, len(self)))
        for source, target in zip(old, self._columns, strict=True):
            target[..., : self._high - self._low] = source[..., kept]
        self._tail -= self._low
        self._high -= self._low
        self._low = 0
