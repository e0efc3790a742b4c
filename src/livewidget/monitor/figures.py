"""The small instruments: rates, quantiles, the browser's clock, the process."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import psutil

ROUNDING_MS = -2.0  # a browser may tell its time in whole milliseconds


class Rate:
    """How fast a running total grows, over the last `window` seconds."""

    def __init__(self, window: float = 2.0) -> None:
        self._window = window
        self._seen: deque[tuple[float, float]] = deque()

    def __call__(self, total: float, now: float) -> float:
        """Note that the total is `total` at `now` (s); return its growth a second."""
        self._seen.append((now, total))
        while len(self._seen) > 1 and now - self._seen[1][0] >= self._window:
            self._seen.popleft()
        since, before = self._seen[0]
        return (total - before) / (now - since) if now > since else 0.0


class Quantiles:
    """The middle and the tail of the newest `size` samples."""

    def __init__(self, size: int = 512) -> None:
        self._samples: deque[float] = deque(maxlen=size)

    def add(self, samples: list[float]) -> None:
        """Take new samples."""
        self._samples.extend(samples)

    def read(self) -> list[float] | None:
        """Return [p50, p99], or None before the first sample."""
        if not self._samples:
            return None
        return [round(float(each), 1) for each in np.percentile(list(self._samples), [50, 99])]


class ClockOffset:
    """How far a browser's clock is ahead of the kernel's (Mills, RFC 5905, section 8).

    Of the newest exchanges the one with the shortest round trip is the best estimate. One that
    ends before it began is passed over.
    """

    def __init__(self, size: int = 16) -> None:
        self._exchanges: deque[tuple[float, float]] = deque(maxlen=size)

    def add(self, sent: float, received: float, answered: float, heard: float) -> None:
        """Note one exchange in ms: sent and heard by the kernel's clock, the rest by its own."""
        trip = (heard - sent) - (answered - received)
        if not ROUNDING_MS <= trip < math.inf:
            return  # a clock was set between the two: it would look like the best exchange of all
        self._exchanges.append((trip, ((received - sent) + (answered - heard)) / 2))

    @property
    def ms(self) -> float:
        """The offset in ms; 0 before the first exchange."""
        return min(self._exchanges)[1] if self._exchanges else 0.0


class Process:
    """CPU and memory of this process, read at most once each `interval` seconds."""

    def __init__(self, interval: float = 0.5) -> None:
        self._process = psutil.Process()
        self._interval = interval
        self._read_at = -interval
        self.cpu = 0.0  # percent of one core
        self.memory = 0  # bytes, resident
        self._process.cpu_percent()

    def read(self, now: float) -> None:
        """Bring `cpu` and `memory` up to date; `now` in s."""
        if now - self._read_at >= self._interval:
            self._read_at = now
            self.cpu = self._process.cpu_percent()
            self.memory = self._process.memory_info().rss
