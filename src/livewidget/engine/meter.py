"""How much of the time a stage works: two looks at the clock a batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self


class Meter:
    """Counts the seconds that a stage worked, and the rows that it worked on. No lock.

    A context manager around the work; what overlaps counts once. One thread writes, or several of
    which a lock lets in one at a time. Any thread reads; the work under way may seem longer,
    by as much as its thread is held up at its end. `clock` gives ns.
    """

    __slots__ = ("_clock", "_depth", "_time", "rows")

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self.rows = 0
        self._clock = clock
        # ns: of the work that is done, and when what is under way began. One value, so that a
        # reader never has the one from before a moment and the other from after it.
        self._time: tuple[int, int | None] = 0, None
        self._depth = 0

    def __enter__(self) -> Self:
        if not self._depth:
            self._time = self._time[0], self._clock()
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        busy, begun = self._time
        if not self._depth and begun is not None:
            self._time = busy + self._clock() - begun, None

    def mark(self, *, on: bool) -> None:
        """Begin or end the work, where that has not been done: of a state that goes on."""
        if on != bool(self._depth):
            self.__enter__() if on else self.__exit__()

    def add(self, seconds: float, rows: int = 0) -> None:
        """Count work that somebody else has timed."""
        busy, begun = self._time
        self._time = busy + round(seconds * 1e9), begun
        self.rows += rows

    @property
    def seconds(self) -> float:
        """The seconds worked so far, those of the work under way included."""
        while True:
            known, now = self._time, self._clock()
            if self._time is known:  # else the work has ended before `now`
                busy, begun = known
                return (busy if begun is None else busy + now - begun) / 1e9


class Share:
    """The part of the time between two readings that a total of seconds, or a count, grew by."""

    def __init__(self) -> None:
        self._before: dict[object, tuple[float, float]] = {}

    def __call__(self, key: object, total: float, now: float) -> float:
        """Return the growth a second of `total` since the last call with `key`; 0 at the first.

        A total that begins anew counts from there on: nothing is ever below 0. `now` in s.
        """
        at, before = self._before.get(key, (now, total))
        self._before[key] = now, total
        return max(0.0, total - before) / (now - at) if now > at else 0.0

    def change(self, key: object, value: float, now: float) -> float:
        """As a call, of a value that may fall, too."""
        at, before = self._before.get(key, (now, value))
        self._before[key] = now, value
        return (value - before) / (now - at) if now > at else 0.0
