"""The small instruments: rates, quantiles, the browser's clock, the process."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence

import psutil

ROUNDING_MS = -2.0  # a browser may tell its time in whole milliseconds


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the `share` quantile, 0 to 1, of rising values, of which there is one at least.

    Between two it is on the line (Hyndman and Fan, 1996, type 7). For some hundred values: an array
    of them would take longer to make than to read.
    """
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


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
        samples = sorted(self._samples)
        return [round(quantile(samples, share), 1) for share in (0.5, 0.99)]


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
        self._read_at: float | None = None
        self._spent = time.process_time()
        self.cpu = 0.0  # percent of one core
        self.memory = 0  # bytes, resident

    def read(self, now: float) -> None:
        """Bring `cpu` and `memory` up to date; `now` in s."""
        before = self._read_at
        if before is None or now - before >= self._interval:
            spent = time.process_time()
            if before is not None:
                self.cpu = 100 * (spent - self._spent) / (now - before)
            self._read_at, self._spent = now, spent
            self.memory = self._process.memory_info().rss
