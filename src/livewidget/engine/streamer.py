"""DataStreamer: a source, what works on its events, and the buffer they fill."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from livewidget.buffers.queue import Queue
from livewidget.data.batch import Batch, Data
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.data.schema import Schema
from livewidget.engine import letters, opening
from livewidget.engine.buffer import BufferManager
from livewidget.engine.checkpoint import Checkpoints
from livewidget.engine.feed import Subscription
from livewidget.engine.flow import Flow
from livewidget.engine.intake import Intake
from livewidget.engine.line import Line, Shape
from livewidget.engine.outlet import StreamOutlet
from livewidget.engine.outputs import Delivery, Output
from livewidget.engine.runner import Runner
from livewidget.engine.shut import Shut
from livewidget.engine.thread import Engine
from livewidget.engine.watched import Watched
from livewidget.pipeline.horizon import DAY_S
from livewidget.pipeline.operator import Operator
from livewidget.pipeline.thin import Thin
from livewidget.sinks import Sink, sink_for
from livewidget.sources import resolve
from livewidget.sources.base import SystemLoopClock

if TYPE_CHECKING:
    from livewidget.engine.recording import Recorder
    from livewidget.engine.stream import Stream

_STOP_S = 30.0
_WRITE_S = 10.0  # for outputs to write what is left


class DataStreamer(Watched):
    """Brings data in from one source and lets nothing slip.

    `source` is a URL, an async iterator, a generator, a callable, a DataFrame, a `Source`, or
    None for data that is pushed. `time` names the column with the events' times (None: one that
    is called like it, else the time of arrival); `by` the column whose keys are series of their
    own; `columns` hold numbers, and an event of a source has one of them at least. `sampling_rate`
    in Hz thins each series at the door. Events more than `max_ahead` seconds ahead of the clock are
    rejected (a day; None: none are, for simulated time).

    With a `pipeline` of operators, events pass a bounded `queue` first and are worked on in
    `workers` threads (0: on the engine's, unless an operator is heavy), each batch that an operator
    fails on `retries` times more; `schema` and `time` are then those of what comes in, `by` and
    `columns` of what comes out. `unique` names a column of ids: an event with an id that was there
    is filtered. `sequence` names one of numbers that rise by one: what they skip is a gap.
    `delivery` is "at_least_once" (the source hears of its events once they are stored) or
    "at_most_once". `rate_limit` is the most events a second that are taken: the source waits.
    `buffer` keeps what arrives, and stays its owner's. Without one the streamer makes its own;
    with a `store` (a folder, a URL, a `Store`, see `BufferManager`) that one is durable, and begins
    with what the store holds of the last day. What is in the buffer already is not taken again
    where events have ids (`unique`). `options` go to the source.

    The state of the operators (windows, models, alerts) is kept there, too, and gone on from. A
    stream without a store that reads another one's keeps it in the store of that one, where
    `checkpoint` gives it a name; see `Checkpoints` and `Checkpoint`.

    Every method may be called from any thread.
    """

    def __init__(
        self,
        source: object = None,
        *,
        time: str | None = None,
        by: str | None = None,
        columns: tuple[str, ...] = (),
        schema: Schema | None = None,
        sampling_rate: float | None = None,
        max_ahead: float | None = DAY_S,
        pipeline: Iterable[Operator] | Operator = (),
        queue: Queue | None = None,
        workers: int = 0,
        retries: int = 0,
        unique: str | None = None,
        sequence: str | None = None,
        delivery: str = "at_least_once",
        rate_limit: float | None = None,
        buffer: BufferManager | None = None,
        store: object = None,
        checkpoint: Checkpoints | str | None = None,
        engine: Engine | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        if source is None and options:
            raise SettingError(f"without a source there is no {next(iter(options))!r} to set")
        operators = (pipeline,) if isinstance(pipeline, Operator) else tuple(pipeline)
        self._by = by
        self._clock: Clock = SystemLoopClock() if clock is None else clock
        self._engine = Engine.shared() if engine is None else engine
        self.owns_buffer = buffer is None  # whether `stop` closes it
        if buffer is None:
            buffer = opening.buffer_of(None if operators else schema, by, store, self._clock)
        elif store is not None:
            raise SettingError("store is that of the buffer which is handed in: set it there")
        self.buffer = buffer
        if schema is None and not operators:
            schema = buffer.schema
        shape = Shape(time=time, by=by, columns=columns, schema=schema)
        found = None
        if source is not None:
            hints: dict[str, Any] = {"time": time}
            if not operators:  # what is decoded is what is stored
                hints |= {"values": columns, "by": by, "also": (unique, sequence)}
            found = resolve(source, **hints, **options)
        self._line = Line(
            shape,
            self.buffer,
            self._clock,
            self._engine,
            relieve=self.drain,
            always=opening.guards(
                unique or (found.unique if found is not None else None), sequence, buffer
            ),
            operators=operators,
            queue=queue,
            workers=workers,
            retries=retries,
            max_ahead=max_ahead,
        )
        bookmark = opening.bookmark_of(
            found, self.buffer, self._line, checkpoint if operators else None, self._clock
        )
        self._runner = Runner(found, self._engine, self._line, bookmark)
        opening.tie(self, bookmark, self._runner)
        self._outlet = StreamOutlet(self._line, self._runner, self._clock, rate_limit, delivery)
        self.outputs: list[Output] = []
        self._writing: set[asyncio.Task[None]] = set()
        self._inlet: Intake | Flow | Shut = self._line.entry
        self._watchful = True  # whether a push is to look further: the first, or somebody listens
        self.sampling_rate = sampling_rate
        went_on = found is not None and found.goes_on
        went_on = went_on or (bookmark is not None and bookmark.went_on)
        opening.note_gaps(buffer, self._line, went_on=went_on)

    @classmethod
    def from_file(cls, path: str | Path, **overrides: Any) -> DataStreamer:
        """Return the streamer that a TOML or YAML file describes, not yet started; see `Plan`.

        `overrides` are arguments that go before the file's. Raises SettingError with the line.
        """
        from livewidget.engine.plan import Plan

        return Plan.load(path).open(**overrides)

    @property
    def sampling_rate(self) -> float | None:
        """The most events a second of each series that enter the buffer; None for all."""
        return self._sampling_rate

    @sampling_rate.setter
    def sampling_rate(self, rate: float | None) -> None:
        self._line.intake.thin = None if rate is None else Thin(rate, self._by)
        self._sampling_rate = rate
        source = self._runner.source
        if source is not None and source.interval is not None and rate is not None:
            source.interval = 1.0 / rate

    # -- data in

    def push(self, data: Data) -> int:
        """Take rows from any thread: all, or none and an error that says why. Returns the rows.

        Takes what `Batch.of` takes. Columns that are arrays are copied; a `Batch` is not. Where the
        queue before a pipeline blocks and is full, or a reader is slow, a thread waits for room;
        TimeoutError after 10 s.
        """
        return self._push_watched(data) if self._watchful else self._inlet.push(data)

    def emit(self, data: Data) -> int:
        """Take rows as a source gives them: those that do not fit become dead letters."""
        return self._outlet.emit(data)

    def reject(self, payload: object, reason: str) -> None:
        """Take one message that could not be read: a dead letter."""
        self._outlet.reject(payload, reason)

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Note a stretch that was not seen, in ns UTC; None for the data's own edges."""
        self._outlet.gap(start, stop, reason)

    @property
    def full(self) -> bool:
        """Whether the source is held: suspended, too fast, or what is behind is too slow."""
        return self._outlet.full

    # -- life

    def start(self) -> Self:
        """Begin to read the source. Without one there is nothing to begin."""
        self._runner.start(self._outlet)
        return self

    def suspend(self) -> None:
        """Take nothing in until `resume`: the source is held or cut off, what is pushed filtered.

        Unlike a chart's pause, which stops the picture and not the intake.
        """
        self._inlet = Shut(self._line.intake.ledger)
        self._runner.suspend()

    def resume(self) -> None:
        """Take in again. What a source could not give meanwhile is a gap."""
        if self._runner.suspended:
            self._inlet = self._line.entry
            source = self._runner.source
            if source is None or not source.restarts:  # the others know best what they missed
                self.gap(None, None, "suspended")
            self._runner.resume()
            self._line.changed.notify()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the source has ended or failed, or the streamer was stopped."""
        return self._runner.ended.wait(timeout)

    def stop(self) -> None:
        """Stop the source, close the door and carry what is under way into the buffer. For good.

        A buffer of its own is closed then, and its store. On the engine's own thread it does not
        wait for that.
        """
        engine = self._engine
        if engine.alive and (self._runner.source or self._line.flow or self.outputs):
            if engine.here:
                engine.spawn(self._close_all(), f"livewidget-stop-{self.name}")
                return
            with contextlib.suppress(TimeoutError):  # something blocks the engine: end all the same
                engine.wait_for(self._close(), _STOP_S)
        self._line.intake.close()
        self._runner.finish(State.ENDED, "stopped")
        self._close_attached()
        if self.owns_buffer:
            self.buffer.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    # -- data out

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Start, and yield what the buffer holds, then what is stored from now on, as batches.

        A slow reader holds the source. Ends with the source; raises SourceError where that has
        failed. On any loop.
        """
        subscription = self.subscribe()
        self.start()
        async for batch, _ in subscription.read():
            yield batch
        state, detail, _ = self._runner.state
        if state is State.FAILED:
            raise SourceError(detail)

    def subscribe(
        self, queue: Queue | None = None, output: str | None = None, *, since: int | None = None
    ) -> Subscription:
        """Return what the buffer holds and what is stored from now on, through a queue of its own.

        With `output` it is what is routed there, from now on. With `since`, a row of the ring, of
        what the buffer holds only that row and those behind it.
        """
        if output is not None:
            return self._line.output(output).subscribe(queue)

        def listen() -> Subscription:
            subscription = self._line.subscribe(queue, since)
            self._watchful = True  # only now: a push under way may just have found nobody
            self._line.nudge()
            return subscription

        # By the engine: an interrupted cell must not tear a drain.
        return self._engine.call(listen) if self._engine.alive else listen()

    def send_to(self, sink: str | Path | Sink, output: str | None = None, **options: Any) -> Output:
        """Write what is stored from now on, or routed to `output`, to a sink: a `Sink` or a URL.

        `options` are those of `Delivery`, such as `batch_s`, and the sink's. One that is down, or
        slow, holds nobody until what waits for it has no more room. Raises SettingError for what is
        none. Where the buffer is durable it goes on, in a later process, with the first row that
        was not delivered; rows have numbers there, by which sinks tell what they have already.
        """
        delivery, made = Delivery.taken_from(options), sink_for(sink, **options)
        cursor = None if output is not None else opening.cursor_of(self.buffer, made, self.outputs)
        subscription = self.subscribe(output=output, since=None if cursor is None else cursor.row)
        if cursor is not None:
            cursor.begin(subscription.start)
        taken = {each.name for each in self.outputs}
        writing = Output(made, subscription, delivery, cursor, taken=taken)
        self.outputs.append(writing)

        def start() -> None:
            task = self._engine.loop.create_task(writing.run())
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

        self._engine.post(start)
        return writing

    @property
    def stream(self) -> Stream:
        """The fluent face: what is stored, to be worked on further."""
        return self.output(None)

    def output(self, name: str | None) -> Stream:
        """Return what a `Route` of the pipeline sends to an output, to be worked on further."""
        from livewidget.engine.stream import Stream

        return Stream(self, output=name)

    def record(self, path: str | os.PathLike[str], **options: Any) -> Recorder:
        """Write what the buffer holds in memory, and what is stored from now on, to a folder.

        Until `stop` of what is returned; `livewidget.Recording` reads and replays it. `options` are
        `overwrite` and `append`, see `Recorder`.
        """
        from livewidget.engine.recording import Recorder

        return Recorder(self, path, engine=self._engine, **options)

    def replay_dead_letters(self) -> int:
        """Have the dead letters come in once more, each as a new event; return the rows accepted.

        Those that were refused before they were decoded are decoded by the source's own decoder;
        what cannot be read now either is a dead letter again.
        """
        dead = self._line.intake.ledger.take_dead()
        decoder = getattr(self._runner.source, "decoder", None)
        return letters.replay(dead, decoder, self.emit, self.reject)

    def __repr__(self) -> str:
        return f"DataStreamer({self.name!r}, {self.state[0]})"

    def _push_watched(self, data: Data) -> int:
        """Push the first rows, or while somebody listens, for whom a thread may have to wait."""
        feed, buffer = self._line.feed, self.buffer
        self._line.changed.hold(lambda: not (feed.full or (buffer.full and not buffer.fails)))
        rows = self._inlet.push(data)
        if self._runner.state[0] is State.WAITING:
            self._runner.say(State.LIVE)
        self._watchful = feed.active or buffer.holds
        if feed.active:  # somebody began to listen meanwhile
            self._watchful = True
        self._line.nudge()
        return rows

    async def delivered(self) -> None:
        """Return once the outputs have what came by now."""
        for each in self.outputs:
            await each.caught_up()

    async def _close(self) -> None:
        await self._runner.stop()
        await self._line.close()
        if self._writing:
            _, late = await asyncio.wait(self._writing, timeout=_WRITE_S)
            for task in late:  # what is left counts as dropped
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _close_all(self) -> None:
        await self._close()
        await asyncio.to_thread(self._close_attached)
        if self.owns_buffer:
            await asyncio.to_thread(self.buffer.close)
