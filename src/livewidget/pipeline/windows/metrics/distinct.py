"""How many different values there were, by HyperLogLog."""

from __future__ import annotations

import numpy as np

from livewidget.data.text import Text
from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.metric import Arrays, Floats, Rows
from livewidget.pipeline.windows.metrics.basic import OfColumn
from livewidget.sketches import hll


class Distinct(OfColumn):
    """The number of different known values: exact up to some hundred, then within some percent."""

    text = True

    def new(self, cells: int) -> Arrays:
        """Return sketches of nothing."""
        return hll.blank(cells)

    def grown(self, state: Arrays, cells: int) -> Arrays:
        """Return the sketches with room for more."""
        return hll.grown(state, cells)

    def clear(self, state: Arrays, cells: Places) -> None:
        """Empty some."""
        hll.clear(state, cells)

    def update(self, state: Arrays, rows: Rows) -> None:
        """Add."""
        runs, column = rows.runs(self.column), rows.columns[self.column]
        if isinstance(column, Text):
            table = np.array([hll.hash_of(each) for each in column.categories], dtype=np.uint64)
            hashes = table[runs.values.astype(np.intp)]
        else:
            hashes = hll.hashes_of(runs.values)
        hll.add(state, runs.cells, hashes, runs.counts)

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add another's."""
        hll.merge(state, cells, other, others)

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return the counts."""
        return (hll.count(state, cells),)
