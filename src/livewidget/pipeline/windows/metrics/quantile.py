"""Percentiles and the median, by t-digest."""

from __future__ import annotations

from livewidget.data.errors import SettingError, quote
from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.metric import Arrays, Floats, Rows
from livewidget.pipeline.windows.metrics.basic import OfColumn
from livewidget.sketches import tdigest


class Quantile(OfColumn):
    """A quantile: exact up to some hundred values of a cell, else within a percent of the ranks.

    `share` is from 0 to 1. Between two values it is interpolated, as in pandas.
    """

    def __init__(self, column: str, share: float) -> None:
        super().__init__(column)
        if not 0 <= share <= 1:
            raise SettingError(f"a quantile is from 0 to 1, got {quote(share)}")
        self._share = share

    def new(self, cells: int) -> Arrays:
        """Return digests of nothing."""
        return tdigest.blank(cells)

    def grown(self, state: Arrays, cells: int) -> Arrays:
        """Return the digests with room for more."""
        return tdigest.grown(state, cells)

    def clear(self, state: Arrays, cells: Places) -> None:
        """Empty some."""
        tdigest.clear(state, cells)

    def update(self, state: Arrays, rows: Rows) -> None:
        """Add."""
        runs = rows.runs(self.column)
        tdigest.add(state, runs.cells, runs.values, runs.begins, runs.counts)

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add another's."""
        tdigest.merge(state, cells, other, others)

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the quantiles; NaN of nothing."""
        return (tdigest.quantile(state, cells, self._share),)
