"""Variance and standard deviation, by the parallel algorithm of Chan, Golub and LeVeque (1979)."""

from __future__ import annotations

import numpy as np

from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.metric import Arrays, Floats, Rows
from livewidget.pipeline.windows.metrics.basic import OfColumn


class Variance(OfColumn):
    """The variance of the sample (n - 1, as in pandas), or its square root; NaN of less than two.

    What is added up are squares of distances from a mean, never of the values: a level of a
    billion costs no digits.
    """

    def __init__(self, column: str, *, root: bool = False) -> None:
        super().__init__(column)
        self._root = root

    def new(self, cells: int) -> Arrays:
        """Return spreads of nothing."""
        return {
            "count": np.zeros(cells, dtype=np.int64),
            "mean": np.zeros(cells),
            "squares": np.zeros(cells),
        }

    def update(self, state: Arrays, rows: Rows) -> None:
        """Work the spread of the new rows out, and add it."""
        runs = rows.runs(self.column)
        if not len(runs.values):
            return
        mean = np.add.reduceat(runs.values, runs.begins) / runs.counts
        apart = runs.values - np.repeat(mean, runs.counts)
        self._add(state, runs.cells, runs.counts, mean, np.add.reduceat(apart * apart, runs.begins))

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add another's."""
        parts = (other[name][others] for name in ("count", "mean", "squares"))
        self._add(state, cells, *parts)

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the variances, or their roots."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = state["squares"][cells] / (state["count"][cells] - 1)
        found[state["count"][cells] < 2] = np.nan  # noqa: PLR2004  (a spread takes two)
        return (np.sqrt(found) if self._root else found,)

    @staticmethod
    def _add(state: Arrays, cells: Places, count: Places, mean: Floats, squares: Floats) -> None:
        own, level = state["count"][cells], state["mean"][cells]
        whole = own + count
        share = count / np.maximum(whole, 1)
        apart = mean - level
        state["count"][cells] = whole
        state["mean"][cells] = level + apart * share
        state["squares"][cells] += squares + apart * apart * own * share
