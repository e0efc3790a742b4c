"""States of metrics, cell by cell: for the keys of one stretch of time, or for many windows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from livewidget.data.convert import Column
from livewidget.data.errors import StateError
from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.metric import Arrays, Floats, Metric, Rows, Times

Metrics = Sequence[Metric]
_ROOM = 16  # cells that a state has room for at first


class States:
    """The state of each metric for so many cells, grown as they come. Not thread-safe."""

    __slots__ = ("arrays", "metrics", "room")

    def __init__(self, metrics: Metrics, room: int) -> None:
        self.metrics = metrics
        self.room = room
        self.arrays: list[Arrays] = [metric.new(room) for metric in metrics]

    def grow(self, cells: int) -> None:
        """Have room for `cells`; those that are new are without a row."""
        if cells <= self.room:
            return
        room = max(cells, 2 * self.room, _ROOM)
        self.arrays = [
            metric.grown(state, room)
            for metric, state in zip(self.metrics, self.arrays, strict=True)
        ]
        self.room = room

    def update(self, rows: Rows) -> None:
        """Take rows in; there is room for their cells. A metric that raises goes without them."""
        for metric, state in zip(self.metrics, self.arrays, strict=True):
            try:
                metric.update(state, rows)
            except Exception as error:  # noqa: BLE001  (whatever a user's class raises)
                _warn(metric, error)

    def merge(self, cells: Places, other: States, others: Places) -> None:
        """Add cells of another, which come after these in time; neither has doubles."""
        for metric, state, its in zip(self.metrics, self.arrays, other.arrays, strict=True):
            metric.merge(state, cells, its, others)

    def result(self, cells: Places) -> list[Floats]:
        """Return all outputs of the metrics, one after the other, float64[len(cells)] each."""
        return [
            column
            for metric, state in zip(self.metrics, self.arrays, strict=True)
            for column in _result(metric, state, cells)
        ]

    def take(self, cells: Places | slice) -> States:
        """Return a copy of some cells, in that order."""
        copied = States.__new__(States)
        copied.metrics = self.metrics
        copied.arrays = [
            {name: _copied(values[cells]) for name, values in state.items()}
            for state in self.arrays
        ]
        copied.room = cells.stop if isinstance(cells, slice) else len(cells)
        return copied

    def clear(self, cells: Places) -> None:
        """Have some cells as they are without a row."""
        for metric, state in zip(self.metrics, self.arrays, strict=True):
            metric.clear(state, cells)

    @classmethod
    def load(cls, metrics: Metrics, saved: list[dict[str, Any]], room: int) -> States:
        """Return what was saved, of so many cells. Raises StateError where it does not fit."""
        states = cls(metrics, 0)
        if len(saved) != len(states.arrays):
            raise StateError(f"the state has {len(saved)} metrics, expected {len(states.arrays)}")
        for place, (blank, own) in enumerate(zip(states.arrays, saved, strict=True)):
            if blank.keys() != own.keys() or any(len(own[name]) != room for name in own):
                raise StateError(f"the state of metric {place} does not fit: {sorted(own)}")
            states.arrays[place] = dict(own)
        states.room = room
        return states


def plain(metrics: Metrics) -> bool:
    """Say whether the states of metrics are numbers, which can be kept beyond the process."""
    return all(values.dtype != object for metric in metrics for values in metric.new(1).values())


def _copied(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a copy that shares nothing: of objects, too."""
    if values.dtype == object:
        return deepcopy(values)
    return values if values.base is None else values.copy()


def _result(metric: Metric, state: Arrays, cells: Places) -> Sequence[Floats]:
    """Return what a metric says; NaN for a cell at which it raises."""
    try:
        return metric.result(state, cells)
    except Exception as error:  # noqa: BLE001  (whatever a user's function raises)
        _warn(metric, error)
    if len(cells) == 1:
        return [np.full(1, np.nan) for _ in metric.outputs]
    each = [_result(metric, state, cells[at : at + 1]) for at in range(len(cells))]
    return [np.concatenate(parts) for parts in zip(*each, strict=True)]


def _warn(metric: Metric, error: Exception) -> None:
    if metric not in _TOLD:
        _TOLD.add(metric)
        name = type(metric).__name__
        log.warning("the metric %s of %s failed: %s", name, metric.inputs, error, exc_info=error)


log = logging.getLogger("livewidget")
_TOLD: WeakSet[Metric] = WeakSet()  # metrics that failed: it is said once of each


