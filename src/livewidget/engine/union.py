"""Several streamers as one, on a common time axis."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import numpy as np

from livewidget.buffers.queue import Queue
from livewidget.data.batch import Batch, concat
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.events import State
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.engine.streamer import DataStreamer
from livewidget.sources.base import Outlet, Source

SERIES, VALUE = "series", "value"
LONG = Schema.of({"time": "time", SERIES: "text", VALUE: "float"}, "time")
_ALIGN_S = 0.05  # rows wait so long for earlier ones of another streamer; an eye sees 0.1


class Union(Source):
    """What several streamers store, as rows of time, series and value, by rising time.

    `columns` are those taken, of whichever streamers have them; empty: all that hold numbers. A
    series is called like its column, or "streamer: column" where several have one of that name. The
    streamers are started where need be, and stay their owners'. It ends when all have ended.
    """

    def __init__(self, streamers: Sequence[DataStreamer], columns: Sequence[str] = ()) -> None:
        if not streamers or not all(isinstance(each, DataStreamer) for each in streamers):
            raise SettingError(f"expected DataStreamers to put together, got {quote(streamers)}")
        self.name = ", ".join(each.name for each in streamers)
        self._streamers = tuple(streamers)
        self._columns = tuple(columns)
        self._waiting: list[Batch] = []

    async def run(self, outlet: Outlet) -> None:
        """Hand on what comes, in order of time as far as `_ALIGN_S` reaches."""
        names = self._names()
        outlet.state(State.WAITING)
        async with asyncio.TaskGroup() as group:
            reading = [
                group.create_task(self._read(each, labels, outlet))
                for each, labels in zip(self._streamers, names, strict=True)
            ]
            while not all(task.done() for task in reading):
                await asyncio.wait(reading, timeout=_ALIGN_S)
                self._deliver(outlet)
        self._deliver(outlet)

    def _names(self) -> list[dict[str, str]]:
        """Return what the columns of each streamer are called, as far as that is known."""
        schemas = [each.schema for each in self._streamers]
        count = Counter(name for schema in schemas if schema is not None for name in schema.names)
        titles = [each.name for each in self._streamers]
        if len(set(titles)) < len(titles):
            titles = [f"{title} {place}" for place, title in enumerate(titles, 1)]
        wanted = self._columns or tuple(count)
        return [
            {name: f"{title}: {name}" for name in wanted if count[name] > 1} for title in titles
        ]

    async def _read(self, streamer: DataStreamer, labels: dict[str, str], outlet: Outlet) -> None:
        subscription = streamer.subscribe(Queue())
        try:
            streamer.start()
            async for batch, gaps in subscription.read():
                for gap in gaps:
                    outlet.gap(gap.start, gap.stop, f"{streamer.name}: {gap.reason}")
                self._waiting += self._melted(batch, labels)
                await outlet.ready()
        finally:
            subscription.close()

    def _melted(self, batch: Batch, labels: dict[str, str]) -> list[Batch]:
        """Return a batch of long form for each column that is taken."""
        numbers = [
            field.name for field in batch.schema.fields if field.kind in (Kind.FLOAT, Kind.INT)
        ]
        taken = [name for name in numbers if not self._columns or name in self._columns]
        codes = np.zeros(len(batch), dtype=np.int32)
        return [
            Batch(
                LONG,
                (
                    batch.times,
                    Text(codes, (labels.get(name, name),)),
                    np.asarray(batch[name], dtype=np.float64),
                ),
            )
            for name in taken
        ]

    def _deliver(self, outlet: Outlet) -> None:
        if not self._waiting:
            return
        batches, self._waiting = self._waiting, []
        rows = concat(batches)
        times = rows.times
        if bool((times[1:] < times[:-1]).any()):
            rows = rows.take(np.argsort(times, kind="stable"))
        try:
            outlet.emit(rows)
        except SchemaError as error:
            outlet.reject(rows, str(error))
