"""The wall clock, without its steps back."""

from __future__ import annotations

from livewidget.data.clock import Clock


class SteadyWall:
    """Tells the time in ns UTC so that it never stands still nor goes back. One caller at a time.

    Where the machine's wall clock is set back, an hour's silence still ends after an hour, and
    nobody waits that hour for what is due; where it is set forward, as after a sleep, it follows.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0  # ns by which it is ahead of the wall clock
        self._last = clock.now()
        self._steady = clock.monotonic()

    def now(self) -> int:
        """Return the time."""
        wall, steady = self._clock.now(), self._clock.monotonic()
        least = self._last + round((steady - self._steady) * 1e9)
        if wall + self._ahead < least - _SLEW_NS:
            self._ahead = least - wall
        self._last = max(self._last, wall + self._ahead)
        self._steady = steady
        return self._last


_SLEW_NS = 10**8  # a time server slows a clock down by less between two looks: no step
