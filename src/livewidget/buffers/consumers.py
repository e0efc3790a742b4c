"""Many consumers of one ring: each with a cursor, a lag and a policy of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Protocol

from livewidget.buffers.bell import Bell
from livewidget.buffers.queue import Underflow
from livewidget.buffers.ring import Lease, RingBuffer
from livewidget.data.batch import Batch
from livewidget.data.clock import Clock, SystemClock
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Schema

PATIENCE_S = 30.0  # a query that stalls for longer is not coming back soon


class Overtaken(StrEnum):
    """What a consumer does whose rows the writer is about to overwrite, or has overwritten."""

    SKIP = "skip"  # goes on at the oldest row that is kept
    LATEST = "latest"  # goes on at the newest row
    HOLD = "hold"  # the writer waits for it, while it makes progress; else as `skip`


class Rows(Protocol):
    """What consumers read from, by logical row: a ring."""

    @property
    def head(self) -> int:
        """The logical row that comes next."""
        ...

    @property
    def tail(self) -> int:
        """The oldest logical row that is kept."""
        ...

    @property
    def newest(self) -> int | None:
        """The greatest time so far, ns UTC."""
        ...

    def lease(self, start: int | None = None, stop: int | None = None) -> Lease:
        """Return views of logical rows [start, stop), cut to what is kept."""
        ...


class Nothing:
    """What consumers read from before there is a ring."""

    head = tail = 0
    newest: int | None = None

    def __init__(self) -> None:
        self._ring = RingBuffer(Schema.of({"time": "time"}, "time"), capacity=1)

    def lease(self, start: int | None = None, stop: int | None = None) -> Lease:
        """Return a lease of no rows."""
        del start, stop
        return self._ring.lease()


class Consumer:
    """One reader; made by `Consumers.add`. Any thread may take: each row goes to one of them.

    `cursor` is the logical row that comes next, `read` and `missed` count rows: whatever happens,
    `cursor` has moved by the two together. `state` is "reading", "lapsed" (it held the writer up
    for too long, and is treated as `skip` from then on) or "closed".
    """

    def __init__(self, owner: Consumers, name: str, policy: Overtaken, cursor: int) -> None:
        self.name = name
        self.policy = policy
        self.cursor = cursor
        self.read = 0
        self.missed = 0
        self.state = "reading"
        self._owner = owner
        self._lock = threading.Lock()
        self._seen = -1, False  # the cursor as the writer last saw it, and whether all was read
        self._since = 0.0  # when it came there, in seconds of the steady clock

    @property
    def lag(self) -> int:
        """Rows that have been appended and neither read nor missed."""
        return max(0, self._owner.ring.head - self.cursor)

    @property
    def lag_s(self) -> float:
        """Seconds of the stream's own time from its next row to the newest; 0 without a lag."""
        ring = self._owner.ring
        times = ring.lease(max(self.cursor, ring.tail), max(self.cursor, ring.tail) + 1).times
        if not len(times) or ring.newest is None:
            return 0.0
        return max(0, ring.newest - int(times[0])) / 1e9

    @property
    def closed(self) -> bool:
        """Whether no more will come than what `take` gives now."""
        return self.state == "closed"

    def take(
        self,
        most_rows: int,
        *,
        underflow: str = Underflow.FLUSH,
        least_rows: int = 1,
        timeout: float | None = None,
    ) -> Batch | None:
        """Return a copy of the next rows, `most_rows` at most; None where there are none.

        `flush` gives what is there at once, `wait` holds the thread until `least_rows` are there,
        `timeout` seconds have passed or it is closed, and gives what is there then. Raises
        SettingError for what cannot be.
        """
        if self._waits(most_rows, underflow, least_rows):
            self._owner.arrived.wait(lambda: self.closed or self.lag >= least_rows, timeout)
        return self._next(most_rows)

    async def take_async(
        self,
        most_rows: int,
        *,
        underflow: str = Underflow.WAIT,
        least_rows: int = 1,
        timeout: float | None = None,  # noqa: ASYNC109 # the same words as those of `take`
    ) -> Batch | None:
        """As `take`, while the running loop goes on; it waits unless told to flush."""
        if self._waits(most_rows, underflow, least_rows):
            ready = lambda: self.closed or self.lag >= least_rows  # noqa: E731
            await self._owner.arrived.wait_async(ready, timeout)
        return self._next(most_rows)

    def close(self) -> None:
        """Leave: whoever waits here is woken, and the writer waits for it no more."""
        self.state = "closed"
        self._owner.remove(self)

    def restore(self, position: int) -> None:
        """Go on at a logical row; one that is still to come is the next, or rows were skipped."""
        with self._lock:
            self.cursor = min(position, self._owner.ring.head)

    def holds_until(self, now: float, patience_s: float) -> float | None:
        """Return when the writer need not wait for it any longer; None where it need not now.

        The writer's thread alone asks; `now` is of the steady clock. Its patience runs from when
        it first found the cursor where it is, with rows to read.
        """
        if self.policy != Overtaken.HOLD or self.state != "reading":
            return None
        seen = self.cursor, self.lag == 0
        if seen[1] or seen != self._seen:
            self._seen, self._since = seen, now
        if now - self._since >= patience_s:
            self.state = "lapsed"
            return None
        return self._since + patience_s

    def _waits(self, most_rows: int, underflow: str, least_rows: int) -> bool:
        if not _is_row(most_rows) or most_rows < 1:
            raise SettingError(f"most_rows is a whole number from 1 up, got {quote(most_rows)}")
        if not 1 <= least_rows <= most_rows:
            raise SettingError(
                f"least_rows is from 1 to most_rows={most_rows}, got {quote(least_rows)}"
            )
        if underflow not in list(Underflow):
            raise SettingError(
                f"underflow is one of {', '.join(Underflow)}; got {quote(underflow)}"
            )
        return underflow == Underflow.WAIT

    def _next(self, most_rows: int) -> Batch | None:
        with self._lock:
            batch = self._copied(most_rows)
        if batch is not None:
            self._owner.moved.ring()
        return batch

    def _copied(self, most_rows: int) -> Batch | None:
        ring = self._owner.ring
        while True:
            self._give_up(ring.tail)
            start = self.cursor
            lease = ring.lease(start, min(start + most_rows, ring.head))
            if lease.start > start:  # the writer went on between the two looks
                self._give_up(lease.start)
                continue
            if not len(lease):
                return None
            batch, lost = lease.copy(), lease.overtaken
            if lost:
                self._give_up(start + lost)
                if self.cursor >= lease.stop:
                    continue
                batch = batch.take(slice(self.cursor - start, None))
            self.cursor = lease.stop
            self.read += len(batch)
            return batch

    def _give_up(self, oldest: int) -> None:
        """Go on by the policy where rows before `oldest` are no longer kept."""
        if self.cursor < oldest:
            to = self._owner.ring.head - 1 if self.policy == Overtaken.LATEST else oldest
            to = max(oldest, to)
            self.missed += to - self.cursor
            self.cursor = to


