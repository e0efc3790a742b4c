"""Several streams as one: joined as-of, on one grid, within a duration, or one after another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from livewidget.buffers.queue import Queue
from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, SourceError, quote
from livewidget.data.events import State
from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager
from livewidget.engine.gate import Gate
from livewidget.engine.stream import Stream
from livewidget.engine.streamer import DataStreamer
from livewidget.pipeline.joins.align import Align
from livewidget.pipeline.joins.asof import AsOf
from livewidget.pipeline.joins.base import BoundJoin, Joiner, Side
from livewidget.pipeline.joins.union import UnionJoin
from livewidget.pipeline.joins.within import WindowJoin
from livewidget.pipeline.operator import Moment, Operator, Tally
from livewidget.sources.base import Outlet, Source, SystemLoopClock

Joinable = DataStreamer | Stream
_TICK_S = 0.1  # idle sides are let go as often
_KEPT_ROWS = 1_000  # of a stream that is opened for the join; what comes out is kept behind it
_WORST_FIRST = (State.RECONNECTING, State.WAITING, State.LIVE)


def join_asof(
    left: Joinable,
    right: Joinable,
    by: str | Sequence[str] | None = None,
    tolerance: Any = None,
    **options: Any,
) -> Joined:
    """Return the rows of `left`, each with the newest row of `right` at or before it; see `AsOf`.

    `options` are its other settings, such as `wait` and `idle`.
    """
    return Joined(_labelled([left, right]), AsOf(by, tolerance, **options))


def join_within(
    left: Joinable,
    right: Joinable,
    within: Any,
    by: str | Sequence[str] | None = None,
    **options: Any,
) -> Joined:
    """Return the pairs of rows that are no more than `within` apart; see `WindowJoin`."""
    return Joined(_labelled([left, right]), WindowJoin(within, by, **options))


def align(
    streams: Mapping[str, Joinable] | Sequence[Joinable],
    every: Any,
    fill: str = "last",
    **options: Any,
) -> Joined:
    """Return streams on one grid of time, their columns called `label_column`; see `Align`.

    The labels are the keys of a mapping, or what the streams are called.
    """
    return Joined(_labelled(streams), Align(every, fill, **options))


def union(
    streams: Mapping[str, Joinable] | Sequence[Joinable],
    into: str | None = "stream",
    **options: Any,
) -> Joined:
    """Return the rows of all streams by rising time, the label of each in `into`; see `UnionJoin`.

    On a chart each stream is a series of its own.
    """
    return Joined(_labelled(streams), UnionJoin(into, **options), by=into)


class Joined(Stream):
    """What several streams give together, and what is to be done with it. Immutable.

    As any `Stream`: nothing runs before it is started, iterated, or handed to a `LiveChart`.
    `counts` are those of the join, of all that were opened: `late`, `passed over` and the like.
    """

    def __init__(
        self,
        sides: Mapping[str, Joinable],
        joiner: Joiner,
        operators: Sequence[Operator] = (),
        by: str | None = None,
    ) -> None:
        self._source = JoinSource(sides, joiner)  # by which bad sides are found at once
        self._sides = dict(sides)
        self._joiner = joiner
        self._operators = tuple(operators)
        self._output = None
        self.by = by

    @property
    def name(self) -> str:
        """What it is called for people."""
        return self._source.name

    @property
    def counts(self) -> Mapping[str, int]:
        """Rows that the join left out, by reason."""
        return self._joiner.counts

    def _source_of(self, queue: Queue | None) -> Source:
        return JoinSource(self._sides, self._joiner, queue)

    def _with(self, operators: Sequence[Operator], by: str | None) -> Joined:
        return Joined(self._sides, self._joiner, operators, by)

    def __repr__(self) -> str:
        names = " → ".join([self.name, *(each.name for each in self._operators)])
        return f"Stream({names})"


class JoinSource(Source):
    """What a join makes of what several streams hold and will store; their gaps come with it.

    `sides` are DataStreamers, which are started where need be and stay their owners', or Streams,
    by their labels. The columns of all must be known before the first row comes out. A side that
    ends, or fails, holds the others no longer; the join ends with the last, and fails where one
    did. A side that is far ahead of the others is held (`Joiner`), so that histories of any length
    join.
    """

    def __init__(
        self,
        sides: Mapping[str, Joinable],
        joiner: Joiner,
        queue: Queue | None = None,
        clock: Clock | None = None,
    ) -> None:
        for label, side in sides.items():
            if not isinstance(side, Joinable):
                raise SettingError(
                    f"expected DataStreamers and Streams to join, got {quote(side)} as {label!r}"
                )
        joiner.check(len(sides))
        self.name = f"{joiner.name} of {', '.join(sides)}"
        self._sides = dict(sides)
        self._joiner = joiner
        # Batches are so small that a side which is held in time never overflows the join's memory.
        most = joiner.share(len(sides)) // 2
        self._queue = queue or Queue(batch_rows=max(1, min(most, Queue().batch_rows)))
        self._clock: Clock = clock or SystemLoopClock()

    async def run(self, outlet: Outlet) -> None:
        """Hand on what the join gives until all sides have ended."""
        outlet.state(State.WAITING)
        async with _opened(self._sides) as streamers:
            work = _Work(list(self._sides), self._joiner, outlet, self._clock)
            try:
                await self._run(streamers, work, outlet)
            except ExceptionGroup as group:
                raise group.exceptions[0] from None
            work.tick(final=True)
            for label, streamer in zip(self._sides, streamers, strict=True):
                state, detail, _ = streamer.state
                if state is State.FAILED:
                    raise SourceError(f"{label}: {detail}")

    async def _run(self, streamers: list[DataStreamer], work: _Work, outlet: Outlet) -> None:
        def tell() -> None:
            states = [each.state for each in streamers]
            for worst in _WORST_FIRST:
                for label, state in zip(self._sides, states, strict=True):
                    if state[0] is worst:
                        return outlet.state(worst, f"{label}: {state[1]}".rstrip(": "), state[2])
            return None

        watches = [each.watch(tell) for each in streamers]
        try:
            async with asyncio.TaskGroup() as group:
                reading = [
                    group.create_task(self._read(place, each, work))
                    for place, each in enumerate(streamers)
                ]
                tell()
                while not all(task.done() for task in reading):
                    await asyncio.wait(reading, timeout=_TICK_S)
                    if not outlet.full:
                        work.tick(final=False)
        finally:
            for stop in watches:
                stop()

    async def _read(self, place: int, streamer: DataStreamer, work: _Work) -> None:
        subscription = streamer.subscribe(self._queue)
        try:
            streamer.start()
            if streamer.schema is not None:
                work.learn(place, streamer.schema)
            async for batch, gaps in subscription.read():
                work.learn(place, batch.schema)
                await work.bound_to_all()
                for gap in gaps:
                    work.gap(place, gap.start, gap.stop, gap.reason)
                await work.take(place, batch)
        finally:
            subscription.close()
        work.end(place)


class _Work:
    """A join at work: bound once the columns of all sides are known. On one loop."""

    def __init__(self, labels: list[str], joiner: Joiner, outlet: Outlet, clock: Clock) -> None:
        self._labels = labels
        self._joiner = joiner
        self._outlet = outlet
        self._clock = clock
        self._schemas: list[Schema | None] = [None] * len(labels)
        self._ended: list[int] = []
        self._join: BoundJoin | None = None
        self._moved = Gate()

    def learn(self, place: int, schema: Schema) -> None:
        """Note the columns of a side; those of the last one bind the join. Raises SchemaError."""
        if self._schemas[place] is not None:
            return
        self._schemas[place] = schema
        sides = [
            Side(label, known)
            for label, known in zip(self._labels, self._schemas, strict=True)
            if known is not None
        ]
        if len(sides) == len(self._labels):
            self._join = self._joiner.bind(sides, self._clock)
            for ended in self._ended:
                self._emit(self._join.end(ended, Tally()))
            self._moved.notify()

    async def bound_to_all(self) -> None:
        """Return once the columns of all sides are known."""
        await self._moved.wait_until(lambda: self._join is not None)

    def gap(self, place: int, start: int, stop: int, reason: str) -> None:
        """Hand on a gap of a side."""
        self._outlet.gap(start, stop, f"{self._labels[place]}: {reason}")

    async def take(self, place: int, batch: Batch) -> None:
        """Join rows of a side; return once it may bring more."""
        join = self._join
        assert join is not None
        join.hold(place, True)
        self._emit(join.step(place, batch, Tally()))
        await self._outlet.ready()
        await self._moved.wait_until(lambda: not join.blocked(place))
        await asyncio.sleep(0)  # the turn of the others, whose rows may be there
        join.hold(place, False)

    def end(self, place: int) -> None:
        """Note that a side has no more. Raises SourceError where it never had any row."""
        if self._schemas[place] is None:
            raise SourceError(
                f"{self._labels[place]} ended before its first row: its columns are not known"
            )
        if self._join is None:
            self._ended.append(place)
        else:
            self._emit(self._join.end(place, Tally()))

    def tick(self, *, final: bool) -> None:
        """Let idle sides go, and give the rest at the end."""
        if self._join is not None:
            self._emit(self._join.tick(Moment(self._clock.now(), final), Tally()))

    def _emit(self, rows: Batch) -> None:
        if len(rows):
            self._outlet.emit(rows)
        self._moved.notify()


@asynccontextmanager
async def _opened(sides: Mapping[str, Joinable]) -> AsyncIterator[list[DataStreamer]]:
    """Open what is a Stream, and stop it in the end; a DataStreamer is its owner's."""
    own: list[DataStreamer] = []
    streamers: list[DataStreamer] = []
    try:
        for side in sides.values():
            if isinstance(side, DataStreamer):
                streamers.append(side)
                continue
            opened = side.open(buffer=BufferManager(max_rows=_KEPT_ROWS))
            opened.owns_buffer = True
            own.append(opened)
            streamers.append(opened)
        yield streamers
    finally:
        for each in own:
            await asyncio.to_thread(each.stop)


def _labelled(streams: Mapping[str, Joinable] | Sequence[Joinable]) -> dict[str, Joinable]:
    """Return streams by label; those of one name are numbered by their place."""
    if isinstance(streams, Mapping):
        return dict(streams)
    if not isinstance(streams, (list, tuple)):
        raise SettingError(f"expected a list of streams, or a mapping by label; got {streams!r}")
    names = [_name(each) for each in streams]
    if len(set(names)) < len(names):
        names = [f"{name} {place}" for place, name in enumerate(names, 1)]
    return dict(zip(names, streams, strict=True))


def _name(stream: object) -> str:
    if isinstance(stream, (DataStreamer, Joined)):
        return stream.name
    if isinstance(stream, Stream):
        return stream._streamer.name  # noqa: SLF001  (of the same floor)
    return quote(stream)
