"""The hot ring: the most recent rows of one stream, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.buffers.lease import Lease
from livewidget.buffers.levels import Levels
from livewidget.buffers.sizing import Adaptive, Fixed
from livewidget.buffers.storage import Storage
from livewidget.buffers.thinning import Thinning
from livewidget.buffers.zones import first_from
from livewidget.data.batch import Batch
from livewidget.data.clock import Clock, SystemClock
from livewidget.data.errors import SettingError, quote
from livewidget.data.history import CHUNK_ROWS, EVER, chunks
from livewidget.data.schema import Schema
from livewidget.data.text import Dictionary, Text

__all__ = ["DEFAULT_BYTES", "OVERFLOW", "Lease", "RingBuffer"]

# Rows, 0.2 MB at three columns. A ring comes to use all its memory: one that is far larger than
# what it keeps looks like a leak for as long as it fills.
FIRST_CAPACITY = 4_096
DEFAULT_BYTES = 256 * 2**20
SPARE = 1.25  # room for a pace a quarter faster than what it was when the ring grew
LEAP = 16  # times its capacity: so far can be foreseen; a burst of a few rows is no pace
DIGITS = 3  # binary, that a capacity is rounded up to: at most a quarter more
OVERFLOW = ("drop_oldest", "drop_newest", "block", "resize", "thin")
LEVELS_SHARE = 20  # levels may take one part in so many of max_bytes beside a storage that fills it

Mask = npt.NDArray[np.bool_]
Evict = Callable[[Batch], None]


class RingBuffer(Thinning):
    """A mirrored ring of rows, addressed by logical row: the n-th row ever appended is row n.

    It keeps the rows of the last `retention` ns (None: all that fit) and grows while they do not
    fit, to double, or to what the retention needs at the pace so far where that is no more than
    `LEAP` times what there is, up to `max_bytes`.
    `max_rows` bounds the rows kept, whatever their age. `overflow` says what happens then:

    - "drop_oldest": the oldest rows are overwritten.
    - "drop_newest": rows that do not fit are refused.
    - "block": the same, and `full` tells a source to wait. Rows before `floor()`, the lowest that
      a consumer still needs, make room; without consumers all rows within the retention stay.
    - "resize": `max_rows` doubles up to `most_rows`, and halves again after `cool_down_s`, see
      `Adaptive`; at the most, the oldest rows are overwritten.
    - "thin": the older half is halved, see `halve`; rows in the mask `keep(batch)` stay.

    Rows older than the newest by more than `horizon` ns are not taken (None: all are). `on_evict`
    takes the rows that leave, each once and in order, before they do.

    One writer at a time (its owner holds a lock); any number of readers in any thread, which
    take a `lease` (views, checked afterwards), a `snapshot` or `read` (copies). `on_evict`,
    `floor` and `keep` are called in the writer's thread. `by` names a text column whose keys are
    told apart when rows are chosen that stand for others.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        capacity: int = FIRST_CAPACITY,
        retention: int | None = None,
        max_rows: int | None = None,
        max_bytes: int = DEFAULT_BYTES,
        overflow: str = "drop_oldest",
        most_rows: int | None = None,
        cool_down_s: float = 60.0,
        horizon: int | None = None,
        by: str | None = None,
        on_evict: Evict | None = None,
        floor: Callable[[], int | None] | None = None,
        keep: Callable[[Batch], Mask] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.row_bytes = Storage.row_bytes(schema)
        if capacity < 1 or max_bytes < self.row_bytes:
            raise SettingError(
                f"a ring holds at least one row, got capacity={capacity}, max_bytes={max_bytes}"
            )
        if overflow not in OVERFLOW:
            raise SettingError(f"overflow is one of {', '.join(OVERFLOW)}, got {quote(overflow)}")
        self.schema = schema
        self.retention = retention
        self.max_bytes = max_bytes
        self.allowance = max_bytes  # bytes that it may use now, of `max_bytes`
        self.overflow = overflow
        self.horizon = horizon
        self.by = by
        self.on_evict = on_evict
        self.floor = floor
        self.keep = keep
        self.head = 0  # logical row that comes next
        self.tail = 0  # oldest logical row that is kept
        self.handed = 0  # rows before this one have been handed on
        self.newest: int | None = None  # greatest time so far, ns UTC
        self._present: int | None = None  # the same, since a clock was last seen set back
        self.late = 0  # rows whose time was less than one before them
        self.too_late = 0  # rows not taken: behind the horizon
        self.latest = 0  # ns: how late the latest of them was
        self.thinned = 0  # rows let go by "thin"
        self.thinnings = 0  # appends in which rows were renumbered, see `moved`
        self.dropped: Counter[str] = Counter()  # rows by reason: overflow, retention, refused
        self.disorder = 0  # rows before this one may be out of order
        self.dictionaries = {
            field.name: Dictionary() for field in schema.fields if field.kind == "text"
        }
        self._gone = -EVER - 1  # greatest time of a row that is no longer here
        self._moves: list[tuple[int, npt.NDArray[np.intp], int]] = []
        self._clock = clock or SystemClock()
        self._sizing: Fixed | Adaptive = Fixed(max_rows)
        if overflow == "resize":
            most = max_bytes // self.row_bytes if most_rows is None else most_rows
            least = min(capacity, most) if max_rows is None else max_rows
            self._sizing = Adaptive(least, most, cool_down_s)
        # Storage and levels change together where rows are renumbered: one swap for readers.
        self.held = Storage(schema, min(capacity, self._most_rows())), Levels(by)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays and of the levels in bytes."""
        storage, levels = self.held
        return storage.capacity * self.row_bytes + levels.nbytes

    @property
    def fill(self) -> float:
        """The part of the most rows it may ever hold that is held now, from 0 to 1."""
        return len(self) / self.most_rows

    @property
    def most_rows(self) -> int:
        """The most rows that it may ever hold."""
        return self._bytes_rows(self._sizing.most, self.max_bytes)

    @property
    def most_bytes(self) -> int:
        """The memory of those in bytes."""
        return self.most_rows * self.row_bytes

    @property
    def max_rows(self) -> int | None:
        """The bound on rows now; None for none. Set by the owner at any time."""
        return self._sizing.rows

    @max_rows.setter
    def max_rows(self, rows: int | None) -> None:
        self._sizing.bound(rows)

    @property
    def since(self) -> int:
        """From which time on, ns UTC, every row that was taken is here; -EVER where all are."""
        return self._gone + 1

    @property
    def full(self) -> bool:
        """Whether a row that came now would find no room under "block": a source should wait."""
        return self._room(self._floor()) <= 0 and not self._past_retention(self._present)

    def append(self, batch: Batch) -> int:
        """Take the rows of `batch`, whose schema is the ring's, and return how many were taken.

        The others were too late or refused, and are counted so. The writer's thread only.
        """
        return len(self.take(batch))

    def take(self, batch: Batch) -> Batch:
        """As `append`; return the rows that were taken."""
        times = batch.times
        if not len(times):
            return batch
        orderly = (self.newest is None or times[0] >= self.newest) and not bool(
            (times[1:] < times[:-1]).any()
        )
        if self.horizon is not None and not orderly:
            batch = self._within_horizon(batch, self.horizon)
        if self.overflow in ("drop_newest", "block"):
            batch = self._what_fits(batch)
        size = len(batch)
        if not size:
            return batch
        self._note_order(batch.times, orderly=orderly)
        self._make_room(size)
        self._write(batch)
        self._look_back(batch)
        self.trim()
        self._look_back(batch)
        if self._sizing.settle(len(self), self._clock.monotonic()):
            self.fit()
        return batch

    def trim(self) -> None:
        """Let go of rows past the retention and past `max_rows`. The writer's thread only."""
        self._let_go(self.tail + self._past_retention(self._present), "retention")
        if self.max_rows is not None:
            self._let_go(self.head - self.max_rows, "overflow")

    def fit(self) -> None:
        """Come down to `max_bytes` and `max_rows`, where they were lowered. The writer's thread."""
        self.trim()
        most = self._most_rows()
        if self.capacity > most:
            self._let_go(self.head - most, "overflow")
            self._move(most)

    def hand_on(self, rows: int | None = None) -> None:
        """Give the next `rows` rows, all by default, to `on_evict`; they stay till they leave.

        The writer's thread only.
        """
        stop = self.head if rows is None else min(self.head, self.handed + rows)
        while self.on_evict is not None and self.handed < stop:
            self._hand(min(stop, max(self.handed, self.tail) + CHUNK_ROWS))

    def _levels_bytes(self) -> int:
        most = min(self.max_bytes, self.allowance)
        return max(most - self.capacity * self.row_bytes, most // LEVELS_SHARE)

    def _most_rows(self) -> int:
        return self._bytes_rows(self._sizing.rows, min(self.max_bytes, self.allowance))

    def _bytes_rows(self, rows: int | None, nbytes: int) -> int:
        budget = max(1, nbytes // self.row_bytes)
        return budget if rows is None else max(1, min(budget, rows))

    def _floor(self) -> int | None:
        return None if self.floor is None else self.floor()

    def _room(self, floor: int | None) -> int:
        """Return how many rows fit while none from `floor` on goes; all stay where it is None."""
        lowest = self.tail if floor is None else min(max(self.tail, floor), self.head)
        return self._most_rows() - (self.head - lowest)

    def _past_retention(self, newest: int | None) -> int:
        """Return how many of the first rows are past the retention."""
        if self.retention is None or newest is None or self.head == self.tail:
            return 0
        times = self.held[0].column(self.schema.time, self.tail, self.head)
        return first_from(times, newest - self.retention)

    def _look_back(self, batch: Batch) -> None:
        """Where a clock was set back and what was before it has gone, count from what is here."""
        if self.retention is None or self._present is None:
            return
        horizon = self._present - self.retention
        if batch.times[-1] < horizon and self._past_retention(self._present) == len(self) > 0:
            self._present = int(self.lease().times.max())

    def _within_horizon(self, batch: Batch, horizon: int) -> Batch:
        times = batch.times
        before = np.maximum.accumulate(times)
        if self.newest is not None:
            before = np.maximum(before, self.newest)
        taken = times >= before - horizon
        if taken.all():
            return batch
        self.too_late += len(batch) - int(taken.sum())
        self.latest = max(self.latest, int((before - times).max()))
        return batch.take(taken)

    def _what_fits(self, batch: Batch) -> Batch:
        """Return the first rows of a batch, as many as fit; what its own times age goes first."""
        if not len(batch):
            return batch
        newest = int(batch.times.max())
        newest = newest if self._present is None else max(newest, self._present)
        self._let_go(self.tail + self._past_retention(newest), "retention")
        room = max(0, self._room(self._floor() if self.overflow == "block" else None))
        refused = len(batch) - room
        if refused <= 0:
            return batch
        self.dropped["refused"] += refused
        return batch.take(slice(room))

    def _note_order(self, times: npt.NDArray[np.int64], *, orderly: bool) -> None:
        newest = int(times[-1])
        known, present = self.newest, self._present
        if not orderly:
            newest = int(times.max())
            before = np.maximum.accumulate(times)
            if known is not None:
                before = np.maximum(before, known)
            behind = np.flatnonzero(times < before)
            self.late += len(behind)
            if len(behind):
                self.disorder = self.head + int(behind[-1]) + 1
        self.newest = newest if known is None else max(newest, known)
        present = newest if present is None else max(newest, present)
        self._present = present

    def _make_room(self, size: int) -> None:
        """See to it that `size` rows can be written, and that what they overwrite has gone."""
        if len(self) + size > self.capacity or self.capacity > self._most_rows():
            self.fit()
            self._sizing.grow(len(self) + size)
            most = self._most_rows()
            wanted = min(self.rows_for(size), most)
            if wanted > self.capacity:
                self._move(wanted)
            if self.overflow == "thin":
                self._thin(min(size, most))
        self._let_go(min(self.head, self.head + size - self.capacity), "overflow")

    def rows_for(self, size: int) -> int:
        """Return the capacity that `size` rows more ask for: the one there is, where they fit."""
        needed, capacity = len(self) + size, self.capacity
        most = self._bytes_rows(self._sizing.rows, self.max_bytes)
        if needed <= capacity or capacity >= most:
            return capacity
        wanted = min(self._rows_foreseen(), most)
        if not needed <= wanted <= LEAP * capacity:
            # The last step begins at half of the most, so that both storages fit meanwhile.
            wanted = max(_in_steps(needed), 2 * capacity)
            wanted = most if wanted > most // 2 else wanted
        return min(wanted, most)

    def _rows_foreseen(self) -> int:
        """Return the rows that the retention will come to at the pace so far; 0 without one.

        Copying stalls a frame, so what would be the last steps, the long ones, is done in one.
        """
        if self.retention is None:
            return 0
        times = self.lease().times
        span = int(times[-1] - times[0]) if len(times) else 0
        return _in_steps(round(SPARE * len(times) * self.retention / span)) if span > 0 else 0

    def _move(self, capacity: int) -> None:
        lease = self.lease()
        storage = Storage(self.schema, capacity)
        storage.write(lease.start, lease.raw(), len(lease))
        storage.oldest = lease.start
        self.held = storage, self.held[1]

    def _write(self, batch: Batch) -> None:
        size = len(batch)
        skipped = max(0, size - self.capacity)
        columns = {
            name: self._encoded(name, column)[skipped:]
            for name, column in zip(self.schema.names, batch.columns, strict=True)
        }
        if skipped:
            self._pass_by(batch.take(slice(skipped)))
        self.held[0].write(self.head + skipped, columns, size - skipped)
        self.head += size
        self.tail += skipped

    def _pass_by(self, batch: Batch) -> None:
        """Hand on rows that never enter: more came at once than are ever held."""
        self._gone = max(self._gone, int(batch.times.max()))
        self.dropped["overflow"] += len(batch)
        if self.on_evict is not None:
            for chunk in chunks(batch):
                self.on_evict(chunk)
        self.handed = self.head + len(batch)

    def _let_go(self, tail: int, reason: str) -> None:
        """Move the tail up to a row; what has not been handed on is, first."""
        if tail <= self.tail:
            return
        while self.on_evict is not None and self.handed < tail:
            ahead = min(CHUNK_ROWS, len(self) // 2)
            self._hand(max(min(tail, self.handed + CHUNK_ROWS), self.handed + ahead))
        times = self.held[0].column(self.schema.time, self.tail, tail)
        last = times[-1] if self.disorder <= self.tail else times.max()
        self._gone = max(self._gone, int(last))
        self.dropped[reason] += tail - self.tail
        self.tail = tail
        self.held[1].let_go(tail)

    def _hand(self, stop: int) -> None:
        assert self.on_evict is not None
        stop = min(stop, self.head)
        if stop > self.tail:
            self.on_evict(self.lease(self.handed, stop).copy())
        self.handed = stop

    def _encoded(self, name: str, column: npt.NDArray[Any] | Text) -> npt.NDArray[Any]:
        if isinstance(column, Text):
            return self.dictionaries[name].recode(column)
        return column


def _in_steps(rows: int) -> int:
    """Round rows up to three binary digits.

    A ring of the same stream, whose pace and first rows are never quite the same, then finds the
    memory of the one before.
    """
    step = 1 << max(0, rows.bit_length() - DIGITS)
    return -(-rows // step) * step
