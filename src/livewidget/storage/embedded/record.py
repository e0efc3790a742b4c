"""One record of the log: a batch as raw columns, under a head that knows whether it is whole."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.convert import Column
from livewidget.data.errors import StoreError
from livewidget.data.schema import DTYPES, Kind, Schema
from livewidget.data.text import Text
from livewidget.storage.embedded.secret import NONCE, TAG, Sealer

MAGIC = b"LWR1"
_HEAD = struct.Struct("<4sIqqqqII")
SIZE = _HEAD.size
_ALIGN = 8  # bytes: columns of 8-byte numbers are read where they lie


@dataclass(frozen=True, slots=True)
class Head:
    """Rows, number of the first, bytes of the body, first and last time (ns), the body's crc32."""

    rows: int
    first: int
    length: int
    low: int
    high: int
    crc: int

    @property
    def end(self) -> int:
        """The number after its last row."""
        return self.first + self.rows

    def pack(self) -> bytes:
        """Return it as bytes, the last four of which are their own crc32."""
        told = (MAGIC, self.rows, self.first, self.length, self.low, self.high, self.crc, 0)
        data = _HEAD.pack(*told)[:-4]
        return data + zlib.crc32(data).to_bytes(4, "little")

    @classmethod
    def read(cls, data: memoryview, at: int) -> Head | None:
        """Return the head at a place, None where none is."""
        if at + SIZE > len(data):
            return None
        magic, rows, first, length, low, high, crc, own = _HEAD.unpack_from(data, at)
        if magic != MAGIC or zlib.crc32(data[at : at + SIZE - 4]) != own:
            return None
        return cls(rows, first, length, low, high, crc)


class Names:
    """The categories of each text column of one log, in the order of their codes."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.columns = [n for n, field in enumerate(schema.fields) if field.kind is Kind.TEXT]
        self.names: list[list[str]] = [[] for _ in self.columns]
        self._tables: list[dict[str, int]] = [{} for _ in self.columns]
        self._last: list[tuple[tuple[str, ...], npt.NDArray[np.int32]] | None]
        self._last = [None] * len(self.columns)

    def recode(self, place: int, text: Text) -> npt.NDArray[np.int32]:
        """Return the codes of a column's text here; new categories are added."""
        last = self._last[place]
        if last is not None and last[0] is text.categories:
            return last[1][text.codes]
        if len(text.categories) > 2 * len(text.codes):
            used, places = np.unique(text.codes, return_inverse=True)
            names = [text.categories[code] if code >= 0 else None for code in used.tolist()]
            return self._codes(place, names)[places]
        table = self._codes(place, [*text.categories, None])
        self._last[place] = text.categories, table
        return table[text.codes]

    def sizes(self) -> list[int]:
        """Return how many categories each column has."""
        return [len(names) for names in self.names]

    def since(self, sizes: Sequence[int]) -> bytes:
        """Return what was added since those sizes, as JSON: place, code of the first, names."""
        added = [
            [place, size, names[size:]]
            for place, (size, names) in enumerate(zip(sizes, self.names, strict=True))
            if len(names) > size
        ]
        return json.dumps(added).encode() if added else b""

    def take_up(self, data: bytes) -> None:
        """Add what `since` returned; harmless where it is known."""
        for place, first, added in json.loads(data) if data else ():
            names = self.names[place]
            names += _lost(len(names), first)
            for name in added[max(0, len(names) - first) :]:
                self._tables[place].setdefault(name, len(names))
                names.append(name)

    def forget(self, sizes: Sequence[int]) -> None:
        """Let go of what was added since those sizes: its record was not written."""
        self._last = [None] * len(self.columns)
        for names, table, size in zip(self.names, self._tables, sizes, strict=True):
            for name in names[size:]:
                del table[name]
            del names[size:]

    def _codes(self, place: int, names: Sequence[str | None]) -> npt.NDArray[np.int32]:
        table, known = self._tables[place], self.names[place]
        codes = []
        for name in names:
            code = -1 if name is None else table.get(name)
            if code is None:
                assert name is not None
                well = _well_formed(name)
                code = table.get(well)
                if code is None:
                    code = table[well] = len(known)
                    known.append(well)
            codes.append(code)
        return np.array(codes, dtype=np.int32)


def _lost(start: int, stop: int) -> list[str]:
    """Return what stands for names whose record was damaged."""
    return [f"\ufffd{code}" for code in range(start, stop)]


def _well_formed(name: str) -> str:
    """Return a name with U+FFFD for lone surrogates, which no file in UTF-8 can hold."""
    return name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Arrays = Sequence[npt.NDArray[Any]]


def coded(batch: Batch, names: Names) -> Arrays:
    """Return the columns of a batch as arrays: text as codes of `names`, which grow."""
    arrays, place = [], 0
    for column in batch.columns:
        if isinstance(column, Text):
            arrays.append(names.recode(place, column))
            place += 1
        else:
            arrays.append(np.ascontiguousarray(column))
    return arrays


