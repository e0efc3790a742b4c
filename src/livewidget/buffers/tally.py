"""Count, sum and a sketch of quantiles of each bucket and key: what standing rows do not tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.buffers.parcel import Packer, Stored, fetch, size_of
from livewidget.data.batch import Batch
from livewidget.data.schema import Kind
from livewidget.data.text import Text
from livewidget.sketches.extremes import bucket_starts
from livewidget.sketches.quantiles import Sketches, error_of, joined, ranked

BINS = 64  # of a sketch: of signals around zero, 0.8 % would take a kilobyte a minute

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one column, for each group: how many values are not NaN, their sum, and their sketch."""

    counts: Ints
    sums: Floats
    sketches: Sketches


@dataclass(frozen=True, slots=True)
class Tally:
    """Groups of rows by bucket of `width` ns, then by key; one of `columns` a column of numbers.

    `times` are the buckets' starts and `keys` the keys' codes; without keys all are 0.
    """

    width: int
    times: Ints
    keys: npt.NDArray[np.int32]
    columns: tuple[Numbers, ...]

    def within(self, start: int, stop: int) -> Tally:
        """Return the groups whose buckets begin in [start, stop)."""
        low, high = np.searchsorted(self.times, (start, stop)).tolist()
        if high - low == len(self.times):
            return self
        part = slice(low, high)
        return Tally(
            self.width,
            self.times[part],
            self.keys[part],
            tuple(_within(each, low, high) for each in self.columns),
        )


def number_columns(batch: Batch) -> list[str]:
    """Return the names of the columns that are numbers."""
    return [field.name for field in batch.schema.fields if field.kind in (Kind.FLOAT, Kind.INT)]


def groups_of(
    times: Ints, keys: npt.NDArray[np.int32] | None, width: int
) -> tuple[Ints, Ints, npt.NDArray[np.int32]]:
    """Return the group of each row, and the bucket's start and the key of each group, rising."""
    buckets, used = ranked(times // width)
    if keys is None or not len(keys):
        return buckets, used * width, np.zeros(len(used), dtype=np.int32)
    span = int(keys.max()) + 2
    groups, pairs = ranked(buckets * span + keys + 1)
    return groups, used[pairs // span] * width, (pairs % span - 1).astype(np.int32)


def keys_of(batch: Batch, by: str | None) -> npt.NDArray[np.int32] | None:
    """Return the codes of a batch's keys; None without keys."""
    column = None if by is None else batch[by]
    return column.codes if isinstance(column, Text) else None


def tally(batch: Batch, width: int, by: str | None) -> Tally:
    """Return the tally of rows by rising time, one at least."""
    keys = keys_of(batch, by)
    if keys is None:  # the groups are runs of rows: twice as fast
        ids, starts = bucket_starts(batch.times, width)
        times, names = ids * width, np.zeros(len(ids), dtype=np.int32)
        groups = np.repeat(np.arange(len(ids)), np.diff(np.append(starts, len(batch))))
    else:
        groups, times, names = groups_of(batch.times, keys, width)
        starts = None
    columns = []
    for name in number_columns(batch):
        values = np.asarray(batch[name], dtype=np.float64)
        missing = np.isnan(values)
        if starts is not None and not missing.any():
            counts = np.diff(np.append(starts, len(batch)))
            sums = np.add.reduceat(values, starts)
        else:
            counts = np.bincount(groups, ~missing, len(times)).astype(np.int64)
            sums = _summed(groups, np.where(missing, 0.0, values), len(times))
        columns.append(Numbers(counts, sums, Sketches.of(values, groups, len(times))))
    return Tally(width, times, names, tuple(columns))


def merged(parts: Sequence[Tally], width: int) -> Tally:
    """Return one tally of all parts (one at least) at `width`, which their widths divide."""
    if len(parts) == 1 and parts[0].width == width:
        return parts[0]
    times = np.concatenate([part.times for part in parts])
    keys = np.concatenate([part.keys for part in parts])
    groups, buckets, names = groups_of(times, keys, width)
    size = len(buckets)
    columns = []
    for each in zip(*(part.columns for part in parts), strict=True):
        counts = np.concatenate([numbers.counts for numbers in each])
        sums = np.concatenate([numbers.sums for numbers in each])
        sketches = joined([numbers.sketches for numbers in each])
        columns.append(
            Numbers(
                np.bincount(groups, counts, size).astype(np.int64),
                _summed(groups, sums, size),
                sketches.regrouped(groups, size),
            )
        )
    return Tally(width, buckets, names, tuple(columns))


def _summed(groups: Ints, values: Floats, size: int) -> Floats:
    return np.bincount(groups, values, size).astype(np.float64, copy=False)


def _within(numbers: Numbers, low: int, high: int) -> Numbers:
    sketches = numbers.sketches
    ends = np.concatenate([[0], np.cumsum(sketches.sizes)])
    part, bins = slice(low, high), slice(int(ends[low]), int(ends[high]))
    return Numbers(
        numbers.counts[part],
        numbers.sums[part],
        Sketches(sketches.sizes[part], sketches.bins[bins], sketches.counts[bins], sketches.shift),
    )


class PackedTally:
    """A tally of `rows` rows in few bytes. Immutable; any thread may read it.

    Its sketches have `BINS` bins each on average at most, or one for so many rows; `error` is
    the greatest relative error that their quantiles have so.
    """

    __slots__ = ("_shifts", "_stored", "error", "nbytes", "width")

    def __init__(self, whole: Tally, rows: int, packer: Packer, kind: object) -> None:
        self.width = whole.width
        arrays: list[npt.NDArray[Any]] = [whole.times, whole.keys]
        most = max(BINS * len(whole.times), rows // BINS)
        sketches = [each.sketches.within(most) for each in whole.columns]
        for each, sketch in zip(whole.columns, sketches, strict=True):
            # The counts of a group are those of its bins: they need not be kept.
            arrays += [each.sums, sketch.sizes, sketch.bins, sketch.counts]
        self._shifts = [sketch.shift for sketch in sketches]
        self.error = error_of(max(self._shifts, default=0))
        self._stored: tuple[Stored, ...] = tuple(
            packer.store(each, (kind, "tally"), place) for place, each in enumerate(arrays)
        )
        self.nbytes = size_of(self._stored)

    def tally(self) -> Tally:
        """Return the tally."""
        times, keys, *rest = map(fetch, self._stored)
        columns = []
        for place, shift in enumerate(self._shifts):
            sums, sizes, bins, counts = rest[4 * place : 4 * place + 4]
            sketches = Sketches(sizes, bins, counts, shift)
            columns.append(Numbers(sketches.totals(), sums, sketches))
        return Tally(self.width, times, keys, tuple(columns))
