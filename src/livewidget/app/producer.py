"""A feed, written to a sink at a steady rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from livewidget.app.faults import Faults
from livewidget.app.feeds import Feed
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, quote
from livewidget.sinks.base import Sink
from livewidget.sources.base import LoopClock, SystemLoopClock

_BEAT_S = 0.01  # 100 batches a second: smooth to look at, few calls at any rate
_LONGEST_S = 1.0  # what is made up for after a stall; beyond it the schedule moves
_MOST_ROWS, _FIRST_ROWS = 10_000, 1_000  # of one batch
_SLOW_S = 0.1  # a write that takes longer makes the next batch smaller: an end is kept in time
_HIGHEST_RATE = 1e9  # above it, events would share a nanosecond


@dataclass(frozen=True, slots=True)
class Summary:
    """What was produced: `seconds` from the first event to the last, `rate` a second between."""

    events: int
    seconds: float
    rate: float
    counts: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        beside = "".join(f"; {name} {count:,}" for name, count in self.counts.items() if count)
        return f"{self.events:,} events in {self.seconds:.1f} s, {self.rate:,.1f} a second{beside}"


class Producer:
    """Writes a feed to a sink, `rate` events a second, in a batch each 10 ms or an event each.

    Event n is due n / rate seconds after the first, whatever the batches took: nothing drifts. A
    sink that holds it up for more than a second moves the schedule; no event is left out. It ends
    with the feed, after `count` events, or when `duration` seconds are over. Runs once.
    """

    def __init__(
        self,
        feed: Feed,
        sink: Sink,
        *,
        rate: float = 100.0,
        duration: float | None = None,
        count: int | None = None,
        faults: Faults | None = None,
        clock: LoopClock | None = None,
    ) -> None:
        self.sink = sink
        self.events = 0
        self._feed = feed
        self._rate = check_rate(rate)
        self._duration = math.inf if duration is None else _above_zero("duration", duration)
        ends = [math.inf if feed.size is None else feed.size]
        if count is not None:
            ends.append(_whole("count", count))
        self._most = min(ends)
        self._faults = faults
        self._clock = clock or SystemLoopClock()
        self._first = self._last = 0.0
        self._counts: Mapping[str, int] = {}

    async def run(self, opened: Callable[[], object] | None = None) -> Summary:
        """Open the sink, write until the end or until cancelled, and close it. Raises SinkError.

        `opened` is called once it is open.
        """
        before: Mapping[str, int] = {}
        try:
            async with self.sink:
                if opened is not None:
                    opened()
                try:
                    await self._pace()
                finally:
                    before = self.sink.counts
        finally:
            # Closing delivers or loses what was under way; that its clients leave says nothing.
            clients = {name: count for name, count in before.items() if name == "clients"}
            self._counts = {**self.sink.counts, **clients}
        return self.summary()

    def summary(self) -> Summary:
        """Return what was produced so far."""
        seconds = self._last - self._first
        rate = (self.events - 1) / seconds if seconds > 0 else 0.0
        return Summary(self.events, seconds, rate, self._counts)

    async def _pace(self) -> None:
        origin, begun = self._clock.now(), self._clock.monotonic()
        self._first = self._last = schedule = begun
        made, most, total = 0, _FIRST_ROWS, self._total(0.0)
        while made < total:
            passed = self._clock.monotonic() - schedule
            if (behind := passed - _LONGEST_S - made / self._rate) > 0:
                schedule, passed = schedule + behind, passed - behind
                total = self._total(schedule - begun)
            due = min(int(passed * self._rate) + 1, total)
            stop = int(min(due, made + most))
            if stop > made:
                await self._write(made, stop, origin + int((schedule - begun) * 1e9))
                slow = self._clock.monotonic() - schedule - passed > _SLOW_S
                most = max(1, (stop - made) // 2) if slow else min(most * 2, _MOST_ROWS)
                made = stop
            if made < total:
                left = schedule + made / self._rate - self._clock.monotonic()
                await self._clock.sleep(0.0 if stop < due else max(left, _BEAT_S))
        if self._faults is not None and (rest := self._faults.rest()) is not None:
            await self._send(rest)

    def _total(self, moved_s: float) -> float:
        """Return how many events there will be, where the schedule has moved by so many seconds."""
        if self._duration == math.inf:
            return self._most
        # The subtraction keeps 0.3 s x 10, which is 3.0000000000000004, from being 4 events.
        return min(self._most, math.ceil((self._duration - moved_s) * self._rate - 1e-7))

    async def _write(self, start: int, stop: int, origin: int) -> None:
        batch = self._feed.take(start, stop, origin)
        if self._faults is not None:
            batch = self._faults.apply(batch, stop / self._rate)
        if len(batch):
            await self._send(batch)

    async def _send(self, batch: Batch) -> None:
        self.events += len(batch)  # first: one who interrupts a write does not take it back
        try:
            await self.sink.write(batch)
        except Exception:
            self.events -= len(batch)
            raise
        self._last = self._clock.monotonic()


def check_rate(rate: float) -> float:
    """Return events a second. Raises SettingError."""
    if not 0 < rate <= _HIGHEST_RATE:
        raise SettingError(f"rate is events a second, above 0 and up to 1e9; got {quote(rate)}")
    return rate


def _above_zero(name: str, value: float) -> float:
    if not value > 0:
        raise SettingError(f"{name} is a number above 0, got {quote(value)}")
    return value


def _whole(name: str, value: object) -> int:
    if not isinstance(value, int) or value < 1:
        raise SettingError(f"{name} is a whole number above 0, got {quote(value)}")
    return value
