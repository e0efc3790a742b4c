"""First, min, max and last of each bucket, with their times (M4, Jugel et al., VLDB 2014).

The kernel of the level of detail. Fat calls only: each numpy call may give the interpreter lock
away, and beside a cell that spins each return costs a switch interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FIRST, MIN, MAX, LAST = range(4)
_FEW = 12  # buckets up to which arg-reductions bucket by bucket are faster
_LONG = 640  # samples for each bucket more: beyond, copies of all cost more than calls

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(slots=True)
class Summary:
    """Buckets of S series: `ids` (int64[B], rising), `times` and `values` of shape (4, S, B).

    The first axis is FIRST, MIN, MAX, LAST. First and last are as they came, NaN included; min
    and max pass NaN over and are NaN, at the first sample's time, where there is nothing else.
    """

    ids: Times
    times: Times
    values: Values


def bucket_starts(times: Times, width: int) -> tuple[Times, npt.NDArray[np.intp]]:
    """Return the ids of the buckets that sorted `times` fall in, and where each begins.

    Bucket i holds the times in [i * width, (i + 1) * width).
    """
    low, high = int(times[0]) // width, int(times[-1]) // width
    if low == high:
        return np.array([low]), np.zeros(1, dtype=np.intp)
    if high - low <= 4 * len(times):
        ids = np.arange(low, high + 1)
        starts = np.searchsorted(times, ids * width)
        ends = np.append(starts[1:], len(times))
        used = ends > starts
        return ids[used], starts[used]
    every = times // width
    starts = np.flatnonzero(np.append(True, every[1:] != every[:-1]))
    return every[starts], starts


def summarise(times: Times, values: Values, width: int) -> Summary:
    """Summarise sorted samples: `times` int64[n], `values` float64[S, n], n > 0."""
    ids, starts = bucket_starts(times, width)
    lasts = np.append(starts[1:], len(times)) - 1
    found = places(values, starts, lasts)
    return Summary(ids, times[found], values[np.arange(len(values))[:, None], found])


def places(
    values: Values, starts: npt.NDArray[np.intp], lasts: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Return where first, min, max and last of each bucket lie, (4, S, B), for float64[S, n].

    `starts` and `lasts` are each bucket's first and last place; together they cover all.
    """
    found = np.empty((4, len(values), len(starts)), dtype=np.intp)
    found[FIRST], found[LAST] = starts, lasts
    size = values.shape[1]
    if size == len(starts):
        found[MIN] = found[MAX] = starts
    else:
        by_bucket = len(starts) <= _FEW + values.size // _LONG
        extremes = _places_by_bucket if by_bucket else _places_at_once
        found[MIN], found[MAX] = extremes(values, starts, lasts)
    return found


_Places = npt.NDArray[np.intp]


def _places_at_once(values: Values, starts: _Places, lasts: _Places) -> tuple[_Places, _Places]:
    """Return where each bucket's min and max lie, (S, B) each, by a few calls over all."""
    series, size = values.shape
    both = np.concatenate([values, -values])
    lows = np.minimum.reduceat(both, starts, axis=1)
    if np.isnan(lows).any():
        lows = np.fmin.reduceat(both, starts, axis=1)
    hits = np.flatnonzero(both == np.repeat(lows, lasts - starts + 1, axis=1))
    begins = (np.arange(2 * series) * size)[:, None] + starts
    hits = np.append(hits, 2 * series * size)
    places = hits[np.searchsorted(hits, begins)] - begins
    places = np.where(np.isnan(lows), 0, places) + starts
    return places[:series], places[series:]


def _places_by_bucket(values: Values, starts: _Places, lasts: _Places) -> tuple[_Places, _Places]:
    """Return the same, bucket by bucket: each is read from memory once."""
    least, most = [], []
    for start, last in zip(starts.tolist(), lasts.tolist(), strict=True):
        part = np.ascontiguousarray(values[:, start : last + 1])
        least.append(part.argmin(axis=1))
        most.append(part.argmax(axis=1))
    lows, highs = np.array(least).T + starts, np.array(most).T + starts
    # Both answer the first NaN, where there is one.
    lost = np.isnan(values[np.arange(len(values))[:, None], lows])
    for row, bucket in zip(*np.nonzero(lost), strict=True):
        start = starts[bucket]
        low, high = _finite_places(values[row, start : lasts[bucket] + 1])
        lows[row, bucket], highs[row, bucket] = start + low, start + high
    return lows, highs


def _finite_places(part: Values) -> tuple[int, int]:
    missing = np.isnan(part)
    if missing.all():
        return 0, 0
    low = int(np.where(missing, np.inf, part).argmin())
    high = int(np.where(missing, -np.inf, part).argmax())
    known = int((~missing).argmax())  # where nothing but +inf (or -inf) is there to be found
    return (known if missing[low] else low, known if missing[high] else high)


def merge(summary: Summary, place: int, other: Summary, other_place: int) -> None:
    """Fold bucket `other_place` of `other` into bucket `place` of `summary`, in time order.

    Of equal times the one already there counts as earlier; of equal values the earlier time wins.
    """
    old_t, old_v = summary.times[:, :, place], summary.values[:, :, place]
    new_t, new_v = other.times[:, :, other_place], other.values[:, :, other_place]
    take = np.empty(old_t.shape, dtype=bool)
    take[FIRST] = new_t[FIRST] < old_t[FIRST]
    take[LAST] = new_t[LAST] >= old_t[LAST]
    earlier_low, earlier_high = new_t[MIN] < old_t[MIN], new_t[MAX] < old_t[MAX]
    take[MIN] = (new_v[MIN] < old_v[MIN]) | ((new_v[MIN] == old_v[MIN]) & earlier_low)
    take[MAX] = (new_v[MAX] > old_v[MAX]) | ((new_v[MAX] == old_v[MAX]) & earlier_high)
    nothing_old, nothing_new = np.isnan(old_v[MIN]), np.isnan(new_v[MIN])
    take[MIN] |= nothing_old & (~nothing_new | earlier_low)
    take[MAX] |= nothing_old & (~nothing_new | earlier_high)
    np.copyto(old_t, new_t, where=take)
    np.copyto(old_v, new_v, where=take)