def dump(
    arrays: Arrays, times: npt.NDArray[np.int64], first: int, added: bytes, sealer: Sealer | None
) -> tuple[Head, bytes]:
    """Return the head and the body of a record; `added` is what `Names.since` said of it."""
    parts: list[Any] = []
    size = len(added) + (0 if sealer is None else NONCE + TAG)
    for array in arrays:
        parts.append(array.data)
        if pad := array.nbytes % _ALIGN:
            parts.append(bytes(pad))
    parts += [added, bytes(-size % _ALIGN)]  # the arrays and their pads are aligned already
    body = b"".join(parts)
    rows, low, high = len(times), int(times.min()), int(times.max())
    if sealer is not None:
        body = sealer.seal(body, _bound(rows, first, low, high))
    return Head(rows, first, len(body), low, high, zlib.crc32(body)), body


def _bound(rows: int, first: int, low: int, high: int) -> bytes:
    """Return what a sealed body is bound to: it cannot be moved under another head."""
    return struct.pack("<qqqq", rows, first, low, high)


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record at `at` (bytes): its head, its columns as bytes, and the names it adds."""

    at: int
    head: Head
    columns: tuple[memoryview, ...]
    names: bytes

    @property
    def nbytes(self) -> int:
        """Its bytes, head and all."""
        return SIZE + self.head.length


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes [start, stop) of a log that are no record; its head, where that is whole."""

    start: int
    stop: int
    head: Head | None = None


def records(
    data: bytes, at: int, schema: Schema, sealer: Sealer | None
) -> Iterator[Record | Damage]:
    """Yield the whole records from a place on; ends where none follows any more.

    What lies between two whole records, and is none, is a Damage.
    """
    view = memoryview(data)
    sizes = [DTYPES[field.kind].itemsize for field in schema.fields]
    while True:
        head = _whole(view, at)
        if head is None:
            after = _next(data, view, at + 1)
            if after < 0:
                return
            yield Damage(at, after)
            at = after
            continue
        stop = at + SIZE + head.length
        try:
            yield _record(view, at, head, sizes, sealer)
        except StoreError:  # it was sealed otherwise
            yield Damage(at, stop, head)
        at = stop


def _whole(view: memoryview, at: int) -> Head | None:
    head = Head.read(view, at)
    if head is None or at + SIZE + head.length > len(view):
        return None
    body = view[at + SIZE : at + SIZE + head.length]
    return head if zlib.crc32(body) == head.crc else None


def _next(data: bytes, view: memoryview, at: int) -> int:
    """Return where the next whole record begins, -1 where none does."""
    while (at := data.find(MAGIC, at)) >= 0:
        if _whole(view, at) is not None:
            return at
        at += 1
    return -1


def _record(
    view: memoryview, at: int, head: Head, sizes: Sequence[int], sealer: Sealer | None
) -> Record:
    body = view[at + SIZE : at + SIZE + head.length]
    if sealer is not None:
        opened = sealer.unseal(body, _bound(head.rows, head.first, head.low, head.high))
        body = memoryview(opened)
    columns, place = [], 0
    for itemsize in sizes:
        size = head.rows * itemsize
        columns.append(body[place : place + size])
        place += size + size % _ALIGN
    if place > len(body):
        raise StoreError(f"a record of {head.rows} rows has {len(body)} bytes, not {place}")
    return Record(at, head, tuple(columns), bytes(body[place:]).rstrip(b"\0"))


def joined(parts: Sequence[Sequence[Any]], names: Names, schema: Schema) -> Batch:
    """Return the columns of parts, arrays or bytes, one after another as one batch."""
    arrays = [
        np.frombuffer(b"".join([part[n] for part in parts]), dtype=DTYPES[field.kind])
        for n, field in enumerate(schema.fields)
    ]
    return _named(arrays, names, schema)


class Gathered:
    """The rows of many records, copied into one array a column, for which there is room."""

    def __init__(self, schema: Schema, room: int) -> None:
        self.schema = schema
        self.names = Names(schema)
        self.rows = 0
        dtypes = [DTYPES[field.kind] for field in schema.fields]
        self._arrays: list[npt.NDArray[Any]] = [np.empty(room, dtype=dtype) for dtype in dtypes]

    def add(self, record: Record) -> None:
        """Take the rows of a record."""
        stop = self.rows + record.head.rows
        for array, data in zip(self._arrays, record.columns, strict=True):
            array[self.rows : stop] = np.frombuffer(data, dtype=array.dtype)
        self.names.take_up(record.names)
        self.rows = stop

    def batch(self, start: int, stop: int) -> Batch:
        """Return some of the rows."""
        return _named([array[start:stop] for array in self._arrays], self.names, self.schema)


def _named(arrays: Sequence[npt.NDArray[Any]], names: Names, schema: Schema) -> Batch:
    columns: list[Column] = list(arrays)
    for place, known in zip(names.columns, names.names, strict=True):
        codes = arrays[place]
        lost = _lost(len(known), int(codes.max(initial=-1)) + 1)
        columns[place] = Text(codes, (*known, *lost))
    return Batch(schema, tuple(columns))
