"""The bounded queue of batches between a source and what works on them: lanes and policies."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import SettingError, quote

DEFAULT_ROWS = 100_000  # some 5 MB at five columns: a second of a busy source
_LOW_WATER = 0.5  # a full queue takes again once it is half empty: one wake-up, not one a row
_COMPACT = 64  # items: so many small ones become one, so that the memory goes by rows
_STRIDES = (1, 3, 9)  # rows of high, medium and low cost so much: shares of 9, 3 and 1 in 13


class Priority(IntEnum):
    """The lanes of a queue, the most urgent first."""

    HIGH = 0
    MEDIUM = 1
    LOW = 2


class Overflow(StrEnum):
    """What a full queue does with rows that come."""

    BLOCK = "block"  # takes them, and asks the source to wait; one that does not loses them
    DROP_OLDEST = "drop_oldest"  # drops the oldest of the least urgent
    DROP_NEWEST = "drop_newest"  # drops the newest of the least urgent, those that come included
    SAMPLE = "sample"  # drops every other row of the least urgent, again and again
    RESIZE = "resize"  # doubles, up to `most_rows`, then blocks


class Underflow(StrEnum):
    """What happens where fewer rows wait than make a batch."""

    FLUSH = "flush"  # what is there goes on at once
    WAIT = "wait"  # they wait for more, `linger_s` at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How a queue is to be: bounds, policies and lanes.

    `rows` bounds the rows that wait, `most_rows` what `resize` may make of it, and what a source
    that heeds no pressure may: what comes where so many wait is dropped. Batches of at most
    `batch_rows` are handed on; a smaller one at once (`flush`) or after `linger_s` seconds
    (`wait`). `high` and `low` are expressions that choose a lane for each row: what is neither is
    medium. Raises SettingError for what cannot be.
    """

    rows: int = DEFAULT_ROWS
    overflow: str = "block"
    underflow: str = "flush"
    batch_rows: int = 10_000
    linger_s: float = 0.05
    most_rows: int = 10 * DEFAULT_ROWS
    high: str | None = None
    low: str | None = None

    def __post_init__(self) -> None:
        for name in ("rows", "batch_rows", "most_rows"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SettingError(f"{name} is a whole number from 1 up, got {quote(value)}")
        for name, kind in (("overflow", Overflow), ("underflow", Underflow)):
            value = getattr(self, name)
            if value not in list(kind):
                raise SettingError(f"{name} is one of {', '.join(kind)}; got {quote(value)}")
        if not 0 <= self.linger_s < float("inf"):
            raise SettingError(f"linger_s is seconds, 0 or more; got {quote(self.linger_s)}")


@dataclass(slots=True)
class Item:
    """Rows that came together at `arrival` (ns UTC), before which `marks` stand.

    `ticket` is whatever the owner wants to know them by.
    """

    batch: Batch
    arrival: int
    marks: list[object] = field(default_factory=list)
    ticket: int = 0


class BatchQueue:
    """Rows that wait, in three lanes. Any thread puts, one takes; nothing here blocks.

    The lanes are served by stride scheduling (Waldspurger and Weihl, 1995): each has its share
    while it has rows, so that none starves. `dropped` counts the rows that the policy gave up,
    `peak` the most that ever waited. `on_drop` hears of dropped rows by their ticket.
    """

    def __init__(self, settings: Queue, on_drop: Callable[[int, int], None] | None = None) -> None:
        self.settings = settings
        self.capacity = settings.rows
        self.rows = 0
        self.dropped = 0
        self.peak = 0
        self._on_drop = on_drop
        self._lanes: tuple[deque[Item], ...] = (deque(), deque(), deque())
        self._sizes = [0, 0, 0]
        self._passes = [0.0, 0.0, 0.0]
        self._lock = threading.Lock()
        self._orphans: list[object] = []  # marks whose rows were all dropped
        self._full = False
        self._since: int | None = None  # arrival of the oldest since it was last empty, ns

    @property
    def full(self) -> bool:
        """Whether a source that can wait should."""
        return self._full

    def put(self, item: Item, priority: Priority = Priority.MEDIUM) -> None:
        """Add rows; what does not fit is dropped by the policy, or makes the queue `full`."""
        with self._lock:
            lane = self._lanes[priority]
            if not lane:  # it has no claim to what passed while it was empty
                busy = [self._passes[each] for each in Priority if self._lanes[each]]
                self._passes[priority] = max(self._passes[priority], min(busy, default=0.0))
            if self._since is None:
                self._since = item.arrival
            item.marks[:0], self._orphans = self._orphans, []
            lane.append(item)
            self._count(priority, len(item.batch))
            if not len(lane) % _COMPACT:
                _compact(lane, self.settings.batch_rows)
            if self.rows > self.capacity:
                self._overflow(priority)
            self.peak = max(self.peak, self.rows)

    def take(self, now: int) -> Item | None:
        """Return the next rows, at most `batch_rows` of one lane; None where none are due.

        `now` is in ns UTC. Items taken together keep the first one's arrival and ticket; items of
        different tickets are not joined.
        """
        with self._lock:
            if not self.rows or not self._is_due(now):
                return None
            place = min(
                (each for each in Priority if self._lanes[each]),
                key=lambda each: (self._passes[each], each),
            )
            item = self._from(place)
            self._passes[place] += len(item.batch) * _STRIDES[place]
            if not self.rows:
                self._since = None
            if self.rows <= self.capacity * _LOW_WATER:
                self._full = False
            return item

    def due_in(self, now: int) -> float | None:
        """Return the seconds until `take` gives rows, 0 where it does now; None without rows."""
        with self._lock:
            if not self.rows:
                return None
            return 0.0 if self._is_due(now) else self._ripe_at() / 1e9 - now / 1e9

    def _ripe_at(self) -> int:
        return (self._since or 0) + round(self.settings.linger_s * 1e9)

    def _is_due(self, now: int) -> bool:
        settings = self.settings
        if settings.underflow == Underflow.FLUSH or max(self._sizes) >= settings.batch_rows:
            return True
        return self._full or now >= self._ripe_at()

    def _from(self, place: Priority) -> Item:
        lane, most = self._lanes[place], self.settings.batch_rows
        first = lane.popleft()
        size = len(first.batch)
        if size > most:
            rest = Item(first.batch.take(slice(most, None)), first.arrival, [], first.ticket)
            lane.appendleft(rest)
            first.batch, size = first.batch.take(slice(0, most)), most
        parts = [first.batch]
        while lane and size + len(lane[0].batch) <= most and _joins(first, lane[0]):
            parts.append(lane.popleft().batch)
            size += len(parts[-1])
        first.batch = concat(parts)
        self._count(place, -size)
        return first

    def _count(self, place: Priority, rows: int) -> None:
        self._sizes[place] += rows
        self.rows += rows

    def _overflow(self, priority: Priority) -> None:
        policy = self.settings.overflow
        if policy == Overflow.RESIZE and self.capacity < self.settings.most_rows:
            grown = max(2 * self.capacity, self.rows)
            self.capacity = min(grown, self.settings.most_rows)
        if policy in (Overflow.BLOCK, Overflow.RESIZE):
            told, self._full = self._full, self.rows >= self.capacity
            item = self._lanes[priority][-1]
            before = self.rows - len(item.batch)
            if told and before >= max(self.capacity, self.settings.most_rows):
                self._drop(priority, len(item.batch), newest=True)
            return
        while (over := self.rows - self.capacity) > 0:
            # The least urgent give way, but none to one less urgent than themselves.
            victim = max(each for each in Priority if self._lanes[each] and each >= priority)
            if policy == Overflow.SAMPLE:
                self._decimate(victim)
            else:
                self._drop(victim, over, newest=policy == Overflow.DROP_NEWEST)

    def _drop(self, place: Priority, most: int, *, newest: bool) -> None:
        """Drop up to `most` rows from one end of the item at that end."""
        lane = self._lanes[place]
        item = lane[-1 if newest else 0]
        size = len(item.batch)
        if size <= most:
            lane.pop() if newest else lane.popleft()
            self._hand_on(item, None if newest or not lane else lane[0])
        else:
            kept = slice(0, size - most) if newest else slice(most, None)
            item.batch = item.batch.take(kept)
        self._lose(place, item, min(size, most))

    def _decimate(self, place: Priority) -> None:
        lane = self._lanes[place]
        before = self._sizes[place]
        odd = 0  # of the rows so far: where one item ends the next goes on
        for item in list(lane):
            size = len(item.batch)
            kept = item.batch.take(slice(odd, None, 2))
            odd = (odd + size) % 2
            self._lose(place, item, size - len(kept))
            item.batch = kept
        if self._sizes[place] == before:  # one row that stays: it goes
            self._drop(place, 1, newest=False)
        for _ in range(len(lane)):
            item = lane.popleft()
            if len(item.batch):
                lane.append(item)
            else:
                self._hand_on(item, None)

    def _hand_on(self, item: Item, following: Item | None) -> None:
        """Let the marks of an item that is gone stand before the rows that come next."""
        if item.marks:
            marks = self._orphans if following is None else following.marks
            marks[:0] = item.marks

    def _lose(self, place: Priority, item: Item, rows: int) -> None:
        self._count(place, -rows)
        self.dropped += rows
        if self._on_drop is not None and rows:
            self._on_drop(item.ticket, rows)


def _compact(lane: deque[Item], most: int) -> None:
    """Join the last items of a lane where they are small."""
    items = [lane.pop() for _ in range(_COMPACT)][::-1]
    groups: list[list[Item]] = []
    rows = 0
    for item in items:
        rows += len(item.batch)
        if not groups or rows > most or not _joins(groups[-1][0], item):
            groups.append([])
            rows = len(item.batch)
        groups[-1].append(item)
    for group in groups:
        group[0].batch = concat([each.batch for each in group])
        lane.append(group[0])


def _joins(first: Item, following: Item) -> bool:
    return following.ticket == first.ticket and not following.marks
