"""Rows that no longer change, packed column by column."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from livewidget.codecs.numeric.chooser import Chooser
from livewidget.codecs.numeric.packed import Packed, pack, unpack
from livewidget.data.batch import Batch
from livewidget.data.schema import DTYPES, Kind, Schema
from livewidget.data.text import Text

FEW = 128  # values up to which packing costs more than it saves
_OVERHEAD = 128  # bytes of the objects around a column

Array = npt.NDArray[Any]
Stored = Packed | Array


class Packer:
    """Packs the columns of segments, one after another, and remembers what serves each.

    `tolerance` is the greatest error of a column by its name. One thread at a time.
    """

    def __init__(
        self, tolerance: Mapping[str, float] | None = None, *, compress: bool = True
    ) -> None:
        self._tolerance = tolerance or {}
        self._compress = compress
        self._choosers: dict[tuple[object, object], Chooser] = {}

    def store(self, values: Array, kind: object, name: object) -> Stored:
        """Return values packed, or as they are where they are few or packing would not help.

        Those of one `kind` and `name` are taken to be alike.
        """
        if self._compress and len(values) > FEW:
            chooser = self._choosers.setdefault((kind, name), Chooser())
            tolerance = self._tolerance.get(name) if isinstance(name, str) else None
            packed = pack(values, tolerance=tolerance, chooser=chooser)
            if packed.nbytes < values.nbytes:
                return packed
        # A slice would keep alive, uncounted, what it was cut from.
        return values if values.base is None else values.copy()


def fetch(stored: Stored) -> Array:
    """Return the values, which may be read-only."""
    return unpack(stored) if isinstance(stored, Packed) else stored


def size_of(columns: Sequence[Stored]) -> int:
    """Return the memory of stored columns in bytes."""
    return sum(column.nbytes + _OVERHEAD for column in columns)


class Parcel:
    """Rows by rising time, packed. Text is its codes alone. Immutable; any thread may read it.

    There is one row at least: `low` and `high` are the first and the last time, ns UTC. `codecs`
    name what packed each column, "plain" where nothing did.
    """

    __slots__ = ("_schema", "codecs", "columns", "high", "low", "nbytes", "size")

    def __init__(self, batch: Batch, packer: Packer, kind: object) -> None:
        self._schema = batch.schema
        self.size = len(batch)
        self.low, self.high = int(batch.times[0]), int(batch.times[-1])
        self.columns: tuple[Stored, ...] = tuple(
            packer.store(column.codes if isinstance(column, Text) else column, kind, name)
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        )
        self.codecs = tuple(
            column.codec if isinstance(column, Packed) else "plain" for column in self.columns
        )
        self.nbytes = size_of(self.columns)

    @property
    def raw_nbytes(self) -> int:
        """The bytes of the rows as plain arrays."""
        return self.size * row_bytes(self._schema)

    def batch(self) -> Batch:
        """Return the rows."""
        columns = (
            Text(fetch(column), ()) if field.kind is Kind.TEXT else fetch(column)
            for field, column in zip(self._schema.fields, self.columns, strict=True)
        )
        return Batch(self._schema, tuple(columns))


def row_bytes(schema: Schema) -> int:
    """Return the bytes of a row in plain arrays."""
    return sum(DTYPES[field.kind].itemsize for field in schema.fields)


class Unpacked:
    """The parcels that were read last, unpacked, up to `most` bytes. Any thread."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.nbytes = 0
        self._held: OrderedDict[Parcel, Batch] = OrderedDict()
        self._lock = threading.Lock()

    def batch(self, parcel: Parcel) -> Batch:
        """Return the rows of a parcel."""
        if not any(isinstance(column, Packed) for column in parcel.columns):
            return parcel.batch()
        with self._lock:
            if parcel in self._held:
                self._held.move_to_end(parcel)
                return self._held[parcel]
        batch = parcel.batch()
        with self._lock:
            size = parcel.raw_nbytes
            if parcel not in self._held and size <= self.most:
                self._shrink(self.most - size)  # first: others look at `nbytes` meanwhile
                self._held[parcel] = batch
                self.nbytes += size
        return batch

    def shrink(self, most: int) -> None:
        """Let go of what was read first, down to `most` bytes."""
        with self._lock:
            self._shrink(most)

    def _shrink(self, most: int) -> None:
        while self.nbytes > most:
            gone, _ = self._held.popitem(last=False)
            self.nbytes -= gone.raw_nbytes
