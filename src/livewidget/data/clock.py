"""Time as the house tells it: one wall clock, one steady clock, both injected."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where every part of the engine gets its time from; tests hand in a manual one."""

    def now(self) -> int:
        """Return the wall clock: nanoseconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Return a clock that never goes back, in seconds from an arbitrary start."""
        ...


class SystemClock:
    """The machine's own clocks. Stateless; may be called from any thread."""

    now = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic)
