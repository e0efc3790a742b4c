"""The hot ring: the most recent rows of one stream, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from livewidget.buffers.storage import Storage
from livewidget.data.batch import Batch
from livewidget.data.errors import LeaseOvertakenError, SettingError
from livewidget.data.schema import Schema
from livewidget.data.text import Dictionary, Text

FIRST_CAPACITY = 65_536  # rows: a minute at 1,000 events a second, 3 MB at three columns
DEFAULT_BYTES = 256 * 2**20
SPARE = 1.25  # room for a pace a quarter faster than what it was when the ring grew


class RingBuffer:
    """A mirrored ring of rows, addressed by logical row: the n-th row ever appended is row n.

    It keeps the rows of the last `retention` ns (None: all that fit) and grows while they do not
    fit, to what the retention needs at the pace so far and to double at least, up to `max_bytes`;
    then the oldest rows are overwritten. `max_rows` bounds the rows kept, whatever their age.

    One writer at a time (its owner holds a lock); any number of readers in any thread, which
    take a `lease` (views, checked afterwards) or a `snapshot` (a copy that nothing changes).
    """

    def __init__(
        self,
        schema: Schema,
        *,
        capacity: int = FIRST_CAPACITY,
        retention: int | None = None,
        max_rows: int | None = None,
        max_bytes: int = DEFAULT_BYTES,
    ) -> None:
        if capacity < 1 or max_bytes < Storage.row_bytes(schema):
            raise SettingError(
                f"a ring holds at least one row, got capacity={capacity}, max_bytes={max_bytes}"
            )
        self.schema = schema
        self.retention = retention
        self.max_rows = max_rows
        self.max_bytes = max_bytes
        self.head = 0  # logical row that comes next
        self.tail = 0  # oldest logical row that is kept
        self.newest: int | None = None  # greatest time so far, ns UTC
        self.late = 0  # rows whose time was less than one before them
        self._disorder = 0  # rows before this one may be out of order
        self.dictionaries = {
            field.name: Dictionary() for field in schema.fields if field.kind == "text"
        }
        self._storage = Storage(schema, min(capacity, self._most_rows()))

    @property
    def capacity(self) -> int:
        """Rows that fit without growing."""
        return self._storage.capacity

    @property
    def nbytes(self) -> int:
        """Memory of the arrays in bytes."""
        return self.capacity * Storage.row_bytes(self.schema)

    @property
    def fill(self) -> float:
        """The part of the most rows it may ever hold that is held now, from 0 to 1."""
        return len(self) / self._most_rows()

    def __len__(self) -> int:
        return self.head - self.tail

    def append(self, batch: Batch) -> None:
        """Take the rows of `batch`, whose schema is the ring's. The writer's thread only."""
        size = len(batch)
        if not size:
            return
        self._note_order(batch.times)
        self._make_room(size)
        skipped = max(0, size - self.capacity)
        columns = {
            name: self._encoded(name, column)[skipped:]
            for name, column in zip(self.schema.names, batch.columns, strict=True)
        }
        self._storage.write(self.head + skipped, columns, size - skipped)
        self.head += size
        self.tail = max(self.tail, self.head - self.capacity)
        self.trim()

    def trim(self) -> None:
        """Let go of rows past the retention and past `max_rows`. The writer's thread only."""
        if self.max_rows is not None:
            self.tail = max(self.tail, self.head - self.max_rows)
        if self.retention is not None and self.newest is not None and self.head > self.tail:
            times = self._storage.column(self.schema.time, self.tail, self.head)
            self.tail += _first_from(times, self.newest - self.retention)

    def is_sorted(self, start: int) -> bool:
        """Say whether no row from `start` on is older than one kept before it."""
        return self._disorder <= max(start, self.tail)

    def lease(self, start: int | None = None, stop: int | None = None) -> Lease:
        """Return views of logical rows [start, stop), cut to what is kept."""
        stop = self.head if stop is None else min(stop, self.head)
        start = self.tail if start is None else max(start, self.tail)
        return Lease(self.schema, self._storage, min(start, stop), stop, self.dictionaries)

    def snapshot(self, start: int | None = None, stop: int | None = None) -> Batch:
        """Return a copy of logical rows [start, stop), cut to what is kept, in order of arrival.

        Rows that a writer overwrote during the copying are no longer kept.
        """
        while True:
            lease = self.lease(start, stop)
            batch = lease.copy()
            if lease.valid:
                return batch
            if lease.overtaken < len(lease):
                return batch.take(slice(lease.overtaken, None))

    def _most_rows(self) -> int:
        budget = self.max_bytes // Storage.row_bytes(self.schema)
        return budget if self.max_rows is None else max(1, min(budget, self.max_rows))

    def _note_order(self, times: npt.NDArray[np.int64]) -> None:
        newest = int(times[-1])
        known = self.newest
        if (known is not None and times[0] < known) or bool((times[1:] < times[:-1]).any()):
            newest = int(times.max())
            before = np.maximum.accumulate(times)
            if known is not None:
                before = np.maximum(before, known)
            behind = np.flatnonzero(times < before)
            self.late += len(behind)
            self._disorder = self.head + int(behind[-1]) + 1
        self.newest = newest if known is None else max(newest, known)

    def _make_room(self, size: int) -> None:
        if len(self) + size <= self.capacity:
            return
        self.trim()
        wanted = min(len(self) + size, self._most_rows())
        if wanted <= self.capacity:
            return
        # Copying stalls a frame, so it is done once: memory that is not written to costs nothing.
        foreseen = max(wanted, 2 * self.capacity, self._rows_foreseen())
        lease = self.lease()
        grown = Storage(self.schema, min(foreseen, self._most_rows()))
        grown.write(lease.start, lease.raw(), len(lease))
        grown.oldest = lease.start
        self._storage = grown

    def _rows_foreseen(self) -> int:
        """Return the rows that the retention will come to at the pace so far."""
        if self.retention is None:
            return self._most_rows()
        times = self.lease().times
        span = int(times[-1] - times[0]) if len(times) else 0
        return round(SPARE * len(times) * self.retention / span) if span > 0 else 0

    def _encoded(self, name: str, column: npt.NDArray[Any] | Text) -> npt.NDArray[Any]:
        if isinstance(column, Text):
            return self.dictionaries[name].recode(column)
        return column


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


def _first_from(times: npt.NDArray[np.int64], horizon: int) -> int:
    """Return how many rows come before the first at `horizon` or later; rows may be out of order.

    Looks at little more than those rows: it is asked at each append.
    """
    size = 256
    while True:
        found = np.flatnonzero(times[:size] >= horizon)
        if len(found) or size >= len(times):
            return int(found[0]) if len(found) else len(times)
        size *= 4
