"""The log of the open partition: one file that grows by whole records, and its readers."""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.schema import DTYPES, Schema
from livewidget.storage.embedded.folder import fdatasync, sync_folder
from livewidget.storage.embedded.record import (
    SIZE,
    Arrays,
    Damage,
    Gathered,
    Head,
    Names,
    Record,
    coded,
    dump,
    joined,
    records,
)
from livewidget.storage.embedded.secret import FILE, Sealer, Secret

MAGIC = b"LWLOG\x00\x00\x01"
_HEAD = struct.Struct(f"<8s{FILE}sqII")
START = _HEAD.size  # bytes before the first record
GROUP_ROWS = 1 << 16  # rows of a log that are decoded, cached and summed up together
_SLICE = 1 << 20  # bytes
_BINARY = getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a log to go back to."""

    end: int
    rows: int
    names: list[int]


class LogWriter:
    """Appends records to one log. One thread; `sync` may be called from another."""

    def __init__(self, path: Path, first: int, schema: Schema, secret: Secret | None) -> None:
        self.path = path
        self.first = first
        self.rows = 0
        self.end = START
        self.names = Names(schema)
        self._torn = False  # bytes after `end` are to be cut away first
        self._new = True  # the folder does not know of it for sure
        self._sync = threading.Lock()
        self._kept: list[Arrays] | None = []
        file = os.urandom(FILE)
        self._sealer = None if secret is None else secret.sealer(file)
        head = _HEAD.pack(MAGIC, file, first, 0, 0)[:-4]
        half = path.with_name(f"{path.name}.tmp")
        try:
            half.write_bytes(head + zlib.crc32(head).to_bytes(4, "little"))
            half.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                half.unlink(missing_ok=True)
            raise
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | _BINARY)

    @classmethod
    def after(cls, log: Log) -> LogWriter:
        """Return the writer that goes on after the last whole record of a log; the rest is cut."""
        self = cls.__new__(cls)
        self.path, self.first = log.path, log.first
        self.rows, self.end = log.rows, log.end
        self.names = Names(log.schema)
        self.names.take_up(log.names.since([0] * len(log.names.columns)))
        self._torn, self._new = True, True
        self._kept = None
        self._sync = threading.Lock()
        self._sealer = log.sealer
        self._handle = os.open(log.path, os.O_WRONLY | os.O_APPEND | _BINARY)
        try:
            self._cut()
        except OSError:
            os.close(self._handle)
            raise
        return self

    def mark(self) -> Mark:
        """Return where it is."""
        return Mark(self.end, self.rows, self.names.sizes())

    def append(self, batch: Batch, first: int) -> Head:
        """Write one record. Raises OSError; then it is to be taken back to a mark."""
        self._cut()
        sizes = self.names.sizes()
        arrays = coded(batch, self.names)
        added = self.names.since(sizes)
        head, body = dump(arrays, batch.times, first, added, self._sealer)
        self._torn = True
        _write(self._handle, head.pack(), body)
        self._torn = False
        self.end += SIZE + head.length
        if self._kept is not None:
            if first == self.first + self.rows:
                self._kept.append(arrays)
            else:
                self._kept = None
        self.rows += head.rows
        return head

    def back(self, mark: Mark) -> None:
        """Take back what came after a mark: at once or, where that fails, before the next record.

        Readers pass over half a record in the meantime.
        """
        self.end, self.rows = mark.end, mark.rows
        self._kept = None
        self.names.forget(mark.names)
        self._torn = True
        with contextlib.suppress(OSError):
            self._cut()

    def kept(self) -> Callable[[], Batch] | None:
        """Return what gives all its rows from memory; None where they are to be read."""
        kept = self._kept
        return None if kept is None else lambda: joined(kept, self.names, self.names.schema)

    def sync(self) -> None:
        """Make what was written durable. Raises OSError."""
        with self._sync:
            if self._handle < 0:
                return
            fdatasync(self._handle)
            if self._new:
                sync_folder(self.path.parent)
                self._new = False

    def close(self) -> None:
        """Close the file as it is."""
        with self._sync:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1

    def _cut(self) -> None:
        if self._torn:
            os.ftruncate(self._handle, self.end)
            self._torn = False


@dataclass(slots=True)
class Group:
    """Records of a log that are read together: rows without a gap in their numbers.

    `start` and `stop` are its bytes in the file. `records` are those of a group that still grows.
    """

    first: int
    start: int
    rows: int = 0
    low: int = 0
    high: int = 0
    stop: int = 0
    records: list[Record] | None = field(default_factory=list)

    @property
    def end(self) -> int:
        """The number after its last row."""
        return self.first + self.rows

    def add(self, record: Record, stop: int) -> None:
        """Take a record, whose bytes end before `stop`."""
        assert self.records is not None
        head = record.head
        self.low = min(self.low, head.low) if self.rows else head.low
        self.high = max(self.high, head.high) if self.rows else head.high
        self.rows += head.rows
        self.stop = stop
        self.records.append(record)


class Log:
    """What is in one log, as far as it was read. Its owner has a lock for `refresh`.

    Methods raise OSError where it cannot be read, StoreError where it was damaged meanwhile. `life`
    changes where it had to be read anew: groups are others then. `notes` are of its head and tail.
    """

    def __init__(self, path: Path, schema: Schema, secret: Secret | None) -> None:
        self.path = path
        self.kept: Callable[[], Batch] | None = None  # all its rows, where memory has them
        self.first = number(path.name)
        self.schema = schema
        self.life = 0
        self.end = START
        self._handle = os.open(path, os.O_RDONLY | _BINARY)
        weakref.finalize(self, os.close, self._handle)
        self._reading = threading.Lock()
        head = self._read(0, START)
        whole = len(head) == START and zlib.crc32(head[:-4]).to_bytes(4, "little") == head[-4:]
        self.notes: list[str] = []
        if not whole or head[:8] != MAGIC:
            self.notes.append(f"{path.name}: its head is damaged")
        self.sealer: Sealer | None = None
        if secret is not None:
            self.sealer = secret.sealer(head[8 : 8 + FILE])  # a damaged one opens nothing
        self._reset()

    @property
    def rows(self) -> int:
        """Rows that are in it."""
        return sum(group.rows for group in self.groups)

    @property
    def repairs(self) -> list[str]:
        """What was found damaged, in words."""
        passed = [
            f"{self.path.name}: {stop - start} bytes at {start} are damaged, and passed over"
            for start, stop in self.damages
        ]
        return [*self.notes, *passed]

    @property
    def nbytes(self) -> int:
        """Its bytes, as far as they are whole."""
        return self.end

    def refresh(self) -> None:
        """Take up the records that were written since."""
        size = os.fstat(self._handle).st_size
        if size < self.end:
            self._reset()  # a record was taken back that had been whole
        if size == self.end:
            return
        base = self.end
        for found in records(self._read(base, size - base), 0, self.schema, self.sealer):
            if isinstance(found, Damage):
                self._pass_over(found, base)
                continue
            if found.head.first < self.next:
                if base > START:
                    self._reset()
                    self.refresh()
                    return
                continue
            self._add(found, base)

    def torn(self) -> int:
        """Return how many bytes after the last whole record are none (or not yet)."""
        return max(0, os.fstat(self._handle).st_size - self.end)

    def batch(self, group: Group) -> Batch:
        """Return the rows of a group in the order of their numbers."""
        parts = group.records
        if parts is None:
            data = self._read(group.start, group.stop - group.start)
            found = records(data, 0, self.schema, self.sealer)
            parts = [it for it in found if isinstance(it, Record)]
        if sum(part.head.rows for part in parts) != group.rows:
            raise StoreError(f"{self.path} was damaged after it had been read")
        return joined([part.columns for part in parts], self.names, self.schema)

    def runs(self) -> list[tuple[int, Batch]]:
        """Return all rows, parted where a number is left out, with the number of each first.

        Of a log that was written without trouble they are in memory still; else it is read once.
        In slices: what a processor has in its cache is summed up and copied thrice as fast.
        """
        if self.kept is not None:
            return [(self.first, self.kept())]
        size = os.fstat(self._handle).st_size
        row = sum(DTYPES[field.kind].itemsize for field in self.schema.fields)
        rows = Gathered(self.schema, size // row)
        begins: list[tuple[int, int]] = []  # number of the first row, and its place
        at, step, end = START, _SLICE, -1
        while at < size:
            consumed = 0
            for found in records(self._read(at, step), 0, self.schema, self.sealer):
                if isinstance(found, Damage):
                    consumed = found.stop
                    continue
                consumed = found.at + found.nbytes
                if found.head.first >= end:
                    if found.head.first > end:
                        begins.append((found.head.first, rows.rows))
                    rows.add(found)
                    end = found.head.end
            if not consumed and at + step >= size:
                break
            at, step = at + consumed, _SLICE if consumed else 2 * step
        places = [*(place for _, place in begins), rows.rows]
        return [
            (first, rows.batch(*edges))
            for (first, _), edges in zip(begins, pairwise(places), strict=True)
        ]

    def holes(self) -> Iterator[tuple[int, int]]:
        """Yield the times [start, stop) about each number that is left out, or damaged."""
        yield from self._lost
        for before, after in pairwise(self.groups):
            if before.end != after.first:
                edges = before.high, after.low
                yield min(edges), max(edges) + 1

    def _reset(self) -> None:
        self.life += 1
        self.groups: list[Group] = []
        self.names = Names(self.schema)
        self.damages: list[tuple[int, int]] = []  # bytes [start, stop) that are passed over
        self._lost: list[tuple[int, int]] = []  # times of rows in them
        self.next: int = self.first  # the number that the next row has
        self.end = START
        self.last: tuple[int, int] | None = None  # first and last time of the last record

    def _pass_over(self, found: Damage, base: int) -> None:
        start, stop, head = base + found.start, base + found.stop, found.head
        goes_on = bool(self.damages) and self.damages[-1][1] == start
        if goes_on:
            start = self.damages.pop()[0]
        self.damages.append((start, stop))
        self.end = stop
        if head is not None:
            self.next = max(self.next, head.end)
            low, high = self._lost.pop() if goes_on and self._lost else (head.low, head.high + 1)
            self._lost.append((min(low, head.low), max(high, head.high + 1)))

    def _add(self, record: Record, base: int) -> None:
        head = record.head
        last = self.groups[-1] if self.groups else None
        at = base + record.at
        stop = at + record.nbytes
        if last is None or last.end != head.first or last.rows >= GROUP_ROWS or at != last.stop:
            if last is not None:
                last.records = None
            last = Group(head.first, at)
            self.groups.append(last)
        self.names.take_up(record.names)
        last.add(record, stop)
        self.next, self.end, self.last = head.end, stop, (head.low, head.high)

    def _read(self, at: int, size: int) -> bytes:
        with self._reading:
            os.lseek(self._handle, at, os.SEEK_SET)
            parts = []
            while size > 0 and (part := os.read(self._handle, size)):
                parts.append(part)
                size -= len(part)
        return b"".join(parts)


def _write(handle: int, head: bytes, body: bytes) -> None:
    """Write both, by one call where the system takes them at once."""
    done = os.writev(handle, [head, body]) if hasattr(os, "writev") else 0
    if done == len(head) + len(body):
        return
    rest = memoryview(head + body)[done:]
    while rest:
        rest = rest[os.write(handle, rest) :]


def name(first: int) -> str:
    """Return the name of the log that begins with a row."""
    return f"{first:020}.log"


def number(name: str) -> int:
    """Return the number of the first row of a log, -1 for a name that is none's."""
    stem = name.removesuffix(".log")
    return int(stem) if len(stem) == 20 and stem.isdigit() and stem != name else -1  # noqa: PLR2004
