"""The arrays under a ring: every row stands twice, so that any window is one contiguous view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.buffers.pool import shared_pool
from livewidget.data.schema import DTYPES, Kind, Schema


class Storage:
    """Mirrored columns of one capacity. Row i lies at i % capacity and once more behind it.

    Float columns are rows of one matrix, so that a frame reads all series in one call.
    `reserved` is how far the writer has announced that it will write, in logical rows: it is
    set before the writing, so that a reader who checks it after reading knows (a seqlock).
    `oldest` is the first row that was ever written here.
    """

    __slots__ = ("_places", "capacity", "floats", "oldest", "others", "reserved")

    def __init__(self, schema: Schema, capacity: int) -> None:
        self.capacity = capacity
        self.reserved = 0
        self.oldest = 0
        names = [field.name for field in schema.fields if field.kind is Kind.FLOAT]
        self._places = {name: place for place, name in enumerate(names)}
        self.floats = _lazy(DTYPES[Kind.FLOAT], len(names), 2 * capacity)
        self.others: dict[str, npt.NDArray[Any]] = {
            field.name: _lazy(DTYPES[field.kind], 1, 2 * capacity)[0]
            for field in schema.fields
            if field.kind is not Kind.FLOAT
        }

    @staticmethod
    def row_bytes(schema: Schema) -> int:
        """Return the memory that one row costs, both of its copies counted."""
        return 2 * sum(DTYPES[field.kind].itemsize for field in schema.fields)

    def write(self, start: int, columns: Mapping[str, npt.NDArray[Any]], size: int) -> None:
        """Write `size` rows (at most the capacity) as logical rows `start` and on."""
        self.reserved = start + size
        at = start % self.capacity
        end = at + size
        for name, target in self.others.items():
            self._write(target, at, end, columns[name])
        for name, place in self._places.items():
            self._write(self.floats[place], at, end, columns[name])

    def _write(self, target: npt.NDArray[Any], at: int, end: int, values: npt.NDArray[Any]) -> None:
        """Write to the places [at, end), and to where they stand once more.

        By memoryview: numpy would give the interpreter lock away at each of a frame's copies, and
        wait a switch interval to have it back beside a cell that spins.
        """
        split = min(end, self.capacity)
        memory = target.data
        memory[at:end] = values.data
        memory[at + self.capacity : split + self.capacity] = memory[at:split]
        if end > split:
            memory[: end - self.capacity] = memory[split:end]

    def column(self, name: str, start: int, stop: int) -> npt.NDArray[Any]:
        """Return a view of logical rows [start, stop) of one column."""
        at = start % self.capacity
        source = self.floats[self._places[name]] if name in self._places else self.others[name]
        return source[at : at + stop - start]

    def matrix(self, names: Sequence[str], start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return number columns as float64 of shape (len(names), stop - start).

        A view where the columns are float and neighbours in order; else a copy.
        """
        at = start % self.capacity
        window = slice(at, at + stop - start)
        places = [self._places.get(name, -1) for name in names]
        first = places[0]
        if first >= 0 and places == list(range(first, first + len(places))):
            return self.floats[first : first + len(places), window]
        rows = [self.column(name, start, stop).astype(np.float64, copy=False) for name in names]
        return np.stack(rows)


def _lazy(dtype: np.dtype[Any], rows: int, size: int) -> npt.NDArray[Any]:
    """Return an array whose memory is taken page by page, as it is first written to.

    numpy would ask for huge pages, and a frame would wait while the system clears twelve of them.
    """
    if not rows:
        return np.empty((0, size), dtype=dtype)
    return shared_pool().array(dtype, rows * size).reshape(rows, size)
