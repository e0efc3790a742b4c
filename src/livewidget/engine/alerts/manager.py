"""AlertManager: what is done about alerts once they are found."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Self, TypeVar

from livewidget.data.errors import ClosedError, SchemaError, SettingError, StateError, quote
from livewidget.engine.alerts.alert import Alert, Notice, alerts_of, batch_of
from livewidget.engine.alerts.bus import EventBus
from livewidget.engine.alerts.desk import FAR, MOST_ALERTS, MOST_HISTORY, Desk
from livewidget.engine.alerts.handler import Handler
from livewidget.engine.alerts.handlers import Callback
from livewidget.engine.alerts.overview import EVENT, Overview
from livewidget.engine.alerts.runner import HandlerRunner
from livewidget.engine.alerts.silence import Matcher, Silence
from livewidget.engine.alerts.steady import SteadyWall
from livewidget.engine.alerts.terms import duration_ns, terms_of
from livewidget.engine.feed import Subscription
from livewidget.engine.stream import Stream
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.pipeline.alerts.event import ALERTS, RESOLVED
from livewidget.sources.base import LoopClock, SystemLoopClock

log = logging.getLogger("livewidget")
T = TypeVar("T")

_LOOK_S = 30.0  # the longest sleep: a machine that slept itself knows of no time passed
_CHUNK = 100  # transitions at once: 4 ms, in which nobody else has the engine's thread
_CLOSE_S = 5.0
_MOST_RULES = 10_000  # whose names are kept


class AlertManager(Overview):
    """Tells people of alerts: grouped, each once, not while silenced, again where nobody heeds.

    `sources` are streamers with alert rules, whose output "alerts" is read (see `watch`), or
    streams of alerts. `handlers` are told: a `Handler`, a function of a `Notice`, or a
    `HandlerRunner` with settings of its own. The durations are those of Prometheus' Alertmanager:
    the first notice of a group (`group_by` of rule, key, priority) waits for `group_wait`, the next
    come `group_interval` apart, what still fires is told again after `repeat_interval`; one alert
    is told as firing at most once in `cool_down`. Each transition is an event "alert" of `bus`, and
    a row of `streamer`. Handlers run beside all that: none can hold a stream.

    Every method may be called from any thread. It works on the engine's until `close`.
    """

    def __init__(
        self,
        *sources: DataStreamer | Stream,
        handlers: Iterable[Handler | HandlerRunner | Callable[[Notice], Any]] = (),
        group_by: Sequence[str] = ("rule",),
        group_wait: object = "0s",
        group_interval: object = "30s",
        repeat_interval: object = "4h",
        cool_down: object = "0s",
        bus: EventBus | None = None,
        state: dict[str, Any] | None = None,
        most_alerts: int = MOST_ALERTS,
        most_history: int = MOST_HISTORY,
        engine: Engine | None = None,
        clock: LoopClock | None = None,
    ) -> None:
        terms = terms_of(group_by, group_wait, group_interval, repeat_interval, cool_down)
        self._engine = Engine.shared() if engine is None else engine
        self._clock: LoopClock = SystemLoopClock() if clock is None else clock
        self._wall = SteadyWall(self._clock)
        self._desk = Desk(terms, most_alerts=most_alerts, most_history=most_history)
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []
        self._sources: list[str] = []
        self._rules: dict[str, None] = {}
        self._subscriptions: list[Subscription] = []
        self._owned: list[DataStreamer] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._woken = asyncio.Event()
        self._planned = FAR
        self._closed = False
        self._counts = {"transitions": 0, "notices": 0, "unreadable": 0}
        self._owns_bus = bus is None
        self.bus = EventBus(engine=self._engine, clock=self._clock) if bus is None else bus
        self.bus.declare(EVENT, ALERTS, "warning")
        self.runners = [self._runner_of(each) for each in handlers]
        if state is not None:
            self.load(state)
        self._begin(self._run(), "due")
        for source in sources:
            self.watch(source)

    def watch(self, source: DataStreamer | Stream, output: str | None = "alerts") -> Self:
        """Take the alerts of one more streamer, from its output (None: they are what it stores).

        A `Stream` is taken as it is. What is watched is started where need be. Raises SettingError
        for what is neither.
        """
        if self._closed:
            raise ClosedError("the alert manager was closed")
        if isinstance(source, Stream):
            source, output = source.open(engine=self._engine, clock=self._clock), None
            self._owned.append(source)
        elif not isinstance(source, DataStreamer):
            raise SettingError(f"alerts come from a DataStreamer or a Stream, got {quote(source)}")
        subscription = source.subscribe(output=output)
        self._subscriptions.append(subscription)
        self._sources.append(source.name)
        self._begin(self._follow(subscription, source.name), source.name)
        source.start()
        return self

    # -- what people do

    def silence(
        self,
        *,
        rule: Matcher | None = None,
        key: Matcher | None = None,
        priority: Matcher | None = None,
        for_: object = "1h",
        start: int | None = None,
        comment: str = "",
        author: str = "",
    ) -> Silence:
        """Tell nobody of the alerts that match, for a time from now (or from `start`, ns UTC).

        A label is a text, to be equal, or a compiled pattern, to match in full; those that are None
        match all. Raises SettingError for a silence of everything, or for no time.
        """
        given = {"rule": rule, "key": key, "priority": priority}
        matchers = {label: each for label, each in given.items() if each is not None}
        length = duration_ns(for_, "for_")

        def make(desk: Desk, now: int) -> Silence:
            begin = now if start is None else start
            about = {"comment": comment, "author": author}
            return desk.silence(matchers, begin, begin + length, **about)

        return self._changed_by(make)

    def unsilence(self, id: str) -> bool:  # noqa: A002  (what users call it)
        """End a silence by its id, or all that mute the alert of an id; say whether one was."""
        return self._changed_by(lambda desk, now: desk.unsilence(id, now))

    def acknowledge(
        self,
        id: str | None = None,  # noqa: A002  (what users call it)
        *,
        rule: str | None = None,
        key: str | None = None,
        by: str = "",
    ) -> list[Alert]:
        """Note that somebody knows of an alert, by its id, or of all of a rule or a key; return it.

        It is not told again until it is over. An alert that is gone is no error.
        """
        if id is None and rule is None and key is None:
            raise SettingError("acknowledge takes the id of an alert, a rule or a key")

        def note(desk: Desk, now: int) -> list[Alert]:
            wanted = (
                [id]
                if id is not None
                else [
                    each.id
                    for each in desk.alerts(now)
                    if rule in (None, each.rule) and key in (None, each.key)
                ]
            )
            found = [desk.acknowledge(each, by, now) for each in wanted]
            return [each for each in found if each is not None]

        return self._changed_by(note)

    # -- life

    def save(self) -> dict[str, Any]:
        """Return all that a restart needs, as plain data: it then tells nothing twice."""
        with self._lock:
            desk = self._desk.save()
        runners = [[each.handler.name, each.save()] for each in self.runners]
        return {"version": 1, "desk": desk, "handlers": runners}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what `save` returned: alerts, silences, and what was not delivered.

        Raises StateError for what it has not returned.
        """
        if state.get("version") != 1:
            raise StateError(f"the state of alerts is of version 1, got {quote(state)}")
        self._changed_by(lambda desk, now: desk.load(state["desk"], now))
        left = list(state.get("handlers", ()))
        for runner in self.runners:
            mine = next((each for each in left if each[0] == runner.handler.name), None)
            if mine is not None:
                left.remove(mine)
                runner.load(mine[1])

    def close(self, timeout: float = _CLOSE_S) -> None:
        """Watch no more, and give the handlers `timeout` seconds for what waits. For good.

        What they have not told then is a dead letter, and `save` still returns it. On the engine's
        own thread it does not wait.
        """
        if self._closed:
            return
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
        for streamer in self._owned:
            streamer.stop()
        if self._engine.here:
            self._engine.spawn(self._close(timeout), "livewidget-alerts-close")
        elif self._engine.alive:
            self._engine.wait_for(self._close(timeout), timeout + _CLOSE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"AlertManager({len(self.alerts)} alerts of {len(self._sources)} streams)"

    # -- at work

    def _runner_of(self, handler: Any) -> HandlerRunner:
        if isinstance(handler, HandlerRunner):
            return handler
        if not isinstance(handler, Handler):
            if not callable(handler):
                raise SettingError(f"a handler is a Handler or a function, got {quote(handler)}")
            handler = Callback(handler)
        return HandlerRunner(handler, engine=self._engine, clock=self._clock)

    def _changed_by(self, change: Callable[[Desk, int], T]) -> T:
        """Change the desk from any thread; what follows from it happens on the engine's."""
        with self._lock:
            result = change(self._desk, self._wall.now())
        if self._engine.alive and not self._closed:
            self._engine.post(self._woken.set)
            self._engine.post(self._call_back)
        return result

    def _begin(self, job: Coroutine[Any, Any, None], name: str) -> None:
        async def run() -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await job
            finally:
                self._tasks.discard(task)

        self._engine.spawn(run(), f"livewidget-alerts-{name}")

    async def _run(self) -> None:
        """Tell what is due, when it is."""
        while True:
            self._woken.clear()
            with self._lock:
                now = self._wall.now()
                notices = self._desk.flush(now)
                self._planned = self._desk.due
            self._tell(notices)
            await self._sleep(min((self._planned - now) / 1e9, _LOOK_S))

    async def _sleep(self, seconds: float) -> None:
        waits = {
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._woken.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _follow(self, subscription: Subscription, name: str) -> None:
        async for batch, _ in subscription.read():
            try:
                alerts = alerts_of(batch, lambda reason: self._reject(name, reason))
            except SchemaError as error:
                self._reject(name, str(error), len(batch))
                continue
            while part := list(islice(alerts, _CHUNK)):
                self._take(part)
                await asyncio.sleep(0)

    def _reject(self, name: str, reason: str, rows: int = 1) -> None:
        if not self._counts["unreadable"]:
            log.warning("%s gives what is no alert: %s", name, reason)
        self._counts["unreadable"] += rows

    def _take(self, alerts: list[Alert]) -> None:
        with self._lock:
            changed, notices = self._changed_of(alerts, self._wall.now())
            sooner = self._desk.due < self._planned
        if changed:
            self._counts["transitions"] += len(changed)
            if len(self._rules) < _MOST_RULES:
                self._rules |= dict.fromkeys(each.rule for each in changed)
            if self.bus.wanted(EVENT):
                self.bus.publish(EVENT, batch_of(changed))
        self._tell(notices)
        if changed and not notices:
            self._call_back()
        if sooner:
            self._woken.set()

    def _changed_of(self, alerts: list[Alert], now: int) -> tuple[list[Alert], list[Notice]]:
        """Hand transitions to the desk; return those that were, and what is to be told of them."""
        desk = self._desk
        changed: list[Alert] = []
        notices: list[Notice] = []
        for alert in alerts:
            # What fires and is over within one batch is told all the same.
            if alert.state == RESOLVED and desk.due <= now:
                notices += desk.flush(now)
            if desk.take(alert, now):
                changed.append(alert)
        if desk.due <= now:
            notices += desk.flush(now)
        return changed, notices

    def _tell(self, notices: list[Notice]) -> None:
        self._counts["notices"] += len(notices)
        for notice in notices:
            for runner in self.runners:
                runner.put(notice)
        if notices:
            self._call_back()

    def _call_back(self) -> None:
        for callback in self._callbacks:
            try:
                callback()
            except Exception:
                log.exception("a callback for alerts failed")

    async def _close(self, timeout_s: float) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        ends = [
            asyncio.run_coroutine_threadsafe(each.aclose(timeout_s), each.engine.loop)
            for each in self.runners  # which may be of another engine
            if each.engine.alive
        ]
        await asyncio.gather(*map(asyncio.wrap_future, ends))
        if self._owns_bus:
            self.bus.close()
