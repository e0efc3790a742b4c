"""Stretches of rows of single keys, each with a state: what sessions and windows of rows have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.base import Mask
from livewidget.pipeline.windows.cells import Metrics, States

Ints = npt.NDArray[np.int64]
_FREE = -1  # the slot of a cell that is not in use


class Pool:
    """Cells that are taken and given back, with the states of metrics and some numbers each.

    `slots` has the key of each, -1 for those not in use; `fields` int64 numbers by name. Not
    thread-safe.
    """

    def __init__(self, metrics: Metrics, fields: tuple[str, ...]) -> None:
        self._metrics = metrics
        self.states = States(metrics, 0)
        self.slots = np.zeros(0, dtype=np.intp)
        self.fields: dict[str, Ints] = {name: np.zeros(0, dtype=np.int64) for name in fields}
        self._free: Places = np.zeros(0, dtype=np.intp)

    def take(self, slots: Places, **fields: Ints | int) -> Places:
        """Return new cells, without a row, for keys."""
        short = len(slots) - len(self._free)
        if short > 0:
            old = len(self.slots)
            self.states.grow(old + short)
            more = self.states.room - old
            self.slots = np.concatenate([self.slots, np.full(more, _FREE, dtype=np.intp)])
            for name, values in self.fields.items():
                self.fields[name] = np.concatenate([values, np.zeros(more, dtype=np.int64)])
            self._free = np.concatenate([np.arange(old, old + more)[::-1], self._free])
        split = len(self._free) - len(slots)
        cells, self._free = self._free[split:][::-1], self._free[:split]
        self.slots[cells] = slots
        for name, value in fields.items():
            self.fields[name][cells] = value
        return cells

    def release(self, cells: Places) -> None:
        """Give cells back."""
        if len(cells):
            self.states.clear(cells)
            self.slots[cells] = _FREE
            self._free = np.concatenate([self._free, cells])

    def used(self) -> Places:
        """Return the cells in use."""
        return np.flatnonzero(self.slots >= 0)

    def of(self, marks: Mask) -> Places:
        """Return the cells of the slots of a mask."""
        used = self.used()
        return used[marks[self.slots[used]]]

    def save(self) -> dict[str, Any]:
        """Return the cells in use as plain data, copied."""
        used = self.used()
        return {
            "slots": self.slots[used],
            "fields": {name: values[used] for name, values in self.fields.items()},
            "states": self.states.take(used).arrays,
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.slots = np.asarray(saved["slots"], dtype=np.intp)
        self.fields = {name: saved["fields"][name] for name in self.fields}
        self.states = States.load(self._metrics, saved["states"], len(self.slots))
        self._free = np.zeros(0, dtype=np.intp)
