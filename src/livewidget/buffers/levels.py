"""What stands for the rows of a ring at wider and wider buckets, kept beside them.

Runs of neighbouring rows, merged as they grow (O'Neil et al., The log-structured merge-tree, 1996),
so that a read slices a few long arrays whatever the number of rows.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from livewidget.buffers.lease import Lease
from livewidget.buffers.zones import BLOCK, Zones, bare
from livewidget.data.batch import Batch, concat
from livewidget.data.history import CHUNK_ROWS
from livewidget.data.schema import DTYPES
from livewidget.sketches.ladder import LADDER, serves
from livewidget.sketches.outstanding import in_order, outstanding, stand_for

# Every width that `snap` returns: at one's own width nothing has to be chosen anew but the edges.
WIDTHS = (
    *(rung * step for rung, above in pairwise(LADDER) for step in range(1, above // rung)),
    LADDER[-1],
)
SAVES = 2  # times fewer rows than there are: less is not worth a level
FEW = 4 * CHUNK_ROWS  # rows that a read works through beside what it needs: some 15 ms
RATIO = 3  # a run is merged with one before it of less than so many times its rows
SHARE = 8  # the longest run is one part in so many of the ring: it goes as one when all has gone

Piece = tuple[Batch, int]  # rows by rising time, and the width they stand for whole (0: none)


class Run:
    """Levels of the rows [start, stop): width in ns to the rows that stand for it."""

    __slots__ = ("high", "levels", "low", "nbytes", "start", "stop", "widths")

    def __init__(
        self, start: int, stop: int, ends: tuple[int, int], levels: dict[int, Batch]
    ) -> None:
        self.start, self.stop = start, stop
        self.low, self.high = ends
        self.levels = levels
        self.widths = sorted(levels)
        self.nbytes = sum(map(_nbytes, levels.values()))

    def __len__(self) -> int:
        return self.stop - self.start

    def serving(self, width: int, most: int) -> int:
        """Return the widest level of at most `most` ns that serves `width`, or 0."""
        if width == most and width in self.levels:
            return width
        for each in reversed(self.widths[: bisect_right(self.widths, most)]):
            if serves(each, width):
                return each
        return 0

    def without(self, width: int) -> Run:
        """Return the run less one level."""
        levels = {each: level for each, level in self.levels.items() if each != width}
        return Run(self.start, self.stop, (self.low, self.high), levels)


class Levels:
    """The runs of one ring and its zones. Readers build them as they go, one at a time."""

    def __init__(self, by: str | None = None) -> None:
        self.by = by
        self.zones = Zones()
        self.lock = threading.Lock()
        self._runs: tuple[Run, ...] = ()

    @property
    def nbytes(self) -> int:
        """Memory of the levels and zones in bytes."""
        return sum(run.nbytes for run in self._runs) + 2 * self.zones.lows.nbytes

    def let_go(self, tail: int) -> None:
        """Free what only told of rows before `tail`. Never waits: a reader frees it later."""
        if self._runs and self._runs[0].stop <= tail and self.lock.acquire(blocking=False):
            try:
                self._runs = tuple(run for run in self._runs if run.stop > tail)
            finally:
                self.lock.release()

    def runs(self, lease: Lease, start: int, stop: int, allowance: int) -> tuple[Run, ...]:
        """Return the runs over a lease of all rows; the caller holds the lock.

        They are built up to the last row that a read of [start, stop) needs, or by a few chunks.
        """
        self.zones = self.zones.extended(lease)
        runs = [run for run in self._runs if run.stop > lease.start]
        begin = runs[-1].stop if runs else -(-lease.start // BLOCK) * BLOCK
        end = lease.stop // BLOCK * BLOCK
        needed = self.zones.where(begin, end, start, stop)
        if sum(high - low for low, high in needed) > FEW:
            end = -(-needed[-1][1] // BLOCK) * BLOCK
        else:
            end = min(end, begin + FEW)
        longest = max(FEW, len(lease) // SHARE)
        for at in range(begin, end, CHUNK_ROWS):
            run = self._build(lease.part(at, min(at + CHUNK_ROWS, end)))
            if lease.start + lease.overtaken > at:
                runs = []
                continue
            runs.append(run)
            while len(runs) > 1 and mergeable(runs[-2], runs[-1], longest):
                runs[-2:] = [merged(runs[-2], runs[-1], self.by)]
        self._runs = tuple(runs)
        self._keep_to(allowance)
        return self._runs

    def _build(self, lease: Lease) -> Run:
        columns = [lease.column(name).copy() for name in lease.schema.names]
        batch = in_order(bare(lease, columns))
        low, high = int(batch.times[0]), int(batch.times[-1])
        levels: dict[int, Batch] = {}
        # A bucket stands for two rows at least, so narrower ones cannot save enough.
        least = 2 * SAVES * (high - low) // len(batch)
        for width in WIDTHS[bisect_right(WIDTHS, least) :]:
            level = stand_for(_below(levels, width, batch), width, self.by)
            if SAVES * len(level) <= len(batch):
                levels[width] = level
            if width > high - low:
                break
        return Run(lease.start, lease.stop, (low, high), levels)

    def _keep_to(self, allowance: int) -> None:
        while self.nbytes > allowance and any(run.levels for run in self._runs):
            finest = min(run.widths[0] for run in self._runs if run.levels)
            self._runs = tuple(run.without(finest) for run in self._runs)


def mergeable(one: Run, other: Run, longest: int) -> bool:
    """Say whether two neighbours become one: alike in length and pace, and not too long."""
    if len(one) >= RATIO * len(other) or len(one) + len(other) > longest:
        return False
    # One that is much sparser has no narrow levels: the other would lose its own.
    finest = [run.widths[0] for run in (one, other) if run.widths]
    return len(finest) != 1 and (not finest or max(finest) <= 10 * min(finest))


def merged(one: Run, other: Run, by: str | None) -> Run:
    """Return one run of two neighbours."""
    ends = min(one.low, other.low), max(one.high, other.high)
    levels: dict[int, Batch] = {}
    for width in one.widths:
        if width in other.levels:
            pieces = [(run.levels[width], width) for run in (one, other)]
            levels[width] = chosen_again(pieces, width, by)
    for width in WIDTHS[bisect_right(WIDTHS, max(levels, default=LADDER[-1])) :]:
        if any(serves(each, width) for each in levels):
            levels[width] = stand_for(_below(levels, width), width, by)
        if width > ends[1] - ends[0]:
            break
    return Run(one.start, other.stop, ends, levels)


def chosen_again(pieces: Sequence[Piece], width: int, by: str | None) -> Batch:
    """Return the rows that stand for all pieces, of which there is one at least.

    Only buckets that more than one piece has rows in, or one that is not made for `width`, are
    chosen from again. Of equal times the earlier piece's rows come first.
    """
    parts = [piece for piece in pieces if len(piece[0])] or pieces[:1]
    whole = concat([part for part, _ in parts])
    ends = [(int(part.times[0]), int(part.times[-1])) for part, _ in parts if len(part)]
    if any(later[0] < sooner[1] for sooner, later in pairwise(ends)):
        return stand_for(in_order(whole), width, by)
    mixed = [
        (low, high) for (low, high), (_, made) in zip(ends, parts, strict=False) if made != width
    ]
    mixed += [(low, low) for (_, high), (low, _) in pairwise(ends) if high // width == low // width]
    if not mixed:
        return whole
    edges = np.array(mixed) // width * width + (0, width)
    places = np.searchsorted(whole.times, edges)
    again = np.zeros(len(whole) + 1, dtype=np.intp)
    np.add.at(again, places[:, 0], 1)
    np.add.at(again, places[:, 1], -1)
    rows = np.flatnonzero(again.cumsum()[:-1])
    keep = np.ones(len(whole), dtype=bool)
    keep[rows] = False
    keep[rows[outstanding(whole.take(rows), width, by)]] = True
    return whole.take(keep)


def _below(levels: dict[int, Batch], width: int, whole: Batch | None = None) -> Batch:
    """Return the fewest rows that a level can be chosen from."""
    rung = max((each for each in levels if serves(each, width)), default=0)
    return levels[rung] if rung or whole is None else whole


def _nbytes(batch: Batch) -> int:
    return len(batch) * sum(DTYPES[field.kind].itemsize for field in batch.schema.fields)
