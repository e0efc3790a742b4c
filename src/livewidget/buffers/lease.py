"""Leases: views of a ring's rows that know when the writer has come round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch
from livewidget.data.errors import LeaseOvertakenError
from livewidget.data.schema import Schema
from livewidget.data.text import Dictionary, Text


class Lease:
    """Views of the rows [start, stop) of a ring, good until the writer comes round.

    As a context manager it checks at the end: LeaseOvertakenError means that what was read may
    be torn and must be read again.
    """

    __slots__ = ("_dictionaries", "_schema", "_storage", "start", "stop")

    def __init__(
        self,
        schema: Schema,
        storage: Storage,
        start: int,
        stop: int,
        dictionaries: Mapping[str, Dictionary],
    ) -> None:
        self._schema = schema
        self._storage = storage
        self._dictionaries = dictionaries
        self.start = start
        self.stop = stop

    @property
    def schema(self) -> Schema:
        """The schema of the rows."""
        return self._schema

    @property
    def valid(self) -> bool:
        """Whether no row of the lease has been overwritten up to now."""
        return not self.overtaken

    @property
    def overtaken(self) -> int:
        """How many rows, from the first on, have been overwritten up to now."""
        storage = self._storage
        oldest = max(storage.reserved - storage.capacity, storage.oldest)
        return min(max(0, oldest - self.start), len(self))

    @property
    def times(self) -> npt.NDArray[np.int64]:
        """The times of the rows: int64 ns since the epoch, UTC."""
        return self._storage.column(self._schema.time, self.start, self.stop)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return the view of one column; text as its codes."""
        return self._storage.column(name, self.start, self.stop)

    def matrix(self, names: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return number columns as float64, shape (len(names), rows)."""
        return self._storage.matrix(names, self.start, self.stop)

    def categories(self, name: str) -> tuple[str, ...]:
        """Return the categories of a text column, in the order of their codes."""
        return self._dictionaries[name].categories

    def part(self, start: int, stop: int) -> Lease:
        """Return the lease of logical rows [start, stop), which are among these."""
        return Lease(self._schema, self._storage, start, stop, self._dictionaries)

    def raw(self) -> dict[str, npt.NDArray[Any]]:
        """Return the views of all columns by name."""
        return {name: self.column(name) for name in self._schema.names}

    def copy(self) -> Batch:
        """Return the rows as a batch of their own. Check `valid` afterwards."""
        columns = tuple(
            Text(view.copy(), self.categories(name)) if name in self._dictionaries else view.copy()
            for name, view in self.raw().items()
        )
        return Batch(self._schema, columns)

    def check(self) -> None:
        """Raise LeaseOvertakenError where a row was overwritten since the lease was taken."""
        if not self.valid:
            raise LeaseOvertakenError(f"rows {self.start} to {self.stop} were overwritten")

    def __len__(self) -> int:
        return self.stop - self.start

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.check()  # after an error too: torn rows may have led to it
