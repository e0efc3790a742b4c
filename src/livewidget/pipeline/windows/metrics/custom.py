"""Metrics of the user's own: a function of an array, or a class that learns as rows come."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol, Self

import numpy as np

from livewidget.pipeline.keys import Places
from livewidget.pipeline.windows.metric import Arrays, Floats, Rows, Times
from livewidget.pipeline.windows.metrics.basic import OfColumn

MOST_VALUES = 100_000  # of a cell
_FIRST_WIDTH = 8


class OfValues(OfColumn):
    """A function of the values of a window, float64[n] in order of arrival, that gives a number.

    The values are kept until the window has closed, `most` of them at most for each key; what
    comes behind those stays out. It is not called for a window without a value: that gives NaN.
    """

    def __init__(
        self, column: str, function: Callable[[Floats], float], most: int = MOST_VALUES
    ) -> None:
        super().__init__(column)
        self._function = function
        self._most = most

    def new(self, cells: int) -> Arrays:
        """Return lists of nothing."""
        return {"values": np.zeros((cells, 0)), "fill": np.zeros(cells, dtype=np.int64)}

    def grown(self, state: Arrays, cells: int) -> Arrays:
        """Return the lists with room for more."""
        more = self.new(cells - len(state["fill"]))
        more["values"] = np.zeros((len(more["fill"]), state["values"].shape[1]))
        return {name: np.concatenate([own, more[name]]) for name, own in state.items()}

    def clear(self, state: Arrays, cells: Places) -> None:
        """Empty some."""
        state["fill"][cells] = 0

    def update(self, state: Arrays, rows: Rows) -> None:
        """Append."""
        runs = rows.runs(self.column)
        self._append(state, runs.cells, runs.values, runs.counts)

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Append another's."""
        counts = other["fill"][others]
        there = np.arange(other["values"].shape[1]) < counts[:, None]
        self._append(state, cells, other["values"][others][there], counts)

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return what the function gives for each."""
        fill = state["fill"][cells]
        found = np.full(len(cells), np.nan)
        for place in np.flatnonzero(fill).tolist():
            found[place] = self._function(state["values"][cells[place], : fill[place]].copy())
        return (found,)

    def _append(self, state: Arrays, cells: Places, values: Floats, counts: Places) -> None:
        if not len(values):
            return
        fill = state["fill"][cells]
        place = np.arange(len(values)) + np.repeat(fill - (np.cumsum(counts) - counts), counts)
        keep = place < self._most
        needed = int(min((fill + counts).max(), self._most))
        width = state["values"].shape[1]
        if needed > width:
            room = np.zeros((len(state["fill"]), max(_FIRST_WIDTH, needed, 2 * width)))
            room[:, :width] = state["values"]
            state["values"] = room
        state["values"][np.repeat(cells, counts)[keep], place[keep]] = values[keep]
        state["fill"][cells] = np.minimum(fill + counts, self._most)


class Incremental(Protocol):
    """A metric of one window of one key, made anew for each."""

    def update(self, values: Floats, times: Times) -> None:
        """Take rows in: float64[n], none of them NaN, and int64[n] ns UTC."""
        ...

    def merge(self, other: Self) -> None:
        """Add what another has seen."""
        ...

    def result(self) -> float:
        """Return the number so far."""
        ...


class OfObjects(OfColumn):
    """An object of a class of the user's for each cell: slower, and its state is not kept."""

    def __init__(self, column: str, make: Callable[[], Incremental]) -> None:
        super().__init__(column)
        self._make = make

    def new(self, cells: int) -> Arrays:
        """Return no objects."""
        return {"object": np.full(cells, None, dtype=object)}

    def update(self, state: Arrays, rows: Rows) -> None:
        """Hand each object its rows."""
        runs = rows.runs(self.column)
        times = rows.times[runs.rows]
        for cell, begin, count in zip(runs.cells, runs.begins, runs.counts, strict=True):
            part = slice(begin, begin + count)
            self._at(state, cell).update(runs.values[part], times[part])

    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Merge objects."""
        for cell, its in zip(cells, others, strict=True):
            theirs = other["object"][its]
            if theirs is not None:
                self._at(state, cell).merge(copy.deepcopy(theirs))

    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return what each gives; NaN where there is none."""
        objects = state["object"][cells]
        return (np.array([np.nan if it is None else float(it.result()) for it in objects]),)

    def _at(self, state: Arrays, cell: int) -> Any:
        if state["object"][cell] is None:
            state["object"][cell] = self._make()
        return state["object"][cell]