class Cells:
    """The states of the keys that had a row in one stretch of time: a cell each.

    Keys are slots, small numbers. Memory goes with the keys that were there, and while rows are
    still taken with the number of all slots (`settle` gives that back). Not thread-safe.
    """

    __slots__ = ("_slots", "_table", "count", "states")

    def __init__(self, metrics: Metrics) -> None:
        self.states = States(metrics, 0)
        self.count = 0
        self._slots = np.zeros(0, dtype=np.intp)
        self._table: Places | None = None

    @property
    def slots(self) -> Places:
        """The slot of each cell."""
        return self._slots[: self.count]

    def locate(self, slots: Places, size: int) -> Places:
        """Return the cells of slots, of which there are `size`; new ones are made for the new."""
        table = self._wide(size)
        cells = table[slots]
        if len(cells) and cells.min() < 0:
            marks = np.zeros(size, dtype=bool)
            marks[slots[cells < 0]] = True
            self._add(np.flatnonzero(marks), table)
            cells = table[slots]
        return cells

    def find(self, slot: int) -> int:
        """Return the cell of one slot, -1 where it has none."""
        if self._table is not None:
            return int(self._table[slot]) if slot < len(self._table) else -1
        there = np.flatnonzero(self.slots == slot)
        return int(there[0]) if len(there) else -1

    def update(self, slots: Places, times: Times, columns: Mapping[str, Column], size: int) -> None:
        """Take rows in."""
        self.states.update(Rows(self.locate(slots, size), times, columns))

    def absorb(self, other: Cells, size: int) -> None:
        """Add what another has, which is later."""
        cells = self.locate(other.slots, size)
        self.states.merge(cells, other.states, np.arange(other.count))

    def copy(self) -> Cells:
        """Return one that shares nothing with this one."""
        twin = Cells.__new__(Cells)
        twin.states = self.states.take(slice(0, self.count))
        twin.count = self.count
        twin._slots = self.slots.copy()  # noqa: SLF001  (its own class)
        twin._table = None if self._table is None else self._table.copy()  # noqa: SLF001
        return twin

    @classmethod
    def of(cls, slots: Places, states: States) -> Cells:
        """Return the cells of slots, which are all different, with the state of each."""
        cells = cls(states.metrics)
        cells.states, cells._slots, cells.count = states, slots, len(slots)
        return cells

    def reset(self) -> None:
        """Have no cell again, and keep the room for others: new memory costs more than old."""
        self.states.clear(np.arange(self.count))
        if self._table is not None:
            self._table[self.slots] = -1
        self.count = 0

    def settle(self) -> None:
        """Give back room that is needed for new rows only; more may come all the same."""
        if self._table is not None:
            self.states = self.states.take(slice(0, self.count))
            self._slots = self.slots.copy()
            self._table = None

    def drop(self, gone: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        """Forget the slots of a mask, bool[number of slots]."""
        keep = np.flatnonzero(~gone[self.slots])
        if len(keep) < self.count:
            self.states = self.states.take(keep)
            self._slots = self.slots[keep]
            self.count = len(keep)
            self._table = None

    def save(self) -> dict[str, Any]:
        """Return all of it as plain data, copied."""
        kept = self.states.take(slice(0, self.count))
        return {"slots": self.slots.copy(), "states": kept.arrays}

    @classmethod
    def load(cls, metrics: Metrics, saved: Mapping[str, Any]) -> Cells:
        """Return what was saved. Raises StateError where it does not fit."""
        cells = cls(metrics)
        cells._slots = np.asarray(saved["slots"], dtype=np.intp)
        cells.count = len(cells._slots)
        cells.states = States.load(metrics, saved["states"], cells.count)
        return cells

    def _wide(self, size: int) -> Places:
        table = self._table
        if table is None or len(table) < size:
            table = np.full(max(size, 0 if table is None else 2 * len(table)), -1, dtype=np.intp)
            table[self.slots] = np.arange(self.count)
            self._table = table
        return table

    def _add(self, slots: Places, table: Places) -> None:
        count = self.count + len(slots)
        self.states.grow(count)
        if len(self._slots) < count:
            own = np.zeros(self.states.room, dtype=np.intp)
            own[: self.count] = self.slots
            self._slots = own
        self._slots[self.count : count] = slots
        table[slots] = np.arange(self.count, count)
        self.count = count
