"""DataStreamer: a source, the door behind it and the buffer it fills."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from livewidget.data.batch import Batch, Data, infer_schema
from livewidget.data.clock import Clock, SystemClock
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.events import FINAL, Gap, State
from livewidget.data.records import columns_of
from livewidget.data.schema import Kind, Schema
from livewidget.engine.buffer import BufferManager
from livewidget.engine.intake import Account, Intake
from livewidget.engine.thread import Engine
from livewidget.pipeline.horizon import DAY_S
from livewidget.pipeline.thin import Thin
from livewidget.sources import Source, resolve

if TYPE_CHECKING:
    import pandas as pd

_WAITING = State.WAITING  # as a global it costs a push a tenth of what the enum's attribute does


class DataStreamer:
    """Brings data in from one source and lets nothing slip.

    `source` is a URL, an async iterator, a generator, a callable, a DataFrame, a `Source`, or
    None for data that is pushed. `time` names the column with the events' times (None: one that
    is called like it, else the time of arrival); `by` the column whose keys are series of their
    own; `columns` hold numbers, and an event of a source has one of them at least. `sampling_rate`
    in Hz thins each series at the door. Events more than `max_ahead` seconds ahead of the clock are
    rejected (a day; None: none are, for simulated time). `options` go to the source.

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
        buffer: BufferManager | None = None,
        engine: Engine | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        self.buffer = BufferManager(schema) if buffer is None else buffer
        self._by = by
        self._time = time
        self._numbers = columns
        self._clock = SystemClock() if clock is None else clock
        self._intake = Intake(
            self.buffer.append,
            self._clock,
            infer=self._infer,
            relieve=self.drain,
            schema=schema,
            needs=columns,
            max_ahead=max_ahead,
        )
        self._source = None
        if source is not None:
            self._source = resolve(source, time=time, values=columns, by=by, **options)
        if source is None and options:
            raise SettingError(f"without a source there is no {next(iter(options))!r} to set")
        self._engine = Engine.shared() if engine is None else engine
        self._state, self._detail, self._attempt = State.WAITING, "", 0
        self._started = False
        self._task: asyncio.Task[Any] | None = None
        self._ended = threading.Event()
        self._watchers: list[Callable[[], None]] = []
        self.sampling_rate = sampling_rate

    @property
    def name(self) -> str:
        """What the stream is called for people; holds no secret."""
        return "push" if self._source is None else self._source.name

    @property
    def sampling_rate(self) -> float | None:
        """The most events a second of each series that enter the buffer; None for all."""
        return self._sampling_rate

    @sampling_rate.setter
    def sampling_rate(self, rate: float | None) -> None:
        self._intake.thin = None if rate is None else Thin(rate, self._by)
        self._sampling_rate = rate
        if self._source is not None and self._source.interval is not None and rate is not None:
            self._source.interval = 1.0 / rate

    @property
    def state(self) -> tuple[State, str, int]:
        """The state, its detail for people, and the number of the attempt to reconnect."""
        return self._state, self._detail, self._attempt

    @property
    def schema(self) -> Schema | None:
        """The schema, or None before the first data."""
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
        return self._intake.dead[-1].reason if self._intake.dead else ""

    @property
    def silence(self) -> tuple[float, float]:
        """Seconds since data last arrived, and between the two last arrivals; 0 before them."""
        before, last = self._intake.arrivals
        silence = 0.0 if last is None else (self._clock.now() - last) / 1e9
        return silence, 0.0 if before is None or last is None else (last - before) / 1e9

    def now(self) -> int:
        """Return the streamer's wall clock: ns since the epoch, UTC."""
        return self._clock.now()

    def take_oldest_arrival(self, reader: object) -> int | None:
        """Return when the oldest row since this reader's last call arrived, in ns UTC, or None."""
        return self._intake.take_oldest(reader)

    def forget_reader(self, reader: object) -> None:
        """Note arrivals for this reader no longer."""
        self._intake.forget_reader(reader)

    def start(self) -> Self:
        """Begin to read the source. Without one there is nothing to begin."""
        if self._source is not None and not self._started and not self._ended.is_set():
            self._started = True
            self._engine.spawn(self._run(self._source), f"livewidget-source-{self.name}")
        return self

    def push(self, data: Data) -> int:
        """Take rows from any thread: all, or none and an error that says why. Returns the rows.

        Takes what `Batch.of` takes. Columns that are arrays are copied; a `Batch` is not.
        """
        rows = self._intake.push(data)
        if self._state is _WAITING:
            self._set_state(State.LIVE)
        return rows

    def emit(self, data: Data) -> int:
        """Take rows as a source gives them: those that do not fit become dead letters."""
        rows = self._intake.emit(data)
        if rows and self._state in (State.WAITING, State.RECONNECTING):
            self._set_state(State.LIVE)
        return rows

    def reject(self, payload: object, reason: str) -> None:
        """Take one message that could not be read: a dead letter."""
        self._intake.reject(payload, reason)

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Note a stretch that was not seen, in ns UTC; None for the data's own edges."""
        self._intake.gap(start, stop, reason)

    def _set_state(self, state: State, detail: str = "", attempt: int = 0) -> None:
        self._state, self._detail, self._attempt = state, detail, attempt
        for watcher in list(self._watchers):
            watcher()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Have `watcher` called, on any thread, when the state changes; returns what stops it."""
        self._watchers.append(watcher)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._watchers.remove(watcher)

        return stop

    def drain(self) -> None:
        """Carry what is staged into the buffer now.

        For the main thread the engine's does it: an interrupted cell must not tear it.
        """
        if threading.current_thread() is threading.main_thread() and self._engine.alive:
            with contextlib.suppress(TimeoutError):  # a coroutine of the user's blocks the engine
                self._engine.call(self._intake.drain)
                return
        self._intake.drain()

    def account(self) -> Account:
        """Return where every event is, as of now."""
        return self._intake.account

    def stats(self) -> dict[str, Any]:
        """Return the account, the buffer's figures, gaps, reasons of rejection and the state."""
        self.drain()
        account = self._intake.account
        return {
            "state": self._state.value,
            "detail": self._detail,
            **{name: getattr(account, name) for name in Account.__dataclass_fields__},
            "reasons": dict(self._intake.reasons),
            "gaps": self._intake.gap_count,
            **self.buffer.stats(),
        }

    def dead_letters(self) -> pd.DataFrame:
        """Return the newest rejected events, at most 1,000, with time, reason and payload."""
        import pandas as pd

        letters = list(self._intake.dead)
        return pd.DataFrame(
            {
                "at": pd.to_datetime([letter.at for letter in letters], utc=True),
                "reason": [letter.reason for letter in letters],
                "payload": [letter.payload for letter in letters],
            }
        )

    def to_dataframe(
        self, start: object = None, stop: object = None, tz: str | None = "UTC"
    ) -> pd.DataFrame:
        """Return all that the buffer holds of a range, what has just been pushed included."""
        self.drain()
        return self.buffer.to_dataframe(start, stop, tz)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the source has ended or failed, or the streamer was stopped."""
        return self._ended.wait(timeout)

    def stop(self) -> None:
        """Stop the source, close the door and carry what is staged into the buffer. For good."""
        if self._source is not None and self._engine.alive:
            self._engine.call(self._cancel)
            if threading.current_thread().name != "livewidget-engine":
                self._ended.wait(5.0)
        self._intake.close()
        self._finish(State.ENDED, "stopped")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"DataStreamer({self.name!r}, {self._state})"

    def _infer(self, data: Data) -> Schema:
        """Return the schema of the first data. Raises SchemaError where a column is missing."""
        if isinstance(data, Batch):
            schema = data.schema
        else:
            text = () if self._by is None else (self._by,)
            schema = infer_schema(columns_of(data), self._time, text)
        if self._by is not None and schema.kind(self._by) is not Kind.TEXT:
            raise SchemaError(f"column {self._by!r} of `by` must be text")
        for name in self._numbers:
            if schema.kind(name) not in (Kind.FLOAT, Kind.INT):
                raise SchemaError(
                    f"column {name!r} must hold numbers, it holds {schema.kind(name)}"
                )
        return schema

    def _cancel(self) -> None:
        if self._task is None:
            self._ended.set()
        else:
            self._task.cancel()

    async def _run(self, source: Source) -> None:
        self._task = asyncio.current_task()
        if self._ended.is_set():
            return
        try:
            await source.run(_Outlet(self))
        except asyncio.CancelledError:
            self._finish(State.ENDED, "stopped")
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, the user must see it)
            self._finish(
                State.FAILED, f"{type(error).__name__}: {error}" if str(error) else quote(error)
            )
        else:
            self._finish(State.ENDED, "the source has ended")

    def _finish(self, state: State, detail: str) -> None:
        if self._state not in FINAL:
            self._intake.drain()
            self._set_state(state, detail)
        self._ended.set()


class _Outlet:
    """The streamer as its source sees it."""

    def __init__(self, streamer: DataStreamer) -> None:
        self.emit = streamer.emit
        self.reject = streamer.reject
        self.gap = streamer.gap
        self._set_state = streamer._set_state  # noqa: SLF001  (its own other half)
        self._drain = streamer.drain
        self.full = False  # the ring takes whatever comes

    def state(self, state: State, detail: str = "", attempt: int = 0) -> None:
        """Note what the source is doing."""
        self._set_state(state, detail, attempt)

    async def ready(self) -> None:
        """Go on at once."""

    async def stored(self) -> None:
        """Carry what is staged into the buffer."""
        self._drain()
