"""Who walks batches through a pipeline: the loop itself, or threads that share the keys."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Self

import numpy as np

from livewidget.buffers.queue import Item
from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.operator import Bound, Operator, Step, Tally
from livewidget.sources.worker import Worker

Done = Callable[[Item, Batch, Tally], None]
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
        self._steps: list[Step] = []
        self._queues: list[asyncio.Queue[tuple[Item, Done]]] = []
        self._stack = AsyncExitStack()

    def bind(self, schema: Schema) -> Bound:
        """Bind to the schema of what will come. Raises SchemaError or SettingError."""
        if self._count > 1 and schema.kind(self._by or "") is not Kind.TEXT:
            raise SchemaError(f"column {self._by!r}, by which workers part the rows, must be text")
        bounds = [self._pipeline.bind(schema, self._clock) for _ in range(max(1, self._count))]
        self._steps = [bound.step for bound in bounds]
        return bounds[0]

    async def work(self, item: Item, done: Done) -> None:
        """Have an item walked; `done` hears of each part of it, on the loop."""
        if not self._queues:
            tally = Tally()
            done(item, self._steps[0](item.batch, tally), tally)
            await asyncio.sleep(0)
            return
        for place, part in self._parts(item):
            await self._queues[place].put((part, done))

    async def __aenter__(self) -> Self:
        for number in range(self._count):
            worker = await self._stack.enter_async_context(Worker(f"pipeline-{number}"))
            queue: asyncio.Queue[tuple[Item, Done]] = asyncio.Queue(_AHEAD)
            self._queues.append(queue)
            task = asyncio.create_task(self._serve(number, worker, queue))
            self._stack.push_async_callback(_end, task)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        self._queues.clear()

    async def _serve(
        self, number: int, worker: Worker, queue: asyncio.Queue[tuple[Item, Done]]
    ) -> None:
        while True:
            item, done = await queue.get()
            step, tally = self._steps[number], Tally()
            batch = await worker.call(lambda: step(item.batch, tally))  # noqa: B023  (awaited here)
            done(item, batch, tally)

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


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
