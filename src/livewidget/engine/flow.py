"""What lies between a source and its buffer: the queue, the pipeline and its workers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from livewidget.buffers.queue import BatchQueue, Item, Queue
from livewidget.data.batch import Batch, Data, count_rows
from livewidget.data.clock import Clock
from livewidget.data.errors import ClosedError, LivewidgetError, SchemaError, StateError
from livewidget.data.events import DeadLetter
from livewidget.data.schema import Schema
from livewidget.engine.door import Door
from livewidget.engine.gate import Gate
from livewidget.engine.intake import Intake
from livewidget.engine.lanes import Lanes
from livewidget.engine.meter import Meter
from livewidget.engine.staging import Mark
from livewidget.engine.workers import Workers
from livewidget.pipeline.operator import Moment, State, Tally

log = logging.getLogger("livewidget")
T = TypeVar("T")
U = TypeVar("U")
_EVER = 2**62  # ns: by then whatever waits is due
_TICK_S = 0.1  # between two looks for what is due by the clock


class Flow:
    """Rows in from any thread, through a bounded queue and the pipeline, into the intake.

    One task, `run`, on the engine's loop takes batch by batch and has the `workers` walk them.
    `accept` hears the schema of what comes out, and raises where it does not serve. What an
    operator routes to a named output goes to `route`. `changed` is told when there may be room.

    Every row is received here, and then in flight until it is staged, filtered, rejected or
    dropped; all four are told to the ledger at once.
    """

    def __init__(
        self,
        workers: Workers,
        queue: Queue,
        door: Door,
        intake: Intake,
        clock: Clock,
        changed: Gate,
        *,
        accept: Callable[[Schema], None],
        route: Callable[[str, Batch], None],
    ) -> None:
        self._workers = workers
        self._door = door
        self._intake = intake
        self._ledger = intake.ledger
        self._clock = clock
        self._accept = accept
        self._route = route
        self._queue = BatchQueue(queue, self._dropped)
        self._lanes = Lanes(queue, clock)
        self._marks: list[object] = []
        self._ticket = 0  # rows that come between two questions for what is stored share one
        self._open: Counter[int] = Counter()  # rows in flight by ticket
        self._changed = changed
        self._closed = False
        self._aside: list[tuple[Batch, int, int]] | None = None  # while a state is taken
        self._ticked = clock.monotonic()
        self.failure: LivewidgetError | None = None
        self.bound = False  # whether the operators are, to a schema
        self._schema: Schema | None = None  # of what comes in, once it is bound
        self._kept: State | None = None  # a state to be gone on from, until it is bound
        self.skip = 0  # rows that are to come again and are stored already
        self._binding = threading.Lock()
        if door.schema is not None:
            self._bind(door.schema)

    @property
    def full(self) -> bool:
        """Whether the queue asks for patience."""
        return self._queue.full or self._aside is not None

    def push(self, data: Data) -> int:
        """Take rows of user code, all or none; waits for room in a queue that blocks.

        Raises SchemaError, ClosedError, and TimeoutError (see `Gate.hold`).
        """
        arrival = self._clock.now()
        batch = self._door.whole(data, arrival)
        self._changed.hold(lambda: self._closed or not self.full)
        self._put(batch, arrival)
        return len(batch)

    def emit(self, data: Data) -> int:
        """Take rows of a source: those that fit; the others become dead letters."""
        arrival = self._clock.now()
        try:
            batch, bad = self._door.fitting(data, arrival)
        except SchemaError as error:
            self._ledger.refuse([(data, str(error))], arrival, count_rows(data))
            return 0
        self._ledger.refuse(bad, arrival, len(bad))
        self._put(batch, arrival)
        return len(batch)

    def mark(self, start: int | None, reason: str) -> None:
        """Note a gap before the rows that come next."""
        self._marks.append(Mark(start, reason))

    async def settled(self) -> None:
        """Return once no row that has come so far is in flight. From any loop."""
        with self._ledger.lock:
            mine = self._ticket
            self._ticket += 1
        await self._passed(mine)

    async def run(self) -> None:
        """Work on what comes until it is cancelled; then what is left counts as dropped.

        Ends by itself where the pipeline cannot be bound: see `failure`.
        """
        try:
            async with self._workers:
                while self.failure is None:
                    item = self._queue.take(self._clock.now())
                    if item is None:
                        await self._wait()
                    else:
                        await self._workers.work(item, self._done)
                    await self._tick()
        finally:
            self._closed = True
            self._abandon()
            self._changed.notify()

    async def finish(self) -> None:
        """Have what operators still hold given: nothing more will come. On the loop."""
        if self.bound and not self._closed:
            await self._workers.tick(Moment(self._clock.now(), final=True), self._came)

    async def state(self, reached: Callable[[], T], given: Callable[[], U]) -> tuple[T, State, U]:
        """Return what `reached()` says now, the operators' state behind just that, and `given()`.

        What comes meanwhile waits aside, so that none of it is in the state, nor of what came out
        by then. On the loop.
        """
        assert self._aside is None, "one at a time"
        place = reached()  # first: what a thread brings now comes again, and is not lost
        with self._ledger.lock:
            mine = self._ticket
            self._ticket += 1
            self._aside = []
        try:
            await self._passed(mine)
            return place, await self._workers.save(), given()
        finally:
            self._bring_back()

    @property
    def remembers(self) -> bool:
        """Whether the operators have a state that can be kept."""
        return self._workers.remembers

    def go_on(self, state: State | None, schema: Schema | None) -> None:
        """Go on from a state, now where the schema is known, else with the first rows.

        Raises StateError where it does not fit; it then begins anew. Before the first rows.
        """
        self._kept = state
        if schema is not None and not self.bound:
            self._bind(schema)
        elif self.bound:
            self._load()

    def _load(self) -> None:
        """Have the operators take the state up that was kept, if any. Raises StateError."""
        state, self._kept = self._kept, None
        if state is None:
            return
        try:
            self._workers.load(state)
        except Exception as error:
            if self._schema is not None:
                self._workers.bind(self._schema)  # what has taken up a part of it begins anew
            raise StateError(f"the state does not fit: {error}") from error

    @property
    def meters(self) -> list[Meter]:
        """What each thread that works on the operators counts; see `apart`."""
        return self._workers.meters

    @property
    def apart(self) -> bool:
        """Whether the operators have threads of their own, and not the engine's."""
        return self._workers.apart

    @property
    def queue(self) -> BatchQueue:
        """What waits for the operators."""
        return self._queue

    @property
    def queued(self) -> int:
        """The rows that wait."""
        return self._queue.rows

    def stats(self) -> dict[str, object]:
        """Return the queue's figures: rows that wait, the most there were, and its bound."""
        queue = self._queue
        return {"queued": queue.rows, "queue_peak": queue.peak, "queue_capacity": queue.capacity}

    def _put(self, batch: Batch, arrival: int) -> None:
        if not len(batch):
            return
        if not self.bound and self.failure is None:
            self._prepare(batch.schema)
        with self._ledger.lock:
            if self._closed:
                raise ClosedError("the stream was closed: it takes no more data")
            ticket = self._ticket
            self._ledger.received += len(batch)
            self._ledger.in_flight += len(batch)
            self._open[ticket] += len(batch)
            aside = self._aside
            if aside is not None:
                aside.append((batch, arrival, ticket))
        if aside is None:
            self._enqueue(batch, arrival, ticket)
        self._changed.notify()

    def _bring_back(self) -> None:
        """Queue what came aside, and no more does."""
        while True:
            with self._ledger.lock:
                aside, self._aside = self._aside or [], None if not self._aside else []
            for each in aside:
                self._enqueue(*each)
            if not aside:
                break
        self._changed.notify()

    async def _passed(self, ticket: int) -> None:
        await self._changed.wait_until(lambda: not any(it <= ticket for it in list(self._open)))

    def _enqueue(self, batch: Batch, arrival: int, ticket: int) -> None:
        marks, self._marks = self._marks, []
        for priority, part in self._lanes.split(batch):
            self._queue.put(Item(part, arrival, marks, ticket), priority)
            marks = []

    async def _wait(self) -> None:
        """Wait for rows, or for those that are there to be due, or for a tick."""
        seconds = self._queue.due_in(self._clock.now())
        if seconds is None and not self._workers.ticks:
            await self._changed.wait_until(lambda: self._queue.rows or self.failure)
            return
        most = _TICK_S if self._workers.ticks else _EVER
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(most, _EVER if seconds is None else seconds)):
                await self._changed.wait_until(
                    lambda: self._queue.due_in(self._clock.now()) == 0.0 or self.failure
                )

    async def _tick(self) -> None:
        """Have what is due by the clock given, some times a second."""
        now = self._clock.monotonic()
        if self._workers.ticks and now >= self._ticked + _TICK_S:
            self._ticked = now
            await self._workers.tick(Moment(self._clock.now()), self._came)

    def _prepare(self, schema: Schema) -> None:
        """Bind to the schema of the first rows; where that cannot be, the flow has failed."""
        with self._binding:
            if not self.bound:
                try:
                    self._bind(schema)
                except StateError as error:
                    log.warning("the operators begin anew: %s", error)
                except LivewidgetError as error:
                    self.failure = error

    def _bind(self, schema: Schema) -> None:
        self._lanes.bind(schema)
        bound = self._workers.bind(schema)
        self._accept(bound.schema)
        self._intake.door.schema = bound.schema
        self._schema, self.bound = schema, True
        self._load()

    def _done(self, item: Item, batch: Batch, tally: Tally) -> None:
        """Account for the rows of an item and carry what came out to the store. On the loop."""
        rows = len(item.batch)
        for mark in item.marks:
            if isinstance(mark, Mark):
                self._intake.gap(mark.start, None, mark.reason)
        for gap in tally.gaps:
            self._intake.gap(gap.start, gap.stop, gap.reason)
        self._settle(batch, tally, item.arrival, lambda: self._leave(item.ticket, rows))

    def _came(self, batch: Batch, tally: Tally) -> None:
        """Account for what came without a row, by the clock or at the end. On the loop."""
        self._settle(batch, tally, self._clock.now(), lambda: None)

    def _settle(self, batch: Batch, tally: Tally, arrival: int, leave: Callable[[], None]) -> None:
        letters = [DeadLetter(arrival, it.reason, it.payload, it.operator) for it in tally.letters]
        with self._ledger.lock:
            self._ledger.received += tally.made
            self._ledger.made += tally.made
            self._ledger.filtered += tally.filtered
            self._ledger.lost += tally.lost
            if tally.rejected:
                self._ledger.bury(letters, tally.rejected)
            if self.skip and len(batch):
                again = min(self.skip, len(batch))
                self.skip -= again
                self._ledger.filtered += again
                batch = batch.take(slice(again, None))
            if len(batch):
                self._intake.stage(batch, arrival)
            leave()
        for output, routed in tally.routed:
            self._route(output, routed)
        self._intake.drain()
        self._changed.notify()

    def _dropped(self, ticket: int, rows: int) -> None:
        """Account for rows that the queue's policy gave up."""
        with self._ledger.lock:
            self._ledger.dropped += rows
            self._leave(ticket, rows)

    def _leave(self, ticket: int, rows: int) -> None:
        self._ledger.in_flight -= rows
        self._open[ticket] -= rows
        if not self._open[ticket]:
            del self._open[ticket]

    def _abandon(self) -> None:
        """Count what is left as dropped, or as rejected by the failure: nobody works on it."""
        while self.failure is not None and (item := self._queue.take(_EVER)) is not None:
            tally = Tally()
            tally.reject(
                item.batch, np.ones(len(item.batch), dtype=bool), str(self.failure), "pipeline"
            )
            self._done(item, Batch.empty(item.batch.schema), tally)
        with self._ledger.lock:
            self._ledger.dropped += self._ledger.in_flight
            self._ledger.in_flight = 0
            self._open.clear()
