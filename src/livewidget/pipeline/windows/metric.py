"""What a metric is: a mergeable summary of rows, worked out for many windows at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from livewidget.data.convert import Column
from livewidget.data.text import Text
from livewidget.pipeline.keys import Places

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Arrays = dict[str, npt.NDArray[Any]]
_RADIX = 2**16  # up to here numpy sorts by radix, several times as fast


@dataclass(frozen=True)
class Rows:
    """Rows of one batch (one at least), each with the cell that it belongs to.

    A cell is one window of one key: a small number, the index of its state. `cells`: intp[n],
    `times`: int64[n] ns UTC, `columns`: by name, numbers as float64[n] (NaN where missing), text
    as `Text`. In order of arrival; `groups` has them cell by cell, worked out once for all metrics.
    """

    cells: Places
    times: Times
    columns: Mapping[str, Column]

    @cached_property
    def groups(self) -> Groups:
        """The rows sorted by cell, in order of arrival within each."""
        return _grouped(self.cells)

    def runs(self, column: str) -> Runs:
        """Return the known values of a column, cell by cell; worked out once for all metrics."""
        known = self._runs.get(column)
        if known is None:
            known = self._runs[column] = _runs_of(self.columns[column], self.groups)
        return known

    def runs_of(self, values: Floats) -> Runs:
        """Return known values of these rows, float64[n], cell by cell."""
        return _runs_of(values, self.groups)

    @cached_property
    def _runs(self) -> dict[str, Runs]:
        return {}


@dataclass(frozen=True, slots=True)
class Runs:
    """Known values side by side by cell, in order of arrival: one run a cell, none is empty.

    `values` is float64[m], of text its codes; `rows` intp[m] the row of each. `begins` is where
    each run begins, `counts` how long it is, `cells` the cell that it belongs to.
    """

    values: Floats
    rows: Places
    begins: Places
    counts: Places
    cells: Places


class Groups(NamedTuple):
    """Rows sorted by cell: the rows, and where each cell's begin among them, how many, and it."""

    order: Places
    begins: Places
    counts: Places
    cells: Places


def _grouped(cells: Places) -> Groups:
    narrow = cells.astype(np.uint16) if cells.max() < _RADIX else cells
    order = np.argsort(narrow, kind="stable")
    own = narrow[order]
    edges = np.flatnonzero(own[1:] != own[:-1])
    begins = np.zeros(len(edges) + 1, dtype=np.intp)
    np.add(edges, 1, out=begins[1:])
    counts = np.empty_like(begins)
    np.subtract(begins[1:], begins[:-1], out=counts[:-1])
    counts[-1] = len(own) - begins[-1]
    return Groups(order, begins, counts, cells[order[begins]])


def _runs_of(column: Column, groups: Groups) -> Runs:
    rows = groups.order
    text = isinstance(column, Text)
    values: Any = (column.codes if isinstance(column, Text) else column)[rows]
    least = values.min()  # NaN where one is
    if least >= 0 if text else least == least:  # noqa: PLR0124
        return Runs(values, rows, groups.begins, groups.counts, groups.cells)
    known = values >= 0 if text else ~np.isnan(values)
    number = np.repeat(np.arange(len(groups.counts)), groups.counts)[known]
    values, rows = values[known], rows[known]
    first = np.append(True, number[1:] != number[:-1])[: len(number)]
    begins = np.flatnonzero(first)
    counts = np.diff(np.append(begins, len(values)))
    return Runs(values, rows, begins, counts, groups.cells[number[begins]])


class Metric(ABC):
    """A summary of the rows of each cell. Immutable: its state is handed in.

    A state is a struct of arrays, the first axis of each being the cell: so it is copied, merged
    and kept without knowing what it means; further axes may be wider than those of `new`. `update`
    may be called with any split of the rows and gives the same, but for rounding; `merge` is
    associative. Missing values stay out.

    `inputs` are the columns that it reads, `text` whether they may be text. `outputs` are the
    suffixes of the columns that it gives: ("",) for one that is named as the user says. `ordered`
    says that rows must come by rising time, and parts be merged so: what is late is then too late.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...] = ("",)
    text: bool = False
    ordered: bool = False

    @abstractmethod
    def new(self, cells: int) -> Arrays:
        """Return the state of so many cells without a row."""

    def grown(self, state: Arrays, cells: int) -> Arrays:
        """Return the state with room for `cells`; those that are new are without a row."""
        more = self.new(cells - len(next(iter(state.values()))))
        return {name: np.concatenate([own, more[name]]) for name, own in state.items()}

    def clear(self, state: Arrays, cells: Places) -> None:
        """Have some cells be without a row again."""
        for name, blank in self.new(1).items():
            state[name][cells] = blank[0]

    @abstractmethod
    def update(self, state: Arrays, rows: Rows) -> None:
        """Take rows in; `state` has room for all their cells."""

    @abstractmethod
    def merge(self, state: Arrays, cells: Places, other: Arrays, others: Places) -> None:
        """Add the cells `others` of another state to `cells` of this one; both have no doubles."""

    @abstractmethod
    def result(self, state: Arrays, cells: Places) -> tuple[Floats, ...]:
        """Return float64[len(cells)] for each of `outputs`; NaN for a cell that says nothing."""
