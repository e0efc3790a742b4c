"""The line from whatever brings data to the buffer, and to whoever listens behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from livewidget.buffers.queue import Queue
from livewidget.data.batch import Batch, Data, infer_schema
from livewidget.data.clock import Clock
from livewidget.data.errors import SchemaError
from livewidget.data.records import columns_of
from livewidget.data.schema import Kind, Schema
from livewidget.engine.buffer import BufferManager
from livewidget.engine.door import Door
from livewidget.engine.feed import Feed, Subscription
from livewidget.engine.flow import Flow
from livewidget.engine.gate import Gate
from livewidget.engine.intake import Intake
from livewidget.engine.thread import Engine
from livewidget.engine.workers import Workers
from livewidget.pipeline.chain import Pipeline
from livewidget.pipeline.operator import Operator

log = logging.getLogger("livewidget")
_BEAT_S = 0.005  # what listeners wait for is carried to them as often


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What events look like: the column of their times, of their keys, those with numbers.

    `schema` and `time` are of what comes in, `by` and `columns` of what is stored.
    """

    time: str | None = None
    by: str | None = None
    columns: tuple[str, ...] = ()
    schema: Schema | None = None

    def infer(self, data: Data) -> Schema:
        """Return the schema of the first data. Raises SchemaError for what is not tabular."""
        if isinstance(data, Batch):
            return data.schema
        text = () if self.by is None else (self.by,)
        return infer_schema(columns_of(data), self.time, text)

    def infer_stored(self, data: Data) -> Schema:
        """Return the same, where it serves. Raises SchemaError where a column is missing."""
        schema = self.infer(data)
        self.check(schema)
        return schema

    def check(self, schema: Schema) -> None:
        """Raise SchemaError where what is to be stored lacks a column, or has it otherwise."""
        if self.by is not None and schema.kind(self.by) is not Kind.TEXT:
            raise SchemaError(f"column {self.by!r} of `by` must be text")
        for name in self.columns:
            if schema.kind(name) not in (Kind.FLOAT, Kind.INT):
                raise SchemaError(
                    f"column {name!r} must hold numbers, it holds {schema.kind(name)}"
                )


