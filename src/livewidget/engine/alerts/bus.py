"""The bus: events of declared types, from whoever emits them to whoever listens."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import ClosedError, SchemaError, SettingError, quote
from livewidget.data.schema import Kind, Schema
from livewidget.engine.alerts.listener import QUEUE, Event, Listener
from livewidget.engine.thread import Engine
from livewidget.pipeline.alerts.event import PRIORITIES
from livewidget.sources.base import SystemLoopClock

if TYPE_CHECKING:
    from livewidget.engine.streamer import DataStreamer

EVERY = "*"


@dataclass(frozen=True, slots=True)
class EventType:
    """What an event of a name holds, and how much it weighs."""

    name: str
    schema: Schema
    priority: str


class EventBus:
    """Broadcasts events to any number of listeners; a slow or a failing one harms nobody.

    A type is declared with a schema, and an event is checked against it where it is emitted. The
    events of a type are a stream, too: `streamer`. Every method may be called from any thread.
    """

    def __init__(self, *, engine: Engine | None = None, clock: Clock | None = None) -> None:
        self._engine = Engine.shared() if engine is None else engine
        self._clock: Clock = SystemLoopClock() if clock is None else clock
        self._lock = threading.Lock()
        self._types: dict[str, EventType] = {}
        self._listeners: dict[str, tuple[Listener, ...]] = {}
        self._streamers: dict[str, DataStreamer] = {}
        self._emitted: Counter[str] = Counter()
        self._closed = False

    @property
    def types(self) -> dict[str, EventType]:
        """The declared types by name."""
        return dict(self._types)

    def declare(
        self,
        name: str,
        schema: Schema | Mapping[str, str] | None = None,
        priority: str = "info",
        handler: Callable[[Event], Any] | None = None,
    ) -> EventType:
        """Declare a type; `handler` is its first listener.

        `schema` maps names to kinds ("float", "int", "text", "time"); a column "time" is added
        where none is a time. Raises SettingError for a name that is taken by another schema or
        priority, SchemaError for a schema that is none.
        """
        if name in ("", EVERY):
            raise SettingError(f"an event type's name is a text other than '*', got {quote(name)}")
        if priority not in PRIORITIES:
            raise SettingError(f"priority is one of {', '.join(PRIORITIES)}; got {quote(priority)}")
        made = EventType(name, _schema_of(schema or {}), priority)
        with self._lock:
            known = self._types.setdefault(name, made)
        if known != made:
            raise SettingError(f"the event type {name!r} is declared already, as {known}")
        if handler is not None:
            self.subscribe(name, handler)
        return known

    def emit(self, name: str, values: Mapping[str, Any] | None = None, **more: Any) -> Event:
        """Send an event to all who listen, and return it; it has the time of now if it names none.

        Raises SettingError for a type that is not declared, SchemaError for values that do not fit,
        ClosedError on a bus that was closed.
        """
        declared = self._declared(name)
        given = dict(values or {}) | more
        try:
            batch = Batch.of([given], declared.schema, arrival=self._clock.now())
        except SchemaError as error:
            raise SchemaError(f"event {name!r}: {error}") from None
        if self._closed:
            raise ClosedError("the bus was closed")
        return self.publish(name, batch)[0]

    def publish(self, name: str, batch: Batch) -> list[Event]:
        """Send the rows of a batch, which is of the type's schema already, as events."""
        declared = self._declared(name)
        self._emitted[name] += len(batch)
        streamer = self._streamers.get(name)
        if (
            streamer is not None and self._engine.alive
        ):  # on the engine's thread, where a push waits for nobody
            self._engine.post(lambda: streamer.push(batch))
        events = [
            Event(name, declared.priority, int(time), MappingProxyType(row))
            for time, row in zip(batch.times.tolist(), batch.rows(), strict=True)
        ]
        for listener in (*self._listeners.get(name, ()), *self._listeners.get(EVERY, ())):
            for event in events:
                listener.put(event)
        return events

    def wanted(self, name: str) -> bool:
        """Say whether anybody listens to a type."""
        listened = self._listeners.get(name) or self._listeners.get(EVERY)
        return bool(listened or name in self._streamers)

    def subscribe(
        self,
        name: str = EVERY,
        callback: Callable[[Event], Any] | None = None,
        *,
        queue: int = QUEUE,
        overflow: str = "drop_oldest",
    ) -> Listener:
        """Have `callback` called with each event of a type from now on ("*": of all).

        Without one, iterate what is returned: `async for event in bus.subscribe("halt")`. Raises
        SettingError for a type that is not declared.
        """
        if name != EVERY:
            self._declared(name)
        listener = Listener(
            name, callback, self._engine, queue=queue, overflow=overflow, on_close=self._leave
        )
        with self._lock:
            if self._closed:
                raise ClosedError("the bus was closed")
            self._listeners[name] = (*self._listeners.get(name, ()), listener)
        return listener

    def streamer(self, name: str) -> DataStreamer:
        """Return a streamer of a type's events from now on: to chart, record or send to a sink.

        The same at each call; it stays the bus's own and ends with it.
        """
        from livewidget.engine.streamer import DataStreamer

        declared = self._declared(name)
        with self._lock:
            if name not in self._streamers:
                self._streamers[name] = DataStreamer(
                    schema=declared.schema, max_ahead=None, engine=self._engine, clock=self._clock
                )
            return self._streamers[name]

    def stats(self) -> dict[str, Any]:
        """Return how many events were emitted, by type, and how each listener fares."""
        with self._lock:
            every = [each for listeners in self._listeners.values() for each in listeners]
        return {"emitted": dict(self._emitted), "listeners": [each.stats() for each in every]}

    def close(self) -> None:
        """Take no more events; those that wait are still handed on. Again is no error."""
        with self._lock:
            self._closed = True
            every = [each for listeners in self._listeners.values() for each in listeners]
            streamers = list(self._streamers.values())
        for listener in every:
            listener.end()
        for streamer in streamers:
            # Behind what was posted for it before.
            self._engine.post(streamer.stop) if self._engine.alive else streamer.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _declared(self, name: str) -> EventType:
        try:
            return self._types[name]
        except KeyError:
            known = ", ".join(repr(each) for each in self._types) or "none"
            raise SettingError(
                f"there is no event type {quote(name)}; declared are {known}"
            ) from None

    def _leave(self, listener: Listener) -> None:
        with self._lock:
            there = self._listeners.get(listener.name, ())
            self._listeners[listener.name] = tuple(it for it in there if it is not listener)


def _schema_of(schema: Schema | Mapping[str, str]) -> Schema:
    if isinstance(schema, Schema):
        return schema
    if Kind.TIME in schema.values():
        time = (
            "time"
            if schema.get("time") == Kind.TIME
            else next(name for name, kind in schema.items() if kind == Kind.TIME)
        )
        return Schema.of(schema, time)
    return Schema.of({"time": "time", **schema}, "time")
