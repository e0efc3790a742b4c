"""Sources that are asked: a callable at an interval, and what builds on it."""

from __future__ import annotations

import inspect
import math
from abc import abstractmethod
from collections.abc import Callable, Sequence

from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.events import State
from livewidget.sources.base import LoopClock, Outlet, Source, SystemLoopClock
from livewidget.sources.items import DEFAULT_FIELDS, to_item
from livewidget.sources.worker import Worker

DEFAULT_INTERVAL_S = 1.0
_LISTEN_S = 0.25  # a change of a long interval is noticed within this time


class PullSource(Source):
    """Reads at a steady beat, in a worker thread; readings never overlap.

    Beats lie on multiples of `interval` after the start. A reading that outlasts its interval
    makes the beats under it `missed`: they are counted and not made up for.
    """

    def __init__(self, interval: float | None = None, *, clock: LoopClock | None = None) -> None:
        self.interval = check_interval(DEFAULT_INTERVAL_S if interval is None else interval)
        self.missed = 0
        self._clock = clock or SystemLoopClock()

    async def run(self, outlet: Outlet) -> None:
        """Read at each beat until cancelled, or until `_read` raises."""
        async with Worker(self.name) as worker:
            outlet.state(State.LIVE)
            beat = self._clock.monotonic()
            while True:
                await self._read(outlet, worker)
                await outlet.ready()
                beat = await self._next(beat)

    @abstractmethod
    async def _read(self, outlet: Outlet, worker: Worker) -> None:
        """Take one reading and emit it."""

    async def _next(self, beat: float) -> float:
        """Sleep to the first beat after now and return its time; a new interval counts at once."""
        late = math.floor((self._clock.monotonic() - beat) / self._seconds())
        self.missed += late
        beat += late * self._seconds()
        while (left := beat + self._seconds() - self._clock.monotonic()) > 0:
            await self._clock.sleep(min(left, _LISTEN_S))
        # Far beyond the beat the interval was cut short, or the machine slept: begin anew.
        return self._clock.monotonic() if -left > self._seconds() else beat + self._seconds()

    def _seconds(self) -> float:
        return DEFAULT_INTERVAL_S if self.interval is None else self.interval


class CallableSource(PullSource):
    """Asks a function at an interval; a coroutine function is awaited on the loop.

    It returns what an iterator may yield (see `items.to_item`), or None for nothing new.
    What it raises ends the source as failed.
    """

    def __init__(
        self,
        function: Callable[[], object],
        *,
        interval: float | None = None,
        fields: Sequence[str] | None = None,
        clock: LoopClock | None = None,
    ) -> None:
        super().__init__(interval, clock=clock)
        self.name = getattr(function, "__name__", None) or type(function).__name__
        self._function = function
        self._fields = tuple(fields or DEFAULT_FIELDS)

    async def _read(self, outlet: Outlet, worker: Worker) -> None:
        at = self._clock.now()
        if inspect.iscoroutinefunction(self._function):
            thing = await self._function()
        else:
            thing = await worker.call(self._function)
        if thing is None:
            return
        try:
            outlet.emit(to_item(thing, self._fields, at))
        except SchemaError as error:
            outlet.reject(thing, str(error))


def check_interval(interval: float, name: str = "interval") -> float:
    """Return `interval` in seconds. Raises SettingError unless it is a finite number above 0."""
    try:
        good = 0 < interval < math.inf
    except TypeError:
        good = False
    if not good:
        raise SettingError(f"{name} is a number of seconds above 0, got {quote(interval)}")
    return float(interval)