class Line:
    """The door, the queue and the pipeline where there are any, the intake, and the feeds.

    `always` are operators that leave the columns as they are, `operators` the user's own. With any
    of them, a queue or workers, rows pass a `Flow`; without, they are staged at once. `buffer` gets
    each batch, `on_failure` hears why a pipeline cannot be.
    """

    def __init__(
        self,
        shape: Shape,
        buffer: BufferManager,
        clock: Clock,
        engine: Engine,
        *,
        relieve: Callable[[], None],
        always: Sequence[Operator] = (),
        operators: Sequence[Operator] = (),
        queue: Queue | None = None,
        workers: int = 0,
        retries: int = 0,
        max_ahead: float | None,
    ) -> None:
        self._buffer = buffer
        self._operators = tuple(operators)
        self._clock = clock
        self._engine = engine
        self.on_failure: Callable[[str], None] = log.error
        self.changed = Gate()  # for whoever waits for room
        self.feed = Feed(clock, self.changed)
        self._outputs: dict[str, Feed] = {}
        self._due = False  # whether a drain for listeners is on its way
        flows = bool(always or operators or queue is not None or workers)
        self.intake = Intake(
            self._store,
            clock,
            infer=shape.infer_stored,
            relieve=relieve,
            schema=None if flows else shape.schema,
            needs=shape.columns,
            max_ahead=max_ahead,
            on_gap=self.feed.gap,
            unwritten=lambda: buffer.unwritten,
        )
        self.flow: Flow | None = None
        self._task: asyncio.Task[None] | None = None
        if flows:
            door = Door(
                shape.infer if operators else shape.infer_stored,
                self.intake.door.horizon,
                schema=shape.schema,
                needs=() if operators else shape.columns,
            )
            chain = Pipeline([*always, *operators], retries=retries)
            self.flow = Flow(
                Workers(chain, clock, workers, shape.by),
                queue or Queue(),
                door,
                self.intake,
                clock,
                self.changed,
                accept=shape.check,
                route=lambda output, batch: self.output(output).publish(batch),
            )
            engine.spawn(self._run(self.flow), "livewidget-flow")
        buffer.on_room(self.changed.notify)
        self.entry: Intake | Flow = self.intake if self.flow is None else self.flow

    @property
    def bound(self) -> bool:
        """Whether it is known what the operators are: rows have come, or there are none."""
        return self.flow is None or self.flow.bound

    @property
    def names(self) -> list[str]:
        """The names of the operators, in order."""
        return [each.name for each in self._operators]

    @property
    def put(self) -> int | None:
        """How many rows the store has or will have, of all that came through; None without one."""
        ring, archive = self._buffer.ring, self._buffer.archive
        if archive is None:
            return None
        return archive.store.rows if ring is None else archive.number(ring.head)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return what the operators count, such as rows that were late, by their names."""
        found: dict[str, dict[str, int]] = {}
        for place, operator in enumerate(self._operators):
            counts = getattr(getattr(operator, "operator", operator), "counts", None)
            if counts:
                name = operator.name if operator.name not in found else f"{operator.name} {place}"
                found[name] = dict(counts)
        return found

    @property
    def full(self) -> bool:
        """Whether something behind cannot keep up."""
        return self.feed.full or self._buffer.full or (self.flow is not None and self.flow.full)

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Note a stretch that was not seen; see `Outlet.gap`."""
        if self.flow is not None and stop is None:
            self.flow.mark(start, reason)
        else:
            self.intake.gap(start, stop, reason)

    def output(self, name: str) -> Feed:
        """Return the feed of what is routed to a name."""
        if name not in self._outputs:
            self._outputs[name] = Feed(self._clock, self.changed)
        return self._outputs[name]

    def subscribe(self, queue: Queue | None, since: int | None) -> Subscription:
        """Return what the buffer holds, or its rows from `since`, and what is stored from now on.

        No row comes twice, and none is passed over.
        """

        def between() -> Subscription:
            ring = self._buffer.ring
            if ring is None:
                return self.feed.subscribe(queue)
            first = ring.tail if since is None else min(max(since, ring.tail), ring.head)
            return self.feed.subscribe(queue, ring.snapshot(first), first)

        return self.intake.between_drains(between)

    def nudge(self) -> None:
        """Have what is staged carried to those who listen, soon."""
        if self.feed.active and not self._due and self._engine.alive:
            self._due = True
            self._engine.post(lambda: self._engine.loop.call_later(_BEAT_S, self._carry))

    async def settled(self) -> None:
        """Return once all that came so far is in the buffer, filtered, rejected or dropped."""
        if self.flow is not None:
            await self.flow.settled()
        self.intake.drain()

    async def finish(self) -> None:
        """Have what operators still hold come through: the source has ended. On the loop."""
        await self.settled()
        if self.flow is not None:
            await self.flow.finish()
            await self.settled()

    async def stored(self) -> None:
        """Return once it is in the store, too, where the buffer is durable."""
        await self.settled()
        await self._buffer.written()

    def end(self) -> None:
        """Tell those who listen that this was all."""
        for feed in (self.feed, *self._outputs.values()):
            feed.end()
        self.changed.notify()

    async def close(self) -> None:
        """End the pipeline's task, and take nothing more. On the loop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.intake.close()

    def _store(self, batch: Batch) -> int:
        taken = self._buffer.append(batch)
        self.feed.publish(taken)
        return len(taken)

    def _carry(self) -> None:
        self._due = False
        self.intake.drain()

    async def _run(self, flow: Flow) -> None:
        self._task = asyncio.current_task()
        failure: Exception | None = None
        try:
            await flow.run()
        except Exception as error:  # noqa: BLE001  (whatever it is, the user must see it)
            failure = error
        failure = failure or flow.failure
        if failure is not None:
            self.on_failure(f"{type(failure).__name__}: {failure}")