class Consumers:
    """The consumers of one ring, by name. Any thread may call anything, but `floor` the writer's.

    The writer calls `notify` after each append, and where its ring is full and its policy is to
    block, `wait_for_room` before it. A holder that makes no progress for `patience_s` seconds
    while it has rows to read holds no longer. `clock` is the steady one that this goes by.
    """

    def __init__(
        self, ring: Rows, *, patience_s: float = PATIENCE_S, clock: Clock | None = None
    ) -> None:
        if not patience_s > 0:
            raise SettingError(f"patience_s is positive seconds, got {quote(patience_s)}")
        self.ring = ring
        self.patience_s = patience_s
        self.arrived = Bell()  # rung by the writer
        self.moved = Bell()  # rung by consumers, for a writer that waits
        self._clock = clock or SystemClock()
        self._consumers: dict[str, Consumer] = {}
        self._waiting: dict[str, int] = {}  # positions of consumers that have not come back yet
        self._lock = threading.Lock()

    def add(self, name: str, *, policy: str = Overtaken.SKIP, start: int | None = None) -> Consumer:
        """Return a new consumer that begins at the logical row `start`.

        By default that is where a restored one of that name stood, else the oldest row kept.
        Raises SettingError for another policy and for a name that is taken.
        """
        if policy not in list(Overtaken):
            raise SettingError(f"policy is one of {', '.join(Overtaken)}; got {quote(policy)}")
        with self._lock:
            if name in self._consumers:
                raise SettingError(f"a consumer is called {quote(name)} already: close it first")
            restored = self._waiting.pop(name, None)
            first = next(each for each in (start, restored, self.ring.tail) if each is not None)
            consumer = Consumer(self, name, Overtaken(policy), min(first, self.ring.head))
            self._consumers[name] = consumer
        return consumer

    def remove(self, consumer: Consumer) -> None:
        """Forget a consumer; for `Consumer.close` to call."""
        with self._lock:
            if self._consumers.get(consumer.name) is consumer:
                del self._consumers[consumer.name]
        self.arrived.ring()
        self.moved.ring()

    def __iter__(self) -> Iterator[Consumer]:
        return iter(list(self._consumers.values()))

    def notify(self) -> None:
        """Wake those who wait for rows: the writer calls it after each append."""
        self.arrived.ring()

    def floor(self) -> int | None:
        """Return the lowest row that a holder has not read; None where nobody holds."""
        return self._hold()[0]

    def wait_for_room(self, lowest: int, timeout: float | None = None) -> bool:
        """Hold the writer until nobody holds rows before `lowest`; return whether that is so.

        False only after `timeout` seconds. A holder's patience is never waited beyond.
        """
        until = None if timeout is None else self._clock.monotonic() + timeout
        while True:
            floor, deadline = self._hold()
            if floor is None or floor >= lowest:
                return True
            now = self._clock.monotonic()
            if until is not None and now >= until:
                return False
            end = deadline if until is None else min(deadline, until)
            self.moved.wait(lambda: self._is_past(lowest), max(0.0, end - now))

    def close(self) -> None:
        """Close every consumer: each may take what is left, and nobody waits any more."""
        for consumer in self:
            consumer.close()

    def positions(self) -> dict[str, int]:
        """Return each consumer's next row, to be restored after a crash."""
        with self._lock:
            found = {name: each.cursor for name, each in self._consumers.items()}
            return self._waiting | found

    def restore(self, positions: Mapping[str, int]) -> None:
        """Set consumers to positions, those who are not here as they come. SettingError for junk.

        Rows before the oldest kept count as missed. A position past the newest row becomes that
        of the next row: the numbers beyond it were lost, and will be given to others.
        """
        for name, row in positions.items():
            if not _is_row(row):
                raise SettingError(f"the position of {quote(name)} is a row, got {quote(row)}")
        with self._lock:
            for name, row in positions.items():
                if name in self._consumers:
                    self._consumers[name].restore(row)
                else:
                    self._waiting[name] = row
        self.arrived.ring()

    def _hold(self) -> tuple[int | None, float]:
        """Return the floor, and when the first holder's patience ends."""
        now = self._clock.monotonic()
        found = [(each, each.holds_until(now, self.patience_s)) for each in self]
        holders = [(each.cursor, end) for each, end in found if end is not None]
        if not holders:
            return None, now
        return min(cursor for cursor, _ in holders), min(end for _, end in holders)

    def _is_past(self, lowest: int) -> bool:
        holders = (
            each for each in self if each.policy == Overtaken.HOLD and each.state == "reading"
        )
        return all(each.cursor >= lowest for each in holders)


def _is_row(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
