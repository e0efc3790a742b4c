"""Stream: the fluent face of the pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from livewidget.buffers.queue import Queue
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.data.schema import Schema
from livewidget.engine.archive import Archive
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.windowed import Grouped, Windowed
from livewidget.pipeline.alerts.alert import Alert
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
from livewidget.pipeline.relating.correlation import Correlation
from livewidget.pipeline.relating.lead_lag import LeadLag
from livewidget.pipeline.rolling import Rolling
from livewidget.pipeline.route import Route
from livewidget.pipeline.shape import Apply, Drop, Rename, Select
from livewidget.pipeline.spatial.clusters import Clusters
from livewidget.pipeline.spatial.hulls import Hulls
from livewidget.pipeline.validate import Validate
from livewidget.sources.base import Outlet, Source

if TYPE_CHECKING:
    from livewidget.engine.joined import Joined


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
        by: str | None = None,
    ) -> None:
        self._streamer = streamer
        self._operators = tuple(operators)
        self._output = output
        self.by = by  # the column whose keys a chart draws as series of their own, where known

    def pipe(self, *operators: Operator) -> Self:
        """Return the stream with these operators behind its own. Raises SettingError for others."""
        Pipeline(operators)
        return self._with([*self._operators, *operators], self.by)

    def keyed(self, by: str | None) -> Self:
        """Return the stream, with the column whose keys are series of their own on a chart."""
        return self._with(self._operators, by)

    def group_by(self, *by: str, **options: Any) -> Grouped:
        """Return the stream by the keys of one column or several; see `Grouped`."""
        return Grouped(self, by, **options)

    def window(self, size: object = None, **options: Any) -> Windowed:
        """Return the stream in windows, whose metrics `agg` then names; see `Window`.

        `size` is a duration, "1m"; with `slide="10s"` one begins that often. Instead of it `gap` is
        the pause that ends a session, `rows` so many rows of a key.
        """
        return Windowed(self, (), size, options)

    def validate(self, **columns: Any) -> Self:
        """Reject rows that break a rule; see `Validate`."""
        return self.pipe(Validate(**columns))

    def where(self, condition: str) -> Self:
        """Keep rows for which an expression is true; see `Filter`."""
        return self.pipe(Filter(condition))

    def calculate(self, **expressions: str) -> Self:
        """Add columns from expressions; see `Calculate`."""
        return self.pipe(Calculate(expressions))

    def select(self, *names: str) -> Self:
        """Keep these columns and the time; see `Select`."""
        return self.pipe(Select(*names))

    def drop(self, *names: str) -> Self:
        """Leave these columns out; see `Drop`."""
        return self.pipe(Drop(*names))

    def rename(self, **names: str) -> Self:
        """Rename columns, `old="new"`; see `Rename`."""
        return self.pipe(Rename(names))

    def deduplicate(self, *by: str, memory: int = 100_000) -> Self:
        """Leave out what was there already; see `Deduplicate`."""
        return self.pipe(Deduplicate(by, memory))

    def clip(self, **bounds: Any) -> Self:
        """Cut values to bounds; see `Clip`."""
        return self.pipe(Clip(**bounds))

    def forward_fill(self, *columns: str, by: str | None = None, limit: int | None = None) -> Self:
        """Put the last known value where one is missing; see `ForwardFill`."""
        return self.pipe(ForwardFill(columns, by=by, limit=limit))

    def interpolate(self, *columns: str, **options: Any) -> Self:
        """Put a value between its neighbours where one is missing; see `Interpolate`."""
        return self.pipe(Interpolate(columns, **options))

    def lookup(self, column: str, table: Any, add: Sequence[str], **options: Any) -> Self:
        """Add what a table or a function knows of a key; see `Lookup`."""
        return self.pipe(Lookup(column, table, add, **options))

    def time_features(self, *add: str, tz: str = "UTC") -> Self:
        """Add the hour, the weekday and the like; see `TimeFeatures`."""
        return self.pipe(TimeFeatures(add, tz=tz) if add else TimeFeatures(tz=tz))

    def rolling(self, column: str, statistic: str, **options: Any) -> Self:
        """Add a statistic of the last rows or seconds; see `Rolling`."""
        return self.pipe(Rolling(column, statistic, **options))

    def parse(self, column: str, pattern: str, **options: Any) -> Self:
        """Take fields out of lines of text by a pattern; see `Parse`."""
        return self.pipe(Parse(column, pattern, **options))

    def normalise(self, **columns: Any) -> Self:
        """Bring units and text to one form; see `Normalise`."""
        return self.pipe(Normalise(columns))

    def cell(self, **options: Any) -> Self:
        """Add the spatial cell of a place; see `Cell`."""
        return self.pipe(Cell(**options))

    def distance(self, **options: Any) -> Self:
        """Add the metres to a place, or from the row before; see `Distance`."""
        return self.pipe(Distance(**options))

    def by_type(self, column: str, types: Mapping[str, Iterable[Operator]], **options: Any) -> Self:
        """Have rows of each type pass operators of their own; see `ByType`."""
        return self.pipe(ByType(column, types, **options))

    def route(self, outputs: Mapping[str, str], **options: Any) -> Self:
        """Send rows to named outputs of the streamer that `start` returns; see `Route`."""
        return self.pipe(Route(outputs, **options))

    def detect(self, column: str, model: Any = "auto", **options: Any) -> Self:
        """Add how unusual each value is, and what was expected; see `Detect`."""
        from livewidget.pipeline.models.detect import Detect

        return self.pipe(Detect(column, model, **options))

    def drift(self, column: str, **options: Any) -> Self:
        """Mark where values change for good; see `Drift`."""
        from livewidget.pipeline.models.drift import Drift

        return self.pipe(Drift(column, **options))

    def trend(self, column: str, **options: Any) -> Self:
        """Add whether values rise or fall, and how fast; see `Trend`."""
        from livewidget.pipeline.models.drift import Trend

        return self.pipe(Trend(column, **options))

    def forecast(self, column: str, **options: Any) -> Self:
        """Add what was forecast for each row, with an interval; see `Forecast`."""
        from livewidget.pipeline.models.forecast import Forecast

        return self.pipe(Forecast(column, **options))

    def alert(self, *rules: Any, **options: Any) -> Self:
        """Watch rules such as "temperature > 100 for 5m"; see `Alert`.

        What happens goes to the output "alerts" of the streamer that `start` returns, for an
        `AlertManager` to watch.
        """
        return self.pipe(Alert(rules, **options))

    def correlation(self, *columns: str, **options: Any) -> Self:
        """Give the rolling correlation of each pair of columns; see `Correlation`."""
        return self.pipe(Correlation(columns, **options))

    def lead_lag(self, left: str, right: str, **options: Any) -> Self:
        """Give the lag at which two columns correlate most; see `LeadLag`."""
        return self.pipe(LeadLag(left, right, **options))

    def clusters(self, **options: Any) -> Self:
        """Give places with the cluster that each is in; see `Clusters`."""
        return self.pipe(Clusters(**options))

    def hulls(self, **options: Any) -> Self:
        """Give what encloses the places of a window; see `Hulls`."""
        return self.pipe(Hulls(**options))

    def join_asof(self, right: DataStreamer | Stream, **options: Any) -> Joined:
        """Return these rows, each with the newest of `right` by then; see `join_asof`."""
        from livewidget.engine.joined import join_asof

        return join_asof(self, right, **options)

    def join_within(self, right: DataStreamer | Stream, within: Any, **options: Any) -> Joined:
        """Return pairs of rows that are close in time; see `join_within`."""
        from livewidget.engine.joined import join_within

        return join_within(self, right, within, **options)

    def apply(self, function: Callable[..., Any], **options: Any) -> Self:
        """Have a function of yours work on the columns; see `Apply`."""
        return self.pipe(Apply(function, **options))

    def open(self, **options: Any) -> DataStreamer:
        """Return a streamer of its own, not yet started; `options` are those of `DataStreamer`."""
        if options.get("by") is None:
            options["by"] = self.by
        for name in ("time", "schema"):
            if options.get(name) is not None:
                raise SettingError(f"{name} is the stream's own already")
        source = self._source_of(options.pop("tap", None))
        if options.get("max_ahead") in (None, DAY_S):
            options["max_ahead"] = None  # the streamer before it has looked already
        return DataStreamer(source, pipeline=self._operators, **options)

    def start(self, **options: Any) -> DataStreamer:
        """Return a streamer of its own, at work; `options` are those of `DataStreamer`."""
        return self.open(**options).start()

    def _source_of(self, queue: Queue | None) -> Source:
        """Return what reads the stream before its operators, through a queue."""
        return StreamSource(self._streamer, self._output, queue)

    def _with(self, operators: Sequence[Operator], by: str | None) -> Self:
        """Return this stream with other operators, and other keys."""
        return type(self)(self._streamer, operators, output=self._output, by=by)

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield the batches that come out. On any loop."""
        async with self.open() as streamer:
            async for batch in streamer:
                yield batch

    def __repr__(self) -> str:
        names = " → ".join([self._streamer.name, *(each.name for each in self._operators)])
        return f"Stream({names})"


