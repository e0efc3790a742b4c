"""Which rows of a full ring's older half stay: those that would be missed most."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.sketches.ladder import LADDER
from livewidget.sketches.outstanding import in_order, outstanding

SHARE = 0.75  # of the rows that stay: extremes at most; the others keep the course between them


def halve(
    batch: Batch, kept: npt.NDArray[np.bool_] | None = None, by: str | None = None
) -> npt.NDArray[np.intp]:
    """Return the places, rising, of half the rows of `batch` (in order of arrival).

    First those in the mask `kept`, the latest where they are too many; then those that stand for
    the narrowest buckets that leave room (see `sketches.outstanding`); then the rest, evenly.
    """
    most = len(batch) // 2
    chosen = np.zeros(len(batch), dtype=bool) if kept is None else kept.astype(bool)
    if int(chosen.sum()) >= most:
        return np.flatnonzero(chosen)[len(np.flatnonzero(chosen)) - most :]
    order = np.argsort(batch.times, kind="stable")
    ordered = in_order(batch)
    span = int(ordered.times[-1] - ordered.times[0])
    for width in LADDER[bisect_left(LADDER, 4 * span // max(1, most)) :]:
        extremes = order[outstanding(ordered, width, by)]
        if int((~chosen[extremes]).sum()) <= SHARE * (most - int(chosen.sum())):
            chosen[extremes] = True
            break
    rest = np.flatnonzero(~chosen)
    free = most - int(chosen.sum())
    chosen[rest[np.arange(free) * len(rest) // max(1, free)]] = True
    return np.flatnonzero(chosen)
