"""What is stored, or routed, on its way out to a sink: in batches, and tried again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain, count
from typing import Any

import numpy as np

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import (
    MissingExtraError,
    RejectedError,
    SettingError,
    SinkError,
    quote,
)
from livewidget.data.events import DeadLetter
from livewidget.engine.archive import Archive
from livewidget.engine.blocking import off_loop
from livewidget.engine.feed import Subscription
from livewidget.engine.gate import Gate
from livewidget.engine.meter import Meter
from livewidget.resilience.backoff import Backoff
from livewidget.resilience.breaker import CircuitBreaker
from livewidget.resilience.spool import Spool
from livewidget.sinks.base import Sink

log = logging.getLogger("livewidget")
LETTERS = 1_000
ATTEMPTS = 3  # at rows on which a sink raises what is no SinkError, before they are rejected
_OPEN_S = 5.0  # between two looks whether a sink that was down is back
_KEEP_S = 0.25  # what was delivered since may be delivered again after a crash
HOLD, DROP = "hold", "drop_oldest"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How rows are handed to a sink.

    At most `batch_rows` at once, or as many as one batch has; those that are there wait for company
    for `batch_s` seconds. While the sink is down up to `spool_rows` rows and `spool_bytes` bytes
    wait; past that the source is held ("hold"), or the oldest are dropped and counted
    ("drop_oldest"). Raises SettingError for what cannot be.
    """

    batch_rows: int = 10_000
    batch_s: float = 0.0
    spool_rows: int = 1_000_000
    spool_bytes: int = 64 * 2**20
    when_full: str = HOLD

    def __post_init__(self) -> None:
        for name in ("batch_rows", "spool_rows", "spool_bytes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SettingError(f"{name} is a whole number from 1 up, got {quote(value)}")
        waits: Any = self.batch_s
        if not isinstance(waits, (int, float)) or not 0 <= waits < float("inf"):
            raise SettingError(f"batch_s is a number of seconds from 0 up, got {quote(waits)}")
        if self.when_full not in (HOLD, DROP):
            raise SettingError(f"when_full is {HOLD!r} or {DROP!r}, got {quote(self.when_full)}")

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Delivery:
        """Return what `options` say of it, and take that out of them."""
        return cls(**{name: options.pop(name) for name in DELIVERY if name in options})


DELIVERY = tuple(each.name for each in fields(Delivery))


class Cursor:
    """How far an output of a durable buffer has come, kept beside the rows under its `name`."""

    def __init__(self, archive: Archive, name: str) -> None:
        self._archive = archive
        self._name = f"output {name}"
        position = archive.position(self._name)
        self._reached = None if position is None else int(position)
        self.first = 0  # the number of the first row that is to be delivered
        self._stop = 0

    @property
    def row(self) -> int | None:
        """The row of the ring that it goes on with; it may lie before its tail. None: the first."""
        return None if self._reached is None else self._archive.row(self._reached)

    def begin(self, start: int) -> None:
        """Note that what is subscribed to begins with this row of the ring."""
        self._stop = self._archive.number(start)
        self.first = self._stop if self._reached is None else min(self._reached, self._stop)

    def older(self) -> Iterator[Batch]:
        """Yield the rows before those, from the store."""
        if self.first < self._stop:
            yield from (batch for _, batch in self._archive.between(self.first, self._stop))

    def keep(self, number: int) -> None:
        """Keep that all before a row is delivered. Blocks; a store that cannot is no matter now."""
        self._archive.keep(self._name, str(number))


class Output:
    """Writes what a subscription gives to a sink until it ends. `run` is the engine's.

    At least once: a batch counts as written when the sink has said so; after a failure it is opened
    anew and the batch written once more, so that what reached it before may be there twice, unless
    it goes by the rows' numbers or keys. A sink that is down is looked at again and again, while
    rows wait in a bounded spool. Rows that a sink refuses for good are dead letters, with its
    reason. Only a setting that is wrong, or a package that is not there, gives it up.

    `error` is why it fails now, or was given up. With a `cursor` it goes on behind what an earlier
    process had delivered. `name` is what it is called for people, none of those that are `taken`;
    it holds no secret.
    """

    def __init__(
        self,
        sink: Sink,
        subscription: Subscription,
        delivery: Delivery,
        cursor: Cursor | None = None,
        *,
        taken: Collection[str] = (),
    ) -> None:
        self.sink = sink
        counted = (f"{sink.name} ({n})" for n in count(2))
        self.name = next(name for name in chain([sink.name], counted) if name not in taken)
        self.written = self.rejected = self.dropped = self.retried = 0
        self.error = ""
        self.given_up = False
        self.meter = Meter()
        self.letters: deque[DeadLetter] = deque(maxlen=LETTERS)
        self.reasons: Counter[str] = Counter()
        self._subscription = subscription
        self._delivery = delivery
        self._spool = Spool(delivery.spool_rows, delivery.spool_bytes)
        self._cursor = cursor
        self._first = 0 if cursor is None else cursor.first
        self._next = self._first  # the number of the row that comes next
        self._kept = -1.0  # when the cursor was, the last time
        self._taken = 0  # rows that came from the subscription
        self._since = 0.0  # when the oldest that waits came
        self._breaker = CircuitBreaker(open_s=_OPEN_S)
        self._backoff = Backoff()
        self._changed = Gate()
        self._ended = False
        self._open = False

    @property
    def state(self) -> str:
        """One of "writing", "failing", "given up"."""
        return "given up" if self.given_up else "failing" if self.error else "writing"

    def stats(self) -> dict[str, Any]:
        """Return rows written, retried, waiting, dropped and rejected, and what the sink counts."""
        return {
            "state": self.state,
            "error": self.error,
            "written": self.written,
            "retried": self.retried,
            "waiting": self._waiting,
            "dropped": self._dropped,
            "rejected": self.rejected,
            "reasons": dict(self.reasons),
            **self.sink.counts,
        }

    @property
    def delivery(self) -> Delivery:
        """How rows are handed over; what is set counts from the next batch on."""
        return self._delivery

    @delivery.setter
    def delivery(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._changed.notify()

    @property
    def come(self) -> int:
        """Rows that have come, from the first on."""
        return self._accounted + self._waiting

    @property
    def waiting(self) -> int:
        """Rows that have come and wait to be written."""
        return self._waiting

    @property
    def lost(self) -> int:
        """Rows that were given up."""
        return self._dropped

    async def caught_up(self) -> None:
        """Return once all that has come by now is written, rejected or dropped, or it is given up.

        From any loop.
        """
        target = self._accounted + self._waiting
        await self._changed.wait_until(lambda: self.given_up or self._accounted >= target)

    async def run(self) -> None:
        """Write until the subscription ends."""
        reading = asyncio.create_task(self._read())
        try:
            await self._write_all()
        except (SettingError, MissingExtraError) as error:
            log.warning("the output %s was given up: %s", self.name, error)
            self.error, self.given_up = str(error), True
        finally:
            reading.cancel()
            await asyncio.wait([reading])
            self._subscription.close()
            self.dropped += self._waiting
            self._changed.notify()
            await self._keep()
            await self.sink.close()

    @property
    def _waiting(self) -> int:
        return self._taken - self._accounted + self._subscription.waiting

    @property
    def _dropped(self) -> int:
        return self.dropped + self._spool.dropped

    @property
    def _accounted(self) -> int:
        return self.written + self.rejected + self._dropped

    async def _read(self) -> None:
        """Have what comes wait for the sink; hold the source where there is no more room."""
        if self._cursor is not None:
            older = self._cursor.older()
            while (rows := await asyncio.to_thread(next, older, None)) is not None:
                await self._take(rows)
        async for batch, _ in self._subscription.read():
            await self._take(batch)
        self._ended = True
        self._changed.notify()

    async def _take(self, batch: Batch) -> None:
        self._taken += len(batch)
        for begin in range(0, len(batch), self._delivery.batch_rows):
            if self._delivery.when_full == HOLD:
                await self._changed.wait_until(self._has_room)
            part = batch.take(slice(begin, begin + self._delivery.batch_rows))
            if not len(self._spool):
                self._since = time.monotonic()
            self._spool.push(part, self._next)
            self._next += len(part)
            self._changed.notify()

    async def _keep(self, every_s: float = 0.0) -> None:
        """Keep how far all is delivered, unless that was done a moment ago."""
        if self._cursor is None or time.monotonic() < self._kept + every_s:
            return
        self._kept = time.monotonic()
        number = self._first + self.written + self.rejected + self._spool.dropped
        await off_loop(self._cursor.keep, number)

    def _has_room(self) -> bool:
        spool = self._spool
        return not spool.rows or (spool.rows < spool.max_rows and spool.nbytes < spool.max_bytes)

    async def _write_all(self) -> None:
        while await self._due():
            entries = self._spool.several(self._delivery.batch_rows)
            batch = concat([each.batch for each in entries])
            rejected = await self._deliver(batch, entries[0].first)
            for each in entries:
                self._spool.done(each)
            self.rejected += rejected
            self.written += len(batch) - rejected
            self._since = time.monotonic()
            self._changed.notify()
            await self._keep(_KEEP_S)

    async def _due(self) -> bool:
        """Return whether there are rows to write, once there are enough, or none will come."""

        def enough() -> bool:
            return self._ended or self._spool.rows >= self._delivery.batch_rows

        await self._changed.wait_until(lambda: self._ended or self._spool.rows)
        left = self._since + self._delivery.batch_s - time.monotonic()
        if not enough() and left > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait_until(enough)
        return bool(self._spool.rows)

    async def _deliver(self, batch: Batch, first: int) -> int:
        """Write rows, however often that takes; return how many were refused for good."""
        attempts = 0
        while True:
            await asyncio.sleep(self._breaker.wait(time.monotonic()))
            if not self._breaker.allow(time.monotonic()):
                continue
            try:
                if not self._open:
                    await self.sink.open()
                    self._open = True
                with self.meter as meter:
                    await self.sink.write_from(batch, first)
                    meter.rows += len(batch)
            except RejectedError as error:
                self._well()
                return self._bury(batch, error.rows, str(error))
            except (SettingError, MissingExtraError):
                raise
            except SinkError as error:
                await self._failed(error)
            except Exception as error:  # noqa: BLE001  (a sink of the user's may raise anything)
                attempts += 1
                if attempts == ATTEMPTS:
                    return self._bury(batch, None, f"{type(error).__name__}: {error}")
                await self._failed(error)
            else:
                self._well()
                return 0

    def _well(self) -> None:
        self._breaker.success()
        self._backoff.reset()
        self.error = ""

    async def _failed(self, error: Exception) -> None:
        """Note a failure, let go of the sink, and wait a little."""
        if not self.error:
            log.warning("the output %s fails, its rows wait: %s", self.name, error)
        self.error = str(error) or type(error).__name__
        self.retried += 1
        self._breaker.failure(time.monotonic())
        self._open = False
        with contextlib.suppress(SinkError):
            await self.sink.close()
        await asyncio.sleep(self._backoff.next(time.monotonic()) or 0.0)

    def _bury(self, batch: Batch, rows: Sequence[int] | None, reason: str) -> int:
        """Make dead letters of rows, by their places; None are all. Return how many there are."""
        places = np.arange(len(batch)) if rows is None else np.asarray(rows, dtype=np.intp)
        now = time.time_ns()
        for row in batch.take(places[:LETTERS]).rows():
            self.letters.append(DeadLetter(now, reason, row, f"output {self.name}"))
        self.reasons[reason if len(self.reasons) < LETTERS else "other reasons"] += len(places)
        return len(places)
