"""Values as they were last known at the points of a grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from livewidget.pipeline.keys import distinct
from livewidget.pipeline.relating.comoments import Floats, Places
from livewidget.pipeline.sliding import Pane, Times


def points(time: int, window: int, step: int) -> Times:
    """Return the multiples of `step` in (time - window, time]."""
    first = ((time - window) // step + 1) * step
    return np.arange(first, time + 1, step, dtype=np.int64)


def sampled(times: Times, values: Floats, grid: Times) -> Floats:
    """Return the last known value at or before each point; NaN before the first. By rising time."""
    known = ~np.isnan(values)
    when, what = times[known], values[known]
    place = np.searchsorted(when, grid, side="right") - 1
    found = np.full(len(grid), np.nan)
    found[place >= 0] = what[place[place >= 0]]
    return found


class SampledKeys(NamedTuple):
    """The keys of a window by falling number of rows, and float64[points, keys]."""

    names: tuple[str, ...]
    values: Floats

    def most(self, count: int) -> SampledKeys:
        """Return those with the most rows, in the order of their names."""
        chosen = sorted(range(min(count, len(self.names))), key=self.names.__getitem__)
        return SampledKeys(tuple(self.names[it] for it in chosen), self.values[:, chosen])


def sampled_keys(pane: Pane, by: str, column: str, window: int, step: int) -> SampledKeys:
    """Return a column, key by key, at the points of a window; what has no key is left out."""
    keys, places = distinct(pane.rows[by])
    values = np.asarray(pane.rows[column], dtype=np.float64)
    times = pane.stands
    grid = points(pane.time, window, step)
    order: Places = np.argsort(places, kind="stable")
    edges = np.searchsorted(places[order], np.arange(len(keys) + 1))
    names = [
        (int(edges[at] - edges[at + 1]), str(key), at)
        for at, key in enumerate(keys)
        if key is not None
    ]
    names.sort()
    columns = [
        sampled(times[rows], values[rows], grid)
        for rows in (order[edges[at] : edges[at + 1]] for _, _, at in names)
    ]
    table = np.column_stack(columns) if columns else np.zeros((len(grid), 0))
    return SampledKeys(tuple(name for _, name, _ in names), table)
