"""The engine as a source sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from livewidget.data.batch import Data
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, quote
from livewidget.data.events import State
from livewidget.engine.line import Line
from livewidget.engine.meter import Meter
from livewidget.engine.runner import Runner
from livewidget.resilience.rate import TokenBucket

DELIVERIES = ("at_least_once", "at_most_once")
_UNSAID = frozenset({State.WAITING, State.RECONNECTING})


class StreamOutlet:
    """Carries what a source says into the line, and the pressure back.

    `rate_limit` bounds the events a second taken in the long run: the source waits. With the
    `delivery` "at_least_once" a source hears that all is stored once it is; else at once.
    """

    def __init__(
        self, line: Line, runner: Runner, clock: Clock, rate_limit: float | None, delivery: str
    ) -> None:
        if delivery not in DELIVERIES:
            raise SettingError(f"delivery is one of {DELIVERIES}, got {quote(delivery)}")
        self._line = line
        self._runner = runner
        self._clock = clock
        self._sleep: Callable[[float], Awaitable[None]] = getattr(clock, "sleep", asyncio.sleep)
        self._bucket = None if rate_limit is None else TokenBucket(rate_limit)
        self._acknowledge = delivery == DELIVERIES[0]
        self.gap = line.gap
        self.waiting = Meter()  # of sources that are held; its rows are times that data came

    def emit(self, data: Data) -> int:
        """Take rows as a source gives them: those that do not fit become dead letters."""
        rows = self._line.entry.emit(data)
        self.waiting.rows += 1
        if rows:
            if self._runner.state[0] in _UNSAID:
                self._runner.say(State.LIVE)
            self._line.nudge()
        if self._bucket is not None:
            self._bucket.take(rows, self._clock.monotonic())
        return rows

    def reject(self, payload: object, reason: str) -> None:
        """Take one message that could not be read: a dead letter."""
        now = self._clock.now()
        self._line.intake.ledger.refuse([(payload, reason)], now, 1, "decode")

    def state(self, state: State, detail: str = "", attempt: int = 0) -> None:
        """Note what the source is doing."""
        self._runner.say(state, detail, attempt)

    @property
    def full(self) -> bool:
        """Whether the source is to wait: suspended, too fast, or what is behind is too slow."""
        return self._runner.suspended or self._line.full or self._debt() > 0

    async def ready(self) -> None:
        """Return once it is not `full`, or the stream has ended. From any loop."""
        ended = self._runner.ended
        with self.waiting:
            while self.full and not ended.is_set():
                await self._line.changed.wait_until(
                    lambda: ended.is_set() or not (self._runner.suspended or self._line.full)
                )
                await self._sleep(self._debt())

    async def stored(self) -> None:
        """Return once all that was emitted has come through and is stored."""
        if self._acknowledge:
            await self._line.stored()

    @property
    def limited(self) -> bool:
        """Whether the rate limit is what holds the source."""
        return self._debt() > 0

    def _debt(self) -> float:
        return 0.0 if self._bucket is None else self._bucket.wait(self._clock.monotonic())