class StreamSource(Source):
    """What another streamer holds and will store, or routes to an output; its gaps come with it.

    Where that one has a durable store it can go on behind a row of it, in a later process, too.
    """

    def __init__(
        self, streamer: DataStreamer, output: str | None = None, queue: Queue | None = None
    ) -> None:
        self.name = streamer.name if output is None else f"{streamer.name}: {output}"
        self.streamer = streamer
        self._output = output
        self._queue = queue
        self._since: int | None = None  # the number of the row that comes first
        self._reached: int | None = None

    @property
    def home(self) -> Archive | None:
        """Where rows have numbers that outlive a process, by which this can go on; else None."""
        archive = self.streamer.buffer.archive
        by_number = archive is not None and archive.keeps_state and self._output is None
        return archive if by_number else None

    @property
    def repeats(self) -> bool:
        """Whether the same rows come again, in the same order, when it goes on."""
        return self.home is not None

    @property
    def first(self) -> str | None:
        """The number of the first row that the buffer holds, or will hold; else None."""
        home, ring = self.home, self.streamer.buffer.ring
        return None if home is None else str(home.number(0 if ring is None else ring.tail))

    @property
    def schema(self) -> Schema | None:
        """The schema of what comes, where it is known."""
        return None if self._output is not None else self.streamer.schema

    @property
    def reached(self) -> str | None:
        """The number of the row that comes next."""
        return None if self._reached is None else str(self._reached)

    def go_on(self, position: str) -> None:
        """Begin with the row of a number."""
        if self.home is None:
            raise ValueError("the rows have no numbers")
        self._since = self._reached = int(position)

    async def lasting(self) -> None:
        """Return once the other streamer's rows are written."""
        await self.streamer.buffer.written()

    async def run(self, outlet: Outlet) -> None:
        """Hand on what comes until the other streamer ends."""
        home, since = self.home, None
        if home is not None and self._since is not None:
            since = home.row(self._since)
        subscription = self.streamer.subscribe(self._queue, self._output, since=since)
        stop = self.streamer.watch(lambda: self._tell(outlet))
        try:
            self.streamer.start()
            self._tell(outlet)
            if home is not None and self._since is not None:
                await self._older(home, self._since, home.number(subscription.start), outlet)
            async for batch, gaps in subscription.read():
                for gap in gaps:
                    outlet.gap(gap.start, gap.stop, gap.reason)
                outlet.emit(batch)
                self._since = self._reached = (
                    None if home is None else home.number(subscription.position)
                )
                await outlet.ready()
        finally:
            stop()
            subscription.close()
        state, detail, _ = self.streamer.state
        if state is State.FAILED:
            raise SourceError(detail)
        self.cut = detail == "stopped"

    async def _older(self, home: Archive, first: int, stop: int, outlet: Outlet) -> None:
        """Emit rows that have left the buffer, from the store, by their numbers."""
        older = home.between(first, stop)
        while first < stop:
            number, batch = await asyncio.to_thread(next, older, (stop, None))
            if batch is not None:
                outlet.emit(batch)
            first = number if batch is None else number + len(batch)
            self._since = self._reached = first
            await outlet.ready()

    def _tell(self, outlet: Outlet) -> None:
        state, detail, attempt = self.streamer.state
        if state in (State.LIVE, State.RECONNECTING, State.WAITING):
            outlet.state(state, detail, attempt)
