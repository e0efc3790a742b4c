"""The rows that stand for a bucket: first, last, and those with a column's min or max.

They are rows as they came (M4, Jugel et al., VLDB 2014, for all columns at once). What stands for a
whole stands for its part in it: the rows chosen from a union are among those chosen from its parts.
So levels of any parts, late ones too, can be joined and chosen from again, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch, concat
from livewidget.data.schema import Kind
from livewidget.data.text import Text
from livewidget.sketches.extremes import bucket_starts, places

Rows = npt.NDArray[np.intp]


def outstanding(batch: Batch, width: int, by: str | None = None) -> Rows:
    """Return the places of the rows that stand for the buckets of `width` ns, rising.

    `batch` is by rising time. In each bucket [i * width, (i + 1) * width), and for each key of the
    text column `by` where one is named: the first and the last row, and for each column of numbers
    the first row with its least and its greatest value, NaN passed over, and the first and last
    that are not NaN.
    """
    if not len(batch):
        return np.empty(0, dtype=np.intp)
    _, starts = bucket_starts(batch.times, width)
    order: Rows | None = None
    keys = None if by is None else batch[by]
    if isinstance(keys, Text):
        order, starts = _by_key(keys.codes, starts)
    lasts = np.append(starts[1:], len(batch)) - 1
    chosen = np.zeros(len(batch), dtype=bool)
    chosen[starts] = chosen[lasts] = True
    values = _numbers(batch)
    if order is not None:
        values = values[:, order]
    if len(values) and len(starts) < len(batch):
        chosen[places(values, starts, lasts).ravel()] = True
        for row in values[np.isnan(values).any(axis=1)]:
            _add_known(chosen, row, starts)
    found = np.flatnonzero(chosen)
    return found if order is None else np.sort(order[found])


def stand_for(batch: Batch, width: int, by: str | None = None) -> Batch:
    """Return those rows; all where `width` is 0."""
    return batch.take(outstanding(batch, width, by)) if width > 0 else batch


def in_order(batch: Batch) -> Batch:
    """Return the rows by rising time; those of one time stay as they came."""
    times = batch.times
    if not (times[1:] < times[:-1]).any():
        return batch
    return batch.take(np.argsort(times, kind="stable"))


def cut(batch: Batch, start: int, stop: int) -> Batch:
    """Return the rows of a batch by rising time with start <= time < stop."""
    times = batch.times
    if len(times) and start <= times[0] and times[-1] < stop:
        return batch
    low, high = np.searchsorted(times, (start, stop)).tolist()
    return batch.take(slice(low, high))


def join(
    parts: Sequence[Batch], start: int, stop: int, width: int = 0, by: str | None = None
) -> Batch | None:
    """Return the rows of all parts in a range as one answer; None where there are none.

    Each part is by rising time; of equal times the earlier part's rows come first.
    """
    pieces = [piece for part in parts if len(piece := cut(part, start, stop))]
    if not pieces:
        return None
    return stand_for(in_order(concat(pieces)), width, by)


def _numbers(batch: Batch) -> npt.NDArray[np.float64]:
    """Return the columns of numbers, (S, n). Whole ones are compared as float64 holds them."""
    names = [field.name for field in batch.schema.fields if field.kind in (Kind.FLOAT, Kind.INT)]
    rows = [np.asarray(batch[name], dtype=np.float64) for name in names]
    return np.array(rows) if rows else np.empty((0, len(batch)))


def _by_key(codes: npt.NDArray[np.int32], starts: Rows) -> tuple[Rows, Rows]:
    """Return the order of rows by bucket, then key, and where each group begins in it."""
    buckets = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(codes))))
    groups = buckets * (int(codes.max()) + 2) + codes + 1
    order = np.argsort(groups, kind="stable")
    groups = groups[order]
    return order, np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))


def _add_known(chosen: npt.NDArray[np.bool_], row: npt.NDArray[np.float64], starts: Rows) -> None:
    """Choose the first and last of each group that are not NaN."""
    known = np.flatnonzero(~np.isnan(row))
    group = np.searchsorted(starts, known, side="right")
    change = group[1:] != group[:-1]
    if len(known):
        chosen[known[np.append(True, change)]] = True
        chosen[known[np.append(change, True)]] = True
