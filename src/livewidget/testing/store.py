"""A store in a list: the slow, readable twin of all others."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from livewidget.data.batch import Batch
from livewidget.data.errors import SchemaError, StoreError
from livewidget.data.history import EVER, check_range, chunks
from livewidget.data.schema import Schema
from livewidget.sketches.outstanding import in_order, join
from livewidget.storage.base import Store, StoreStats


class ListStore(Store):
    """Keeps batches in a list. `down` is why it fails now ("" for it does not); any thread."""

    def __init__(self, name: str = "list", by: str | None = None) -> None:
        self.name = name
        self.down = ""
        self.closed = False
        self._by = by
        self._schema: Schema | None = None
        self._batches: list[Batch] = []
        self._rows = 0
        self._since = -EVER
        self._lock = threading.Lock()

    def open(self, schema: Schema | None = None) -> None:
        """Open; the rows of an earlier time are still there."""
        self._check()
        if schema is not None and self._schema not in (None, schema):
            raise SchemaError(f"the store holds {self._schema}, got {schema}")
        self._schema = self._schema or schema
        self.closed = False

    @property
    def schema(self) -> Schema | None:
        """The schema of the rows."""
        return self._schema

    @property
    def rows(self) -> int:
        """How many rows were ever appended."""
        return self._rows

    def append(self, batch: Batch, first: int) -> None:
        """Keep a batch, less the rows that are there."""
        self._check()
        with self._lock:
            fresh = batch.take(slice(max(0, self._rows - first), None))
            self._schema = self._schema or batch.schema
            self._rows = max(self._rows, first + len(batch))
            if len(fresh):
                self._batches.append(in_order(fresh))

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time."""
        self._check()
        edges = [(int(it.times[0]), int(it.times[-1])) for it in self._batches]
        return (min(low for low, _ in edges), max(high for _, high in edges)) if edges else None

    def since(self) -> int:
        """Return from when on all is here."""
        return self._since

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield the rows of a range."""
        check_range(start, stop, width)
        self._check()
        with self._lock:
            parts = list(self._batches)
        yield from chunks(join(parts, start, stop, width, self._by))

    def prune(self, before: int) -> int:
        """Let go of batches that end before a time."""
        with self._lock:
            gone = [it for it in self._batches if it.times[-1] < before]
            self._batches = [it for it in self._batches if it.times[-1] >= before]
            if gone:
                self._since = max(self._since, *(int(it.times[-1]) + 1 for it in gone))
        return sum(map(len, gone))

    def stats(self) -> StoreStats:
        """Return what there is."""
        rows = sum(map(len, self._batches))
        state = "closed" if self.closed else "failing" if self.down else "open"
        return StoreStats(rows, 0, state, self.down)

    def close(self) -> None:
        """Close; the rows stay."""
        self.closed = True

    def _check(self) -> None:
        if self.down:
            raise StoreError(f"{self.name}: {self.down}")


class LastingStore(ListStore):
    """A `ListStore` that a buffer can be restored from: a `Recoverable`."""

    def __init__(self, name: str = "list", by: str | None = None) -> None:
        super().__init__(name, by)
        self._came: list[tuple[int, Batch]] = []
        self._saved: dict[str, bytes] = {}

    def append(self, batch: Batch, first: int) -> None:
        """Keep a batch, less the rows that are there."""
        known = self._rows
        super().append(batch, first)
        if first + len(batch) > known:
            self._came.append((max(first, known), batch.take(slice(max(0, known - first), None))))

    def rows_from(self, first: int, stop: int | None = None) -> Iterator[tuple[int, Batch]]:
        """Yield rows by number, as they came."""
        self._check()
        for number, batch in list(self._came):
            high = len(batch) if stop is None else min(stop - number, len(batch))
            low = max(0, first - number)
            if low < high:
                yield number + low, batch.take(slice(low, high))

    def first_since(self, time: int) -> int:
        """Return the first row of the first batch with that time or a later one."""
        self._check()
        found = (number for number, batch in self._came if batch.times.max() >= time)
        return next(found, self._rows)

    def load(self, key: str) -> bytes | None:
        """Return what was saved."""
        self._check()
        return self._saved.get(key)

    def save(self, key: str, data: bytes) -> None:
        """Keep data under a key."""
        self._check()
        self._saved[key] = data
