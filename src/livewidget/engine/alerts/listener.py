"""Those who listen to events: each with a queue, a pace and troubles of its own."""

from __future__ import annotations

import inspect
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from livewidget.data.errors import SettingError, quote
from livewidget.engine.gate import Gate
from livewidget.engine.thread import Engine
from livewidget.pipeline.fields import whole

log = logging.getLogger("livewidget")

QUEUE = 1_000
OVERFLOWS = ("drop_oldest", "drop_newest")  # not "block": a slow one would hold who emits


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at `time` (ns UTC). Immutable; `values` has all its columns."""

    type: str
    priority: str
    time: int
    values: Mapping[str, Any]


class Listener:
    """Hands events to one callback, or to who iterates it, through a bounded queue of its own.

    A plain function is called in a thread, a coroutine function on the engine's loop, one event
    after another. `async for` works on any loop, by one reader. What does not fit into `queue`
    events is dropped by `overflow`, and counted in `dropped`; `delivered` and `failed` count calls.
    `close` it, or leave its `with`; what waits then is thrown away.
    """

    def __init__(
        self,
        name: str,
        callback: Callable[[Event], Any] | None,
        engine: Engine,
        *,
        queue: int = QUEUE,
        overflow: str = "drop_oldest",
        on_close: Callable[[Listener], None] = lambda _: None,
    ) -> None:
        if overflow not in OVERFLOWS:
            raise SettingError(f"overflow is one of {', '.join(OVERFLOWS)}; got {quote(overflow)}")
        if callback is not None and not callable(callback):
            raise SettingError(f"a callback is a function of an event, got {quote(callback)}")
        self.name = name
        self.delivered = self.failed = self.dropped = 0
        self.last_error = ""
        self._most = whole(queue, "queue")
        self._oldest = overflow == "drop_oldest"
        self._callback = callback
        self._is_async = callback is not None and _is_async(callback)
        self._engine = engine
        self._on_close = on_close
        self._waiting: deque[Event] = deque()
        self._lock = threading.Lock()
        self._changed = Gate()
        self._busy = False  # somebody hands events to the callback
        self._ended = False

    def put(self, event: Event) -> None:
        """Take an event; never waits. From any thread."""
        with self._lock:
            if self._ended:
                return
            if len(self._waiting) >= self._most:
                self.dropped += 1
                if not self._oldest:
                    return
                self._waiting.popleft()
            self._waiting.append(event)
            begin = self._callback is not None and not self._busy
            self._busy |= begin
        if begin:
            self._begin()
        elif self._callback is None:
            self._changed.notify()

    def end(self) -> None:
        """Nothing more will come; what waits is still handed on."""
        self._ended = True
        self._changed.notify()

    def close(self) -> None:
        """Take nothing more and hand nothing more on. Again is no error."""
        with self._lock:
            self._ended = True
            self._waiting.clear()
        self._changed.notify()
        self._on_close(self)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and no call is under way."""
        return not (self._busy or self._waiting)

    def stats(self) -> dict[str, Any]:
        """Return the counts, and what waits."""
        names = ("name", "delivered", "failed", "dropped", "last_error")
        return {name: getattr(self, name) for name in names} | {"waiting": len(self._waiting)}

    async def __aiter__(self) -> AsyncIterator[Event]:
        if self._callback is not None:
            raise SettingError(f"{self.name}: these events go to a callback already")
        while True:
            event = self._take()
            if event is not None:
                self.delivered += 1
                yield event
            elif self._ended:
                return
            else:
                await self._changed.wait_until(lambda: self._waiting or self._ended)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Listener({self.name!r}, {len(self._waiting)} waiting)"

    def _begin(self) -> None:
        """Hand on what waits; the thread or the task ends where nothing does any more."""
        if self._is_async:
            self._engine.spawn(self._drain_async(), f"livewidget-listener-{self.name}")
        else:
            name = f"livewidget-listener-{self.name}"
            threading.Thread(target=self._drain, name=name, daemon=True).start()

    def _drain(self) -> None:
        assert self._callback is not None
        while (event := self._take()) is not None:
            try:
                self._callback(event)
            except BaseException as error:  # noqa: BLE001  (of the user's; it harms nobody else)
                self._note(error)
            else:
                self.delivered += 1

    async def _drain_async(self) -> None:
        assert self._callback is not None
        while (event := self._take()) is not None:
            try:
                await self._callback(event)
            except Exception as error:  # noqa: BLE001  (of the user's; it harms nobody else)
                self._note(error)
            else:
                self.delivered += 1

    def _take(self) -> Event | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._busy = False
            return None

    def _note(self, error: BaseException) -> None:
        self.failed += 1
        self.last_error = f"{type(error).__name__}: {error}"
        if self.failed == 1:  # the first with its trace; the others are counted
            log.warning("who listens to %s failed", self.name, exc_info=error)


def _is_async(function: Callable[..., Any]) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004  (an object's own method)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
