"""Buckets to the points that are drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from livewidget.sketches.extremes import FIRST, LAST, MAX, MIN, Times, Values

Flags = npt.NDArray[np.bool_]


def points_of(
    times: Times, values: Values, broken: Flags, enters: Flags, leaves: Flags
) -> tuple[Times, Values, Flags]:
    """Return the points of some buckets, and which of them are there.

    Takes `times` and `values` of shape (4, S, B) and three flags for each bucket, bool[B]: the
    line breaks before it (`broken`); its first, its last is drawn besides min and max (`enters`,
    `leaves`; M4 where both always are). Returns times, values and a mask of shape (S, B, 5), in
    drawing order. The five places are: a break, the first (or a break where it is NaN), the two
    extremes in time order, and the last (or a break). A point that repeats the one before it is
    left out.
    """
    first, last = values[FIRST], values[LAST]
    rising = times[MIN] <= times[MAX]
    out_t = np.empty((*rising.shape, 5), dtype=np.int64)
    out_v = np.empty(out_t.shape)
    there = np.empty(out_t.shape, dtype=bool)
    out_t[..., 0], out_v[..., 0] = times[FIRST], np.nan
    out_t[..., 1], out_v[..., 1] = times[FIRST], first
    out_t[..., 2] = np.where(rising, times[MIN], times[MAX])
    out_t[..., 3] = np.where(rising, times[MAX], times[MIN])
    out_v[..., 2] = np.where(rising, values[MIN], values[MAX])
    out_v[..., 3] = np.where(rising, values[MAX], values[MIN])
    out_t[..., 4], out_v[..., 4] = times[LAST], last
    known = ~np.isnan(values[MIN])
    early = (times[FIRST] != out_t[..., 2]) | (first != out_v[..., 2])
    newer = (times[LAST] != out_t[..., 3]) | (last != out_v[..., 3])
    there[..., 0] = broken & ~np.isnan(first)
    there[..., 1] = np.isnan(first) | (enters & early)
    there[..., 2] = known
    there[..., 3] = known & (out_v[..., 2] != out_v[..., 3])
    there[..., 4] = known & (np.isnan(last) | (leaves & newer))
    return out_t, out_v, there
