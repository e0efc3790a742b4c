"""Stream: the fluent face of the pipeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from livewidget.buffers.queue import Queue
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.engine.streamer import DataStreamer
from livewidget.pipeline.bytype import ByType
from livewidget.pipeline.calculate import Calculate, Filter
from livewidget.pipeline.chain import Pipeline
from livewidget.pipeline.clean import Clip, Deduplicate, Normalise
from livewidget.pipeline.enrich import TimeFeatures
from livewidget.pipeline.fill import ForwardFill, Interpolate
from livewidget.pipeline.geo import Cell, Distance
from livewidget.pipeline.horizon import DAY_S
from livewidget.pipeline.lookup import Lookup
from livewidget.pipeline.operator import Operator
from livewidget.pipeline.parse import Parse
from livewidget.pipeline.rolling import Rolling
from livewidget.pipeline.route import Route
from livewidget.pipeline.shape import Apply, Drop, Rename, Select
from livewidget.pipeline.validate import Validate
from livewidget.sources.base import Outlet, Source


class Stream:
    """What a streamer holds and will store, and what is to be done with it. Immutable.

    Each method returns another stream; nothing runs before one is started, iterated, or handed to a
    `LiveChart`. The streamer is shared: it is started where need be, and stays its owner's.
    """

    def __init__(
        self,
        streamer: DataStreamer,
        operators: Sequence[Operator] = (),
        *,
        output: str | None = None,
    ) -> None:
        self._streamer = streamer
        self._operators = tuple(operators)
        self._output = output

    def pipe(self, *operators: Operator) -> Stream:
        """Return the stream with these operators behind its own. Raises SettingError for others."""
        Pipeline(operators)
        return Stream(self._streamer, [*self._operators, *operators], output=self._output)

    def validate(self, **columns: Any) -> Stream:
        """Reject rows that break a rule; see `Validate`."""
        return self.pipe(Validate(**columns))

    def where(self, condition: str) -> Stream:
        """Keep rows for which an expression is true; see `Filter`."""
        return self.pipe(Filter(condition))

    def calculate(self, **expressions: str) -> Stream:
        """Add columns from expressions; see `Calculate`."""
        return self.pipe(Calculate(expressions))

    def select(self, *names: str) -> Stream:
        """Keep these columns and the time; see `Select`."""
        return self.pipe(Select(*names))

    def drop(self, *names: str) -> Stream:
        """Leave these columns out; see `Drop`."""
        return self.pipe(Drop(*names))

    def rename(self, **names: str) -> Stream:
        """Rename columns, `old="new"`; see `Rename`."""
        return self.pipe(Rename(names))

    def deduplicate(self, *by: str, memory: int = 100_000) -> Stream:
        """Leave out what was there already; see `Deduplicate`."""
        return self.pipe(Deduplicate(by, memory))

    def clip(self, **bounds: Any) -> Stream:
        """Cut values to bounds; see `Clip`."""
        return self.pipe(Clip(**bounds))

    def forward_fill(
        self, *columns: str, by: str | None = None, limit: int | None = None
    ) -> Stream:
        """Put the last known value where one is missing; see `ForwardFill`."""
        return self.pipe(ForwardFill(columns, by=by, limit=limit))

    def interpolate(self, *columns: str, **options: Any) -> Stream:
        """Put a value between its neighbours where one is missing; see `Interpolate`."""
        return self.pipe(Interpolate(columns, **options))

    def lookup(self, column: str, table: Any, add: Sequence[str], **options: Any) -> Stream:
        """Add what a table or a function knows of a key; see `Lookup`."""
        return self.pipe(Lookup(column, table, add, **options))

    def time_features(self, *add: str, tz: str = "UTC") -> Stream:
        """Add the hour, the weekday and the like; see `TimeFeatures`."""
        return self.pipe(TimeFeatures(add, tz=tz) if add else TimeFeatures(tz=tz))

    def rolling(self, column: str, statistic: str, **options: Any) -> Stream:
        """Add a statistic of the last rows or seconds; see `Rolling`."""
        return self.pipe(Rolling(column, statistic, **options))

    def parse(self, column: str, pattern: str, **options: Any) -> Stream:
        """Take fields out of lines of text by a pattern; see `Parse`."""
        return self.pipe(Parse(column, pattern, **options))

    def normalise(self, **columns: Any) -> Stream:
        """Bring units and text to one form; see `Normalise`."""
        return self.pipe(Normalise(columns))

    def cell(self, **options: Any) -> Stream:
        """Add the spatial cell of a place; see `Cell`."""
        return self.pipe(Cell(**options))

    def distance(self, **options: Any) -> Stream:
        """Add the metres to a place, or from the row before; see `Distance`."""
        return self.pipe(Distance(**options))

    def by_type(
        self, column: str, types: Mapping[str, Iterable[Operator]], **options: Any
    ) -> Stream:
        """Have rows of each type pass operators of their own; see `ByType`."""
        return self.pipe(ByType(column, types, **options))

    def route(self, outputs: Mapping[str, str], **options: Any) -> Stream:
        """Send rows to named outputs of the streamer that `start` returns; see `Route`."""
        return self.pipe(Route(outputs, **options))

    def apply(self, function: Callable[..., Any], **options: Any) -> Stream:
        """Have a function of yours work on the columns; see `Apply`."""
        return self.pipe(Apply(function, **options))

    def open(self, **options: Any) -> DataStreamer:
        """Return a streamer of its own, not yet started; `options` are those of `DataStreamer`."""
        for name in ("time", "schema"):
            if options.get(name) is not None:
                raise SettingError(f"{name} is the stream's own already")
        source = StreamSource(self._streamer, self._output, options.pop("tap", None))
        if options.get("max_ahead") in (None, DAY_S):
            options["max_ahead"] = None  # the streamer before it has looked already
        return DataStreamer(source, pipeline=self._operators, **options)

    def start(self, **options: Any) -> DataStreamer:
        """Return a streamer of its own, at work; `options` are those of `DataStreamer`."""
        return self.open(**options).start()

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield the batches that come out. On any loop."""
        async with self.open() as streamer:
            async for batch in streamer:
                yield batch

    def __repr__(self) -> str:
        names = " → ".join([self._streamer.name, *(each.name for each in self._operators)])
        return f"Stream({names})"


class StreamSource(Source):
    """What another streamer holds and will store, or routes to an output; its gaps come with it."""

    def __init__(
        self, streamer: DataStreamer, output: str | None = None, queue: Queue | None = None
    ) -> None:
        self.name = streamer.name if output is None else f"{streamer.name}: {output}"
        self._streamer = streamer
        self._output = output
        self._queue = queue

    async def run(self, outlet: Outlet) -> None:
        """Hand on what comes until the other streamer ends."""
        subscription = self._streamer.subscribe(self._queue, self._output)
        stop = self._streamer.watch(lambda: self._tell(outlet))
        try:
            self._streamer.start()
            self._tell(outlet)
            async for batch, gaps in subscription.read():
                for gap in gaps:
                    outlet.gap(gap.start, gap.stop, gap.reason)
                outlet.emit(batch)
                await outlet.ready()
        finally:
            stop()
            subscription.close()
        state, detail, _ = self._streamer.state
        if state is State.FAILED:
            raise SourceError(detail)

    def _tell(self, outlet: Outlet) -> None:
        state, detail, attempt = self._streamer.state
        if state in (State.LIVE, State.RECONNECTING, State.WAITING):
            outlet.state(state, detail, attempt)
