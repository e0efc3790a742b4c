"""DataStreamer: a source, what works on its events, and the buffer they fill."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from livewidget.buffers.queue import Queue
from livewidget.data.batch import Batch, Data
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import Gap, State
from livewidget.data.schema import Schema
from livewidget.engine import letters
from livewidget.engine.buffer import BufferManager
from livewidget.engine.feed import Subscription
from livewidget.engine.flow import Flow
from livewidget.engine.intake import Intake
from livewidget.engine.ledger import Account
from livewidget.engine.line import Line, Shape
from livewidget.engine.outlet import StreamOutlet
from livewidget.engine.runner import Runner
from livewidget.engine.shut import Shut
from livewidget.engine.thread import Engine
from livewidget.pipeline.clean import Deduplicate
from livewidget.pipeline.horizon import DAY_S
from livewidget.pipeline.operator import Operator
from livewidget.pipeline.sequence import Sequence
from livewidget.pipeline.thin import Thin
from livewidget.sources import resolve
from livewidget.sources.base import SystemLoopClock

if TYPE_CHECKING:
    import pandas as pd

    from livewidget.engine.stream import Stream

_STOP_S = 20.0


class DataStreamer:
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
    `options` go to the source.

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
        engine: Engine | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        if source is None and options:
            raise SettingError(f"without a source there is no {next(iter(options))!r} to set")
        operators = (pipeline,) if isinstance(pipeline, Operator) else tuple(pipeline)
        shape = Shape(time=time, by=by, columns=columns, schema=schema)
        self._by = by
        self._clock: Clock = SystemLoopClock() if clock is None else clock
        self._engine = Engine.shared() if engine is None else engine
        self.buffer = BufferManager(None if operators else schema) if buffer is None else buffer
        found = None
        if source is not None:
            hints: dict[str, Any] = {"time": time}
            if not operators:  # what is decoded is what is stored
                hints |= {"values": columns, "by": by, "also": (unique, sequence)}
            found = resolve(source, **hints, **options)
        self._runner = Runner(found, self._engine, self.settled, self._end)
        self._line = Line(
            shape,
            self.buffer.append,
            self._clock,
            self._engine,
            relieve=self.drain,
            fail=self._runner.fail,
            always=_guards(unique or (found.unique if found is not None else None), sequence),
            operators=operators,
            queue=queue,
            workers=workers,
            retries=retries,
            max_ahead=max_ahead,
        )
        self._intake = self._line.intake
        self._outlet = StreamOutlet(self, self._clock, rate_limit, delivery)
        self._inlet: Intake | Flow | Shut = self._line.entry
        self._watchful = True  # whether a push is to look further: the first, or somebody listens
        self.sampling_rate = sampling_rate

    # -- what it is and how it is doing

    @property
    def name(self) -> str:
        """What the stream is called for people; holds no secret."""
        return "push" if self._runner.source is None else self._runner.source.name

    @property
    def sampling_rate(self) -> float | None:
        """The most events a second of each series that enter the buffer; None for all."""
        return self._sampling_rate

    @sampling_rate.setter
    def sampling_rate(self, rate: float | None) -> None:
        self._intake.thin = None if rate is None else Thin(rate, self._by)
        self._sampling_rate = rate
        source = self._runner.source
        if source is not None and source.interval is not None and rate is not None:
            source.interval = 1.0 / rate

    @property
    def state(self) -> tuple[State, str, int]:
        """The state, its detail for people, and the number of the attempt to reconnect."""
        return self._runner.state

    @property
    def schema(self) -> Schema | None:
        """The schema of what is stored, or None before the first data."""
        return self._intake.schema

    @property
    def gaps(self) -> list[Gap]:
        """The newest gaps, at most 1,000."""
        self.drain()  # a gap reaches to a row that may still wait
        return list(self._intake.gaps)

    def gaps_since(self, count: int) -> tuple[int, list[Gap]]:
        """Return how many gaps there have been, and those after the first `count` of them."""
        return self._intake.gaps_since(count)

    @property
    def last_reason(self) -> str:
        """Why the newest dead letter was rejected; empty where there is none."""
        dead = self._intake.ledger.dead
        return dead[-1].reason if dead else ""

    @property
    def silence(self) -> tuple[float, float]:
        """Seconds since data last arrived, and between the two last arrivals; 0 before them."""
        before, last = self._intake.arrivals
        silence = 0.0 if last is None else (self._clock.now() - last) / 1e9
        return silence, 0.0 if before is None or last is None else (last - before) / 1e9

    def account(self) -> Account:
        """Return where every event is, as of now."""
        return self._intake.account

    def stats(self) -> dict[str, Any]:
        """Return the account, queue, buffer, gaps, reasons of rejection and the state."""
        self.drain()
        account = self._intake.account
        state, detail, _ = self._runner.state
        return {
            "state": state.value,
            "detail": detail,
            **{name: getattr(account, name) for name in Account.__dataclass_fields__},
            "reasons": dict(self._intake.ledger.reasons),
            "gaps": self._intake.gap_count,
            **({} if self._line.flow is None else self._line.flow.stats()),
            **self.buffer.stats(),
        }

    def now(self) -> int:
        """Return the streamer's wall clock: ns since the epoch, UTC."""
        return self._clock.now()

    def take_oldest_arrival(self, reader: object) -> int | None:
        """Return when the oldest row since this reader's last call arrived, in ns UTC, or None."""
        return self._intake.take_oldest(reader)

    def forget_reader(self, reader: object) -> None:
        """Note arrivals for this reader no longer."""
        self._intake.forget_reader(reader)

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Have `watcher` called, on any thread, when the state changes; returns what stops it."""
        return self._runner.watch(watcher)

    # -- data in

    def push(self, data: Data) -> int:
        """Take rows from any thread: all, or none and an error that says why. Returns the rows.

        Takes what `Batch.of` takes. Columns that are arrays are copied; a `Batch` is not. Where the
        queue before a pipeline blocks and is full, it waits (see `Flow.push`).
        """
        rows = self._inlet.push(data)
        if self._watchful:
            self._look_up()
        return rows

    def emit(self, data: Data) -> int:
        """Take rows as a source gives them: those that do not fit become dead letters."""
        rows = self._line.entry.emit(data)
        if rows:
            if self._runner.state[0] in (State.WAITING, State.RECONNECTING):
                self._runner.say(State.LIVE)
            if self._watchful:
                self._look_up()
        return rows

    def reject(self, payload: object, reason: str) -> None:
        """Take one message that could not be read: a dead letter."""
        self._intake.ledger.refuse([(payload, reason)], self._clock.now(), 1, "decode")

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Note a stretch that was not seen, in ns UTC; None for the data's own edges."""
        self._line.gap(start, stop, reason)

    def say(self, state: State, detail: str = "", attempt: int = 0) -> None:
        """Note what the source is doing."""
        self._runner.say(state, detail, attempt)

    @property
    def full(self) -> bool:
        """Whether a source that can wait should: suspended, or something behind cannot keep up."""
        return self._runner.suspended or self._line.full

    async def ready(self) -> None:
        """Return once it is not `full`, or has ended. From any loop."""
        ended = self._runner.ended
        await self._line.changed.wait_until(lambda: not self.full or ended.is_set())

    async def settled(self) -> None:
        """Return once all that came so far is stored, filtered, rejected or dropped."""
        await self._line.settled()

    # -- life

    def start(self) -> Self:
        """Begin to read the source. Without one there is nothing to begin."""
        self._runner.start(self._outlet)
        return self

    def suspend(self) -> None:
        """Take nothing in until `resume`: the source is held or cut off, what is pushed filtered.

        Unlike a chart's pause, which stops the picture and not the intake.
        """
        self._inlet = Shut(self._intake.ledger)
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

        On the engine's own thread it does not wait for that.
        """
        engine = self._engine
        if engine.alive and (self._runner.source is not None or self._line.flow is not None):
            if engine.here:
                engine.spawn(self._close(), f"livewidget-stop-{self.name}")
                return
            engine.wait_for(self._close(), _STOP_S)
        self._intake.close()
        self._runner.finish(State.ENDED, "stopped")

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
        """Start, and yield the batches that are stored from now on; a slow reader holds the source.

        Ends with the source. Raises SourceError where that has failed. On any loop.
        """
        subscription = self.subscribe()
        self.start()
        async for batch, _ in subscription.read():
            yield batch
        state, detail, _ = self._runner.state
        if state is State.FAILED:
            raise SourceError(detail)

    def subscribe(self, queue: Queue | None = None, output: str | None = None) -> Subscription:
        """Return what is stored from now on, or routed to `output`, through a queue of its own."""
        feed = self._line.feed if output is None else self._line.output(output)
        subscription = feed.subscribe(queue)
        self._watchful = True
        return subscription

    @property
    def stream(self) -> Stream:
        """The fluent face: what is stored, to be worked on further."""
        return self.output(None)

    def output(self, name: str | None) -> Stream:
        """Return what a `Route` of the pipeline sends to an output, to be worked on further."""
        from livewidget.engine.stream import Stream

        return Stream(self, output=name)

    def drain(self) -> None:
        """Carry what is staged into the buffer now.

        For the main thread the engine's does it: an interrupted cell must not tear it.
        """
        if threading.current_thread() is threading.main_thread() and self._engine.alive:
            with contextlib.suppress(TimeoutError):  # a coroutine of the user's blocks the engine
                self._engine.call(self._intake.drain)
                return
        self._intake.drain()

    def to_dataframe(
        self, start: object = None, stop: object = None, tz: str | None = "UTC"
    ) -> pd.DataFrame:
        """Return all that the buffer holds of a range, what has just been pushed included."""
        self.drain()
        return self.buffer.to_dataframe(start, stop, tz)

    def dead_letters(self) -> pd.DataFrame:
        """Return the newest rejected events, at most 1,000: time, operator, reason and payload."""
        return letters.to_dataframe(list(self._intake.ledger.dead))

    def export_dead_letters(self, path: str | Path) -> int:
        """Write the dead letters to a file, one JSON object a line; return how many."""
        return letters.write(list(self._intake.ledger.dead), path)

    def replay_dead_letters(self) -> int:
        """Have the dead letters come in once more, each as a new event; return the rows accepted.

        Those that were refused before they were decoded are decoded by the source's own decoder;
        what cannot be read now either is a dead letter again.
        """
        dead = self._intake.ledger.take_dead()
        decoder = getattr(self._runner.source, "decoder", None)
        return letters.replay(dead, decoder, self.emit, self.reject)

    def __repr__(self) -> str:
        return f"DataStreamer({self.name!r}, {self.state[0]})"

    def _look_up(self) -> None:
        """Do what a push leaves for when there is reason: say that it is live, wake listeners."""
        if self._runner.state[0] is State.WAITING:
            self._runner.say(State.LIVE)
        self._watchful = self._line.feed.active
        self._line.nudge()

    async def _close(self) -> None:
        await self._runner.stop()
        await self._line.close()

    def _end(self) -> None:
        self._line.end()


def _guards(unique: str | None, sequence: str | None) -> list[Operator]:
    guards: list[Operator] = [] if sequence is None else [Sequence(sequence)]
    return guards if unique is None else [*guards, Deduplicate(unique)]
