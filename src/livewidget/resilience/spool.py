"""What waits for a store that is down: a bounded queue of numbered rows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, quote
from livewidget.data.text import Text

Span = tuple[int, int]
RANGES = 64  # ranges that are told apart: beyond it the nearest two become one


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch, not empty, and the number of its first row."""

    batch: Batch
    first: int
    span: Span = field(init=False)  # the times of its rows as a range [start, stop), ns UTC

    def __post_init__(self) -> None:
        times = self.batch.times
        object.__setattr__(self, "span", (int(times.min()), int(times.max()) + 1))

    @property
    def nbytes(self) -> int:
        """The memory of its columns in bytes."""
        return sum(
            column.codes.nbytes if isinstance(column, Text) else column.nbytes
            for column in self.batch.columns
        )


class Spool:
    """Keeps batches in order up to `max_rows` and `max_bytes`; then the oldest are dropped.

    A dropped batch is counted, and its times are among `holes`. The batch that came last is never
    dropped, so that one larger than the bounds can be written at all. What `several` gave is under
    way: where it has to make room it is dropped only once it is known not to be written, and waits
    until then beside the bounds. No I/O; one owner holds a lock. Raises SettingError for bounds
    that cannot be.
    """

    def __init__(self, max_rows: int = 1_000_000, max_bytes: int = 64 * 2**20) -> None:
        if max_rows < 1 or max_bytes < 1:
            raise SettingError(
                "a spool has max_rows and max_bytes of 1 or more, "
                f"got {quote(max_rows)} and {quote(max_bytes)}"
            )
        self.max_rows = max_rows
        self.max_bytes = max_bytes
        self.rows = 0
        self.nbytes = 0
        self.dropped = 0  # rows that were dropped
        self._entries: deque[Entry] = deque()
        self._under_way = 0  # of these, the oldest: they are being written
        self._leaving: deque[Entry] = deque()  # made room while they were
        self._leaving_rows = self._leaving_bytes = 0
        self._dropped: list[Span] = []
        self._holes: tuple[Span, ...] | None = ()

    def push(self, batch: Batch, first: int) -> None:
        """Take rows `first` and on; nothing for a batch of none."""
        if not len(batch):
            return
        entry = Entry(batch, first)
        self._entries.append(entry)
        self._count(entry, 1)
        while len(self._entries) > 1 and self._is_over():
            oldest = self._entries.popleft()
            if self._under_way:
                self._under_way -= 1
                self._leave(oldest)
            else:
                self._drop(oldest)

    def peek(self) -> Entry | None:
        """Return the oldest, which stays; None where nothing waits."""
        return next((each[0] for each in (self._leaving, self._entries) if each), None)

    def several(self, rows: int) -> list[Entry]:
        """Return the oldest ones whose numbers follow each other, of at most so many rows in all.

        The first is among them whatever its size; nothing where nothing waits. They are under way
        until each is `done`, or `put_back` is called.
        """
        self.put_back()
        found: list[Entry] = []
        for entry in self._entries:
            rows -= len(entry.batch)
            if found and (rows < 0 or entry.first != found[-1].first + len(found[-1].batch)):
                break
            found.append(entry)
        self._under_way = len(found)
        return found

    def done(self, entry: Entry) -> None:
        """Let go of an entry that was written. Harmless where it has been dropped meanwhile."""
        if self._leaving and self._leaving[0] is entry:
            self._count(self._left(), -1)
        elif self._entries and self._entries[0] is entry:
            self._count(self._entries.popleft(), -1)
            self._under_way = max(0, self._under_way - 1)

    def put_back(self) -> None:
        """Have what is under way wait again: it was not written. What made room is dropped."""
        self._under_way = 0
        while self._leaving:
            self._drop(self._left())

    def lose(self, start: int, stop: int) -> None:
        """Note that rows with times in [start, stop) (ns UTC) will never be written."""
        self._dropped = united([*self._dropped, (start, stop)])
        self._holes = None

    def forget(self, before: int) -> None:
        """Forget what was lost before a time (ns UTC): nobody keeps it any longer."""
        if self._dropped and self._dropped[0][1] <= before:
            self._dropped = [each for each in self._dropped if each[1] > before]
            self._holes = None

    def lost(self) -> tuple[Span, ...]:
        """Return the times whose rows will never be written, rising."""
        return tuple(self._dropped)

    def holes(self) -> tuple[Span, ...]:
        """Return the times whose rows are not written: what waits and what was dropped, rising."""
        if self._holes is None:
            waiting = [entry.span for each in (self._leaving, self._entries) for entry in each]
            self._holes = tuple(united([*self._dropped, *waiting]))
        return self._holes

    def __len__(self) -> int:
        return len(self._entries)

    def _is_over(self) -> bool:
        rows, nbytes = self.rows - self._leaving_rows, self.nbytes - self._leaving_bytes
        return rows > self.max_rows or nbytes > self.max_bytes

    def _leave(self, entry: Entry) -> None:
        self._leaving.append(entry)
        self._leaving_rows += len(entry.batch)
        self._leaving_bytes += entry.nbytes

    def _left(self) -> Entry:
        entry = self._leaving.popleft()
        self._leaving_rows -= len(entry.batch)
        self._leaving_bytes -= entry.nbytes
        return entry

    def _drop(self, entry: Entry) -> None:
        self._count(entry, -1)
        self.dropped += len(entry.batch)
        self.lose(*entry.span)

    def _count(self, entry: Entry, sign: int) -> None:
        self.rows += sign * len(entry.batch)
        self.nbytes += sign * entry.nbytes
        self._holes = None


def united(ranges: list[Span], most: int = RANGES) -> list[Span]:
    """Return ranges [start, stop) as at most so many that do not touch, by rising start."""
    found: list[Span] = []
    for start, stop in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    if len(found) <= most:
        return found
    gaps = sorted(after[0] - before[1] for before, after in pairwise(found))
    closes = gaps[len(found) - most - 1]
    narrow = found[:1]
    for start, stop in found[1:]:
        if start - narrow[-1][1] <= closes:
            narrow[-1] = (narrow[-1][0], stop)
        else:
            narrow.append((start, stop))
    return narrow
