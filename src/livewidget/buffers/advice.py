"""What to change about a buffer, in plain words with the numbers behind it."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from livewidget.data.clock import Clock, SystemClock

_OVER_S = 10  # a rate over less jumps with every burst
_GB = 10**9
_WORTH = 1.1  # times smaller; below it compression costs more than it gives
_ENOUGH_ROWS = 10_000  # for a ratio that says anything
_FAR_BEHIND = 0.5  # of the capacity: beyond it the next stall loses rows


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind one consumer is: rows, seconds of stream time, and rows it never saw."""

    rows: int
    seconds: float
    missed: int = 0
    lapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What `advise` goes by. What is not known is left as it is by default.

    `capacity` is the most rows that will be held as it is set now, `rate` in rows a second,
    `window_s` the seconds that the longest reader asks for. `memory` is used, `wants` would be,
    `allowance` may be used, of a `budget` for the process: bytes. `late` rows came in place,
    `too_late` ones beyond `horizon_s`, the latest of them `latest_s` late. `compression` is bytes
    before by bytes after, over `compressed_rows`. `store_error` is why the store fails now, while
    `spooled` rows wait for it.
    """

    rows: int = 0
    capacity: int = 0
    high_water: int = 0
    rate: float = 0.0
    window_s: float | None = None
    memory: int = 0
    wants: int = 0
    allowance: int | None = None
    budget: int | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    lags: Mapping[str, Lag] = field(default_factory=dict)
    late: int = 0
    too_late: int = 0
    horizon_s: float = 0.0
    latest_s: float = 0.0
    compression: float | None = None
    compressed_rows: int = 0
    store_error: str | None = None
    spooled: int = 0


def advise(figures: Figures) -> list[str]:
    """Return what should be changed, the gravest first; nothing where all is well."""
    return [sentence for check in _CHECKS for sentence in check(figures)]


def _store(figures: Figures) -> Iterator[str]:
    if figures.store_error is not None:
        yield (
            f"the store fails ({figures.store_error}) while {figures.spooled:,} rows wait for it: "
            "memory goes on, but what waits would be lost in a crash"
        )


def _budget(figures: Figures) -> Iterator[str]:
    if figures.allowance is None or figures.wants <= figures.allowance:
        return
    whole = "" if figures.budget is None else f" of a budget of {_size(figures.budget)}"
    yield (
        f"the buffer would use {_size(figures.wants)} and may use {_size(figures.allowance)}"
        f"{whole}: raise LIVEWIDGET_MEMORY or ask for a shorter retention"
    )


def _window(figures: Figures) -> Iterator[str]:
    if figures.window_s is None or figures.rate <= 0 or figures.capacity <= 0:
        return
    needed = figures.rate * figures.window_s
    if needed > figures.capacity:
        yield (
            f"capacity holds {figures.capacity / figures.rate:.3g} s at today's rate; the window "
            f"asks for {figures.window_s:g} s: set capacity to {_rounded_up(needed):,} "
            "or let it resize"
        )


def _dropped(figures: Figures) -> Iterator[str]:
    lost = {reason: rows for reason, rows in figures.dropped.items() if rows}
    if lost:
        parts = ", ".join(
            f"{rows:,} by {reason}"
            for reason, rows in sorted(lost.items(), key=lambda each: -each[1])
        )
        yield (
            f"{sum(lost.values()):,} rows were dropped ({parts}); the fullest was "
            f"{figures.high_water:,} of {figures.capacity:,} rows: raise capacity or take in less"
        )


def _late(figures: Figures) -> Iterator[str]:
    if figures.too_late:
        yield (
            f"{figures.too_late:,} of {figures.too_late + figures.late:,} late rows came beyond "
            f"the horizon of {figures.horizon_s:g} s, by {figures.latest_s:.3g} s at most: "
            f"set horizon to {_rounded_up(figures.latest_s):,} s to put them in place"
        )


def _consumers(figures: Figures) -> Iterator[str]:
    for name, lag in figures.lags.items():
        if lag.lapsed:
            yield (
                f"consumer {name!r} held the writer up without progress and is skipped over now, "
                f"{lag.rows:,} rows ({lag.seconds:.3g} s) behind: close it or read on"
            )
        elif lag.missed or lag.rows > _FAR_BEHIND * figures.capacity > 0:
            yield (
                f"consumer {name!r} is {lag.rows:,} rows ({lag.seconds:.3g} s) behind and missed "
                f"{lag.missed:,}: take more rows at a time, or the latest only"
            )


def _compression(figures: Figures) -> Iterator[str]:
    ratio = figures.compression
    if ratio is not None and ratio < _WORTH and figures.compressed_rows >= _ENOUGH_ROWS:
        yield (
            f"compression makes {figures.compressed_rows:,} rows {ratio:.2f} times smaller, which "
            f"is not worth its time below {_WORTH}: turn it off or state an error that may be made"
        )


_CHECKS: tuple[Callable[[Figures], Iterator[str]], ...] = (
    _store,
    _budget,
    _window,
    _dropped,
    _late,
    _consumers,
    _compression,
)


class Meter:
    """Rows a second over the last ten, and the most that were ever held. For any thread."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.high_water = 0
        self._clock = clock or SystemClock()
        self._started = self._clock.monotonic()
        self._seconds: deque[tuple[int, int]] = deque()  # second of the clock, rows in it
        self._lock = threading.Lock()

    def add(self, rows: int, held: int) -> None:
        """Count rows that came in, after which `held` are held."""
        second = math.floor(self._clock.monotonic())
        with self._lock:
            self.high_water = max(self.high_water, held)
            if self._seconds and self._seconds[-1][0] == second:
                rows += self._seconds.pop()[1]
            self._seconds.append((second, rows))
            self._forget(second)

    def rate(self) -> float:
        """Return rows a second, over at least one: the first rows are no pace yet."""
        now = self._clock.monotonic()
        first = math.floor(now) - _OVER_S + 1
        with self._lock:
            self._forget(math.floor(now))
            rows = sum(rows for _, rows in self._seconds)
        return rows / max(1.0, now - max(first, self._started))

    def _forget(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - _OVER_S:
            self._seconds.popleft()


def _rounded_up(value: float) -> int:
    """Return `value` or more, in two digits."""
    step: int = 10 ** max(0, math.floor(math.log10(max(value, 1.0))) - 1)
    return math.ceil(value / step) * step


def _size(size: int) -> str:
    return f"{size / 1e6:,.3g} MB" if size < _GB else f"{size / _GB:,.3g} GB"
