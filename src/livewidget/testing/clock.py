"""A clock that stands still until it is told to move."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import Callable

_Sleeper = tuple[int, int, Callable[[], None]]  # due in ns, place in the order, how to wake it


class ManualClock:
    """Both clocks of `livewidget.data.clock.Clock`, and a sleep that goes by them.

    `now` is the wall clock to start from, ns since the epoch, UTC. May be used from any
    thread; each sleeper is woken on its own loop.
    """

    def __init__(self, now: int = 1_700_000_000_000_000_000) -> None:
        self._start = now
        self._passed_ns = 0
        self._lock = threading.Lock()
        self._order = itertools.count()
        self._sleepers: list[_Sleeper] = []

    def now(self) -> int:
        """Return the wall clock: nanoseconds since the epoch, UTC."""
        return self._start + self._passed_ns

    def monotonic(self) -> float:
        """Return the seconds that were advanced so far."""
        return self._passed_ns / 1e9

    @property
    def sleepers(self) -> int:
        """How many coroutines are asleep: wait for it before an advance."""
        return len(self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been advanced by `seconds`; at once for 0 or less."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        with self._lock:
            due = self._passed_ns + round(seconds * 1e9)
            entry: _Sleeper = (due, next(self._order), wake)
            heapq.heappush(self._sleepers, entry)
        try:
            await woken.wait()
        finally:
            with self._lock:
                self._sleepers = [each for each in self._sleepers if each is not entry]
                heapq.heapify(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Move both clocks on and wake whoever is due, in the order of their times."""
        with self._lock:
            self._passed_ns += round(seconds * 1e9)
            due = []
            while self._sleepers and self._sleepers[0][0] <= self._passed_ns:
                due.append(heapq.heappop(self._sleepers)[2])
        for wake in due:
            wake()

    def set_wall(self, now: int) -> None:
        """Set the wall clock alone, as an administrator or a time server does."""
        self._start = now - self._passed_ns
