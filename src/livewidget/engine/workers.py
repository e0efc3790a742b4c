"""Who walks batches through a pipeline: the loop itself, or threads that share the keys."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Self

import numpy as np

from livewidget.buffers.queue import Item
from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import SchemaError, SettingError, StateError, quote
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.engine.meter import Meter
from livewidget.pipeline.operator import Bound, Moment, Operator, State, Tally
from livewidget.sources.worker import Worker

Done = Callable[[Item, Batch, Tally], None]
Ticked = Callable[[Batch, Tally], None]
_Job = tuple[Callable[[Bound], Any], Callable[[Any], None]]
MOST_WORKERS = 64
_AHEAD = 2  # items that wait for a worker: it is never idle, and what waits stays in the queue


class Workers:
    """Binds a pipeline once for each worker and has batches walk through it, in order.

    Without workers that is on the loop. Several part the rows by the column `by`: what has the
    same key goes to the same worker, so that order and state hold for each key, not between keys.
    A heavy pipeline has one worker at least. Used on one loop; an async context manager.
    """

    def __init__(self, pipeline: Operator, clock: Clock, count: int, by: str | None) -> None:
        if isinstance(count, bool) or not 0 <= count < MOST_WORKERS:
            raise SettingError(f"workers is a whole number from 0 to 63, got {quote(count)}")
        if count > 1 and by is None:
            raise SettingError("several workers part the rows by a column: name it with by=")
        self._pipeline = pipeline
        self._clock = clock
        self._count = max(count, int(pipeline.heavy))
        self._by = by
        self._bounds: list[Bound] = []
        # One for each thread that works.
        self.meters = [Meter() for _ in range(max(1, self._count))]
        self._queues: list[asyncio.Queue[_Job]] = []
        self._stack = AsyncExitStack()

    def bind(self, schema: Schema) -> Bound:
        """Bind to the schema of what will come. Raises SchemaError or SettingError."""
        if self._count > 1 and schema.kind(self._by or "") is not Kind.TEXT:
            raise SchemaError(f"column {self._by!r}, by which workers part the rows, must be text")
        bounds = [self._pipeline.bind(schema, self._clock) for _ in range(max(1, self._count))]
        self._bounds = bounds
        return bounds[0]

    @property
    def apart(self) -> bool:
        """Whether threads of its own do the work, and not the loop."""
        return self._count > 0

    @property
    def ticks(self) -> bool:
        """Whether the pipeline, once it is bound, gives rows by the clock."""
        return bool(self._bounds) and self._bounds[0].tick is not None

    @property
    def remembers(self) -> bool:
        """Whether the pipeline, once it is bound, has a state that can be kept."""
        return bool(self._bounds) and self._bounds[0].memory is not None

    async def work(self, item: Item, done: Done) -> None:
        """Have an item walked; `done` hears of each part of it, on the loop."""
        if not self._queues:
            tally = Tally()
            with self.meters[0] as meter:
                meter.rows += len(item.batch)
                batch = self._bounds[0].step(item.batch, tally)
            done(item, batch, tally)
            await asyncio.sleep(0)
            return
        for place, part in self._parts(item):
            await self._queues[place].put(_walk(part, done, self.meters[place]))

    async def tick(self, moment: Moment, done: Ticked) -> None:
        """Have what is due at a moment given, behind the items so far; `done` hears of it.

        Returns once it has.
        """

        def due(bound: Bound) -> tuple[Batch, Tally]:
            tally = Tally()
            assert bound.tick is not None
            return bound.tick(moment, tally), tally

        if self.ticks:
            for batch, tally in await self._of_each(due):
                done(batch, tally)

    async def save(self) -> State:
        """Return the state of the pipeline behind the items so far, in each worker's part."""

        def save(bound: Bound) -> State:
            assert bound.memory is not None
            return bound.memory.save()

        return {"workers": await self._of_each(save) if self.remembers else []}

    def load(self, state: State) -> None:
        """Go on from a state. Before the first item. Raises StateError where it does not fit."""
        parts = state.get("workers")
        if not isinstance(parts, list) or len(parts) != (len(self._bounds) * self.remembers):
            raise StateError(f"the state is not of {len(self._bounds)} workers: {quote(parts)}")
        for bound, part in zip(self._bounds, parts, strict=False):
            assert bound.memory is not None
            bound.memory.load(part)

    async def _of_each(self, ask: Callable[[Bound], Any]) -> Sequence[Any]:
        """Return what each worker's bound pipeline answers, behind the items so far."""
        if not self._queues:
            return [ask(self._bounds[0])]
        loop = asyncio.get_running_loop()
        answers: list[asyncio.Future[Any]] = [loop.create_future() for _ in self._queues]
        for queue, answer in zip(self._queues, answers, strict=True):
            await queue.put((partial(_tried, ask), partial(_answer, answer)))
        return await asyncio.gather(*answers)

    async def __aenter__(self) -> Self:
        for number in range(self._count):
            worker = await self._stack.enter_async_context(Worker(f"pipeline-{number}"))
            queue: asyncio.Queue[_Job] = asyncio.Queue(_AHEAD)
            self._queues.append(queue)
            task = asyncio.create_task(self._serve(number, worker, queue))
            self._stack.push_async_callback(_end, task)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        self._queues.clear()

    async def _serve(self, number: int, worker: Worker, queue: asyncio.Queue[_Job]) -> None:
        while True:
            job, done = await queue.get()
            bound = self._bounds[number]
            done(await worker.call(lambda: job(bound)))  # noqa: B023  (awaited here)

    def _parts(self, item: Item) -> Iterator[tuple[int, Item]]:
        if self._count == 1:
            yield 0, item
            return
        column = item.batch[self._by or ""]
        assert isinstance(column, Text)
        places = [self._place(key) for key in column.categories]
        owners = np.array([*places, 0], dtype=np.intp)[column.codes]
        marks = item.marks
        for place in np.unique(owners).tolist():
            part = item.batch.take(owners == place)
            yield place, Item(part, item.arrival, marks, item.ticket)
            marks = []

    def _place(self, key: str) -> int:
        # Not hash(): it differs from process to process, and a run should be like the last.
        return zlib.crc32(key.encode()) % self._count


def _tried(ask: Callable[[Bound], Any], bound: Bound) -> tuple[Any, Exception | None]:
    try:
        return ask(bound), None
    except Exception as error:  # noqa: BLE001  (it is raised where the answer is awaited)
        return None, error


def _answer(future: asyncio.Future[Any], told: tuple[Any, Exception | None]) -> None:
    if future.cancelled():
        return
    answer, error = told
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)


def _walk(item: Item, done: Done, meter: Meter) -> _Job:
    tally = Tally()

    def step(bound: Bound) -> Batch:
        with meter:
            meter.rows += len(item.batch)
            return bound.step(item.batch, tally)

    return step, lambda batch: done(item, batch, tally)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
