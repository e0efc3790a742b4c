"""Rows of many panes at once, as replayed history has them: one state for all, pane by pane."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.base import Part
from livewidget.pipeline.windows.cells import Cells, Metrics, States
from livewidget.pipeline.windows.metric import Rows, Times

_MANY = 16  # panes from which on one state for all costs less than one each
_WIDEST = 2**62


class Bulk:
    """A cell for each pane and key, sorted by pane: `panes`, `slots` and `states`."""

    __slots__ = ("panes", "slots", "states")

    def __init__(self, part: Part, panes: Times, metrics: Metrics, size: int) -> None:
        low = int(panes.min())
        pairs = (panes - low) * size + part.slots
        used, cells = np.unique(pairs, return_inverse=True)
        self.panes: Times = used // size + low
        self.slots: Places = used % size
        self.states = States(metrics, len(used))
        self.states.update(Rows(cells, part.times, part.columns))

    @staticmethod
    def pays(low: int, high: int, size: int) -> bool:
        """Say whether rows from one pane to another are of so many that this costs less."""
        return _MANY < high - low < _WIDEST // size

    @property
    def first(self) -> int:
        """The first pane; there is one."""
        return int(self.panes[0])

    def __bool__(self) -> bool:
        return len(self.panes) > 0

    def pop(self, last: int) -> Bulk:
        """Take away all panes up to `last`, and return them."""
        count = int(np.searchsorted(self.panes, last, "right"))
        head, tail = np.arange(count), np.arange(count, len(self.panes))
        popped = Bulk.__new__(Bulk)
        popped.panes, popped.slots = self.panes[:count], self.slots[:count]
        popped.states = self.states.take(head)
        self.panes, self.slots = self.panes[count:], self.slots[count:]
        self.states = self.states.take(tail)
        return popped

    def cells(self) -> Iterator[tuple[int, Cells]]:
        """Yield each pane with its cells."""
        if not self:
            return
        edges = np.flatnonzero(np.diff(self.panes)) + 1
        for begin, end in pairwise([0, *edges.tolist(), len(self.panes)]):
            states = self.states.take(np.arange(begin, end))
            yield int(self.panes[begin]), Cells.of(self.slots[begin:end].copy(), states)
