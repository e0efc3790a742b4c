"""Handlers beside the stream: a queue, workers, time-outs, retries and dead letters for each."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from livewidget.data.errors import SettingError, StateError, quote
from livewidget.engine.alerts.alert import Notice
from livewidget.engine.alerts.handler import Handler
from livewidget.engine.thread import Engine
from livewidget.pipeline.fields import whole
from livewidget.resilience.backoff import Backoff
from livewidget.sinks.delivery import DeliveryError
from livewidget.sources.base import LoopClock, SystemLoopClock

log = logging.getLogger("livewidget")

QUEUE = 1_000
MOST_DEAD = 1_000
TIMEOUT_S = 30.0
ATTEMPTS = 8  # with the pauses below about a minute: a server that starts anew is back by then
_BASE_S, _CAP_S = 0.5, 30.0
CLOSED = "closed before it was delivered"
_CLOSE_S = 5.0


def default_backoff() -> Backoff:
    """Return the pauses between attempts where nobody says otherwise."""
    return Backoff(_BASE_S, _CAP_S, attempts=ATTEMPTS)


@dataclass(frozen=True, slots=True)
class DeadNotice:
    """A notice that was given up at `at` (ns UTC), with the reason."""

    at: int
    reason: str
    notice: Notice


class HandlerRunner:
    """Hands notices to one handler, and lets nothing that it does reach anybody else.

    `workers` notices are under way at once; with one, their order is kept. A call that fails or
    takes longer than `timeout` seconds is made again after pauses of `backoff()`, at least as long
    as the other side asks for; in the end, or where trying again is of no use, or where `queue`
    wait already, the notice is a dead letter: the `most_dead` newest are kept. Every method may be
    called from any thread, but for `close` on the engine's.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        engine: Engine | None = None,
        clock: LoopClock | None = None,
        queue: int = QUEUE,
        workers: int = 1,
        timeout: float = TIMEOUT_S,
        backoff: Callable[[], Backoff] = default_backoff,
        most_dead: int = MOST_DEAD,
    ) -> None:
        for name, value in (("queue", queue), ("workers", workers), ("most_dead", most_dead)):
            whole(value, name)
        if not 0 < timeout < float("inf"):
            raise SettingError(f"timeout is seconds, more than 0; got {quote(timeout)}")
        self.handler = handler
        self.engine = Engine.shared() if engine is None else engine
        self._clock: LoopClock = SystemLoopClock() if clock is None else clock
        self._most, self._workers, self._timeout_s = queue, workers, timeout
        self._backoff = backoff
        self._lock = threading.Lock()
        self._waiting: deque[Notice] = deque()
        self._under_way: dict[asyncio.Task[Any], Notice] = {}
        self._dead: deque[DeadNotice] = deque(maxlen=most_dead)
        self._closed = False
        self._woken = False
        self._counts = dict.fromkeys(
            ("delivered", "failed", "retried", "dead", "dead_forgotten"), 0
        )
        self.last_error = ""

    def put(self, notice: Notice) -> bool:
        """Take a notice; say whether it has a place. One that has none is a dead letter."""
        with self._lock:
            if self._closed or len(self._waiting) >= self._most:
                reason = CLOSED if self._closed else f"{self._most:,} notices wait already"
                self._bury(notice, reason)
                return False
            self._waiting.append(notice)
            wake, self._woken = not self._woken, True
        if wake:
            self.engine.post(self._start)
        return True

    @property
    def dead(self) -> list[DeadNotice]:
        """The notices that were given up, the oldest first."""
        with self._lock:
            return list(self._dead)

    def replay(self) -> int:
        """Have the dead letters delivered once more; return how many found a place."""
        with self._lock:
            dead = list(self._dead)
            self._dead.clear()
        return sum(self.put(each.notice) for each in dead)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not (self._waiting or self._under_way or self._woken)

    def save(self) -> dict[str, Any]:
        """Return what is not delivered yet, and the dead letters, as plain data."""
        with self._lock:
            left = [*self._under_way.values(), *self._waiting]
            return {
                "waiting": [each.save() for each in left],
                "dead": [[each.at, each.reason, each.notice.save()] for each in self._dead],
            }

    def load(self, state: dict[str, Any]) -> None:
        """Go on with what `save` returned: deliver what was not. Raises StateError.

        What was under way may come twice, with the same id.
        """
        try:
            waiting = [Notice.load(each) for each in state["waiting"]]
            dead = [DeadNotice(at, why, Notice.load(each)) for at, why, each in state["dead"]]
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"notices cannot be read: {error!r}") from None
        with self._lock:
            self._dead.extend(each for each in dead if each.reason != CLOSED)
        for each in (*(each.notice for each in dead if each.reason == CLOSED), *waiting):
            self.put(each)

    def stats(self) -> dict[str, Any]:
        """Return what was delivered, failed, retried and given up, and what waits."""
        with self._lock:
            return {
                "handler": self.handler.name,
                **self._counts,
                "waiting": len(self._waiting),
                "under_way": len(self._under_way),
                "hanging": self.handler.hanging,
                "last_error": self.last_error,
            }

    def close(self, timeout: float = _CLOSE_S) -> None:
        """Deliver what is left within `timeout` seconds; what is not is a dead letter. For good."""
        if self.engine.alive:
            self.engine.wait_for(self.aclose(timeout), timeout + _CLOSE_S)

    async def aclose(self, within_s: float = _CLOSE_S) -> None:
        """As `close`, on the engine's loop."""
        self._closed = True
        end = asyncio.get_running_loop().time() + within_s
        self._start()
        while self._under_way and (left := end - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._under_way, timeout=left)
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        with self._lock:
            for notice in waiting:
                self._bury(notice, CLOSED)
        await self.handler.close()

    def _start(self) -> None:
        """Have as many workers at work as there are notices for; on the loop."""
        with self._lock:
            self._woken = False
            while self._waiting and len(self._under_way) < self._workers:
                notice = self._waiting.popleft()
                task = self.engine.loop.create_task(self._deliver(notice))
                self._under_way[task] = notice
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        notice = self._under_way.pop(task)
        if task.cancelled():
            with self._lock:
                self._bury(notice, CLOSED)
        self._start()

    async def _deliver(self, notice: Notice) -> None:
        backoff = self._backoff()
        while True:
            wait_s = 0.0
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self.handler.deliver(notice)
            except DeliveryError as error:
                reason, again, wait_s = str(error), error.again, error.wait_s
            except TimeoutError as error:
                reason = str(error) or f"it did not return within {self._timeout_s:g} s"
                again = True
            except Exception as error:  # noqa: BLE001  (a handler of the user's may raise anything)
                reason, again = f"{type(error).__name__}: {error}", True
            else:
                self._counts["delivered"] += 1
                return
            self._counts["failed"] += 1
            self.last_error = reason
            pause_s = backoff.next(self._clock.monotonic()) if again else None
            if pause_s is None:
                log.warning("an alert could not be told by %s: %s", self.handler.name, reason)
                with self._lock:
                    self._bury(notice, reason)
                return
            self._counts["retried"] += 1
            await self._clock.sleep(max(pause_s, wait_s))

    def _bury(self, notice: Notice, reason: str) -> None:
        """Keep a dead letter; with the lock held."""
        self._counts["dead"] += 1
        if len(self._dead) == self._dead.maxlen:
            self._counts["dead_forgotten"] += 1
        self._dead.append(DeadNotice(self._clock.now(), reason, notice))
